"""A disk that is full: a small file system in memory, mounted for the test. One sentence, nothing half-written, and the
same command goes on once there is room."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_server import Server, contents
from fault_verbs import Verb, verbs

#: Kilobytes of the disk: within the first files, within the larger ones.
SIZES = (4, 16, 48)
FULL = ("no space left on device", "too little room")


def mount(*options: str) -> subprocess.CompletedProcess:
    return subprocess.run(["mount", *options], capture_output=True, text=True, check=False)


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[..., Path]]:
    """Makes a file system of some kilobytes and inodes, or changes its size; skips where nothing may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def sized(kilobytes: int, inodes: int = 0) -> Path:
        nonlocal mounted
        more = f"remount,size={kilobytes}k" if mounted else f"size={kilobytes}k"
        try:
            done = mount("-t", "tmpfs", "-o", f"{more},nr_inodes={inodes}", "voxplore-test", str(place))
        except OSError as error:
            pytest.skip(f"nothing can be mounted here: {error}")
        if done.returncode and not mounted:
            pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        mounted = True
        return place

    yield sized
    if mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def one_sentence(told: str) -> bool:
    lines = [line for line in told.splitlines() if line.startswith("voxplore: ")]
    return len(lines) == 1 and any(text in lines[0] for text in FULL) and "Traceback" not in told


def fill(server: Server, verb: Verb, disk: Callable[..., Path], kilobytes: int, inodes: int = 0) -> bool:
    """Whether the verb found the disk full; then it is as it should be, also after there is room again."""
    out = disk(kilobytes, inodes) / f"out{verb.suffix}"
    command = [*verb.arguments(server.work), "--out", out]
    ended = server.run(*command)
    if ended.status == 0:
        return False
    assert ended.status == 2, (verb.name, kilobytes, ended)
    assert one_sentence(ended.told), (verb.name, kilobytes, ended)
    assert not (out / verb.artefact).exists() or verb.name == "train", (verb.name, kilobytes)
    hidden = [path.name for path in out.parent.iterdir() if path.name.startswith(".")]
    assert hidden == [], (verb.name, kilobytes)
    disk(1 << 16)
    server.done(*command)
    whole = server.work / f"roomy-{verb.name}{verb.suffix}"
    if not whole.exists():
        server.done(*verb.arguments(server.work), "--out", whole)
    assert contents(out / verb.artefact) == contents(whole / verb.artefact), (verb.name, kilobytes)
    assert {path.name for path in out.parent.iterdir()} == {out.name}
    return True


@pytest.mark.parametrize("name", ["build", "export"])
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(server, disk, name):
    verb = next(verb for verb in verbs() if verb.name == name)
    assert fill(server, verb, disk, SIZES[1])


def test_a_disk_without_room_for_another_file_is_one_sentence_too(server, disk):
    verb = next(verb for verb in verbs() if verb.name == "export")
    assert fill(server, verb, disk, 1 << 14, inodes=6)


@pytest.mark.slow
@pytest.mark.parametrize("name", [verb.name for verb in verbs()])
def test_every_verb_finds_a_full_disk(prepared_verbs, disk, name):
    server, all_verbs = prepared_verbs
    verb = next(verb for verb in all_verbs if verb.name == name)
    found = []
    for kilobytes in SIZES:
        found.append(fill(server, verb, disk, kilobytes))
        for path in disk(1 << 16).iterdir():
            subprocess.run(["rm", "-rf", str(path)], check=True)
    assert found[0]
