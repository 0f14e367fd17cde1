"""Map over cells: a process pool on one machine ("local"), Ray past it ("ray")."""

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from multiprocessing import forkserver, get_context, parent_process
from typing import Any, TypeVar

from voxplore.errors import VoxploreError
from voxplore.processes import available_cores, module_of, short_temporary_folder, without_main
from voxplore.ranges import Workers, within

__all__ = ["ENGINES", "engine_for_all", "map_items"]

ENGINES = ("local", "ray")
_BLAS_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_THREAD_VARIABLES = (*_BLAS_VARIABLES, "NUMBA_NUM_THREADS")
#: Items handed to Ray at once: results that nobody takes fill its store.
_AHEAD = 1024
#: What "local" stands for at the moment.
_usual: ContextVar[str] = ContextVar("engine", default="local")

Item = TypeVar("Item")
Result = TypeVar("Result")


@within
def map_items(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: Workers | None = None,
    engine: str = "local",
    sums: bool = False,
) -> Iterator[Result]:
    """Results of `function` (a picklable top-level function) in the order of `items`, one thread a worker.

    workers: processes, by default the cores that this process may use; 1 runs in this process. The results never depend
    on it. sums: the last digits of the results depend on the threads of BLAS, so that one worker is a process of its
    own, too, unless this process has one thread.
    """
    engine = _usual.get() if _checked(engine) == "local" else engine
    items = list(items)
    workers = min(workers or available_cores(), max(len(items), 1))
    if engine == "ray":
        return _map_ray(function, items)
    if workers == 1 and not (sums and items and _has_threads()):
        return map(function, items)
    return _map_local(function, items, workers)


@contextlib.contextmanager
def engine_for_all(engine: str) -> Iterator[None]:
    """Let all maps in this block that name no other engine run on this one."""
    before = _usual.set(_checked(engine))
    try:
        yield
    finally:
        _usual.reset(before)


def _checked(engine: str) -> str:
    if engine not in ENGINES:
        raise VoxploreError("engine", expected=" or ".join(ENGINES), got=engine)
    return engine


def _has_threads() -> bool:
    """Whether BLAS may spread a sum over threads in this process."""
    return available_cores() > 1 and not any(os.environ.get(name) == "1" for name in _BLAS_VARIABLES)


def _map_local(function: Callable, items: list, workers: int) -> Iterator[Any]:
    # A fork would copy the locks of running numba and torch threads; a server forked before them does not.
    context = get_context("forkserver")
    context.set_forkserver_preload([name for name in (module_of(function),) if name != "__main__"])  # imported once
    short_temporary_folder()
    with _deaf(), without_main(function), _one_thread():
        forkserver.ensure_running()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
    try:
        with _later(), without_main(function):
            for _ in range(workers):  # each starts one
                pool.submit(int)
            results = pool.map(function, items)
        yield from results
    except BrokenProcessPool as error:
        _stop(pool)
        got = "one that was killed from outside (by the system, where memory ran out); the same command goes on"
        raise VoxploreError("workers", expected="processes that live until they are done", got=got) from error
    except BaseException:  # an interrupt, or a caller that wants no more: nobody waits for cells in work
        _stop(pool)
        raise
    pool.shutdown()


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now, whatever they are at."""
    processes, results = list((pool._processes or {}).values()), pool._result_queue
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
    # Who reads half of a result waits for the rest as long as anybody could write it: here that is this process alone.
    if writer := getattr(results, "_writer", None):
        writer.close()
    pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that start meanwhile have one thread each: two on a contended core can be many times slower."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that start meanwhile ignore Ctrl-C, which reaches the whole group: telling of it is ours."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _later() -> Iterator[None]:
    """Hear Ctrl-C at the end of the block: workers are started in it, and one that is half started nobody stops."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    got: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: got.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    for number in got[:1]:
        signal.raise_signal(number)


def _begin() -> None:
    """What a worker starts with, also where a server was running before with more threads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _THREAD_VARIABLES:
        os.environ[name] = "1"
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A parent that is killed cannot tell its workers to stop: they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _map_ray(function: Callable, items: list) -> Iterator[Any]:
    try:
        import ray
    except ImportError as error:
        raise VoxploreError("engine ray", expected="the extra voxplore[ray]", got="no package ray") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    # A worker that is killed loses its cells in work; Ray gives them to another, as often as it takes.
    remote = ray.remote(num_cpus=1, max_retries=-1)(_alone)
    yield from _in_order(ray, remote, ray.put(function), items)


def _in_order(ray: Any, remote: Any, function: Any, items: list) -> Iterator[Any]:
    """Results in the order of the items, while no more than _AHEAD of them are at work or wait to be taken."""
    waiting: deque[Any] = deque()
    try:
        for item in items:
            if len(waiting) >= _AHEAD:
                yield _result(ray, waiting.popleft())
            waiting.append(remote.remote(function, item))
        while waiting:
            yield _result(ray, waiting.popleft())
    finally:
        for task in waiting:
            ray.cancel(task, force=True)


def _result(ray: Any, task: Any) -> Any:
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, VoxploreError):
            raise error.cause from None
        raise


def _alone(function: Callable, item: Any) -> Any:
    """One item in a worker of Ray, on one thread."""
    for name in _THREAD_VARIABLES:
        os.environ[name] = "1"
    return function(item)
