"""Batches of a training: the same whether a process prepares them ahead or not."""

import numpy as np
import pytest
import torch

from voxplore.training import feed


def prepare(rng: np.random.Generator, n: int):
    return rng.random((n, 3, 5)) < 0.5, {"rows": rng.integers(0, 9, n)}


def test_batches_prepared_by_worker_processes_are_those_prepared_on_the_spot(monkeypatch):
    monkeypatch.setattr(feed, "_WORKERS", 2)
    here = list(feed.batches(prepare, "stage", 3, range(4, 9), 6, "cpu"))
    work = feed._Batches(prepare, "stage", 3, range(4, 9), 6)
    ahead = [(seed, feed._unpacked(batch)) for seed, batch in feed._loader(work)]
    assert len(here) == len(ahead) == 5
    for (seed, (solid, rest)), (other_seed, (other_solid, other_rest)) in zip(here, ahead, strict=True):
        assert seed == other_seed
        assert solid.dtype == torch.uint8
        assert torch.equal(solid, other_solid)
        assert torch.equal(rest["rows"], other_rest["rows"])


def test_a_step_has_the_same_batch_wherever_a_training_begins():
    whole = list(feed.batches(prepare, "stage", 3, range(6), 4, "cpu"))
    rest = list(feed.batches(prepare, "stage", 3, range(3, 6), 4, "cpu"))
    for (seed, (solid, _)), (other, (again, _)) in zip(whole[3:], rest, strict=True):
        assert seed == other
        assert torch.equal(solid, again)
    assert not torch.equal(whole[0][1][0], whole[1][1][0])


def test_without_a_preparation_the_batch_is_the_generator_of_the_step():
    (seed, rng), *_ = feed.batches(None, "stage", 0, range(1), 4, "cpu")
    again, same = feed.step_generator(0, "stage", 0)
    assert seed == same
    assert rng.random() == again.random()


@pytest.mark.parametrize("shape", [(2, 3), (1, 8), (7,), (2, 5, 5, 5)])
def test_bits_unpack_to_what_was_packed(shape):
    whole = np.random.default_rng(0).random(shape) < 0.4
    found = feed._from_bits(*feed._packed(whole))
    assert np.array_equal(found.numpy().astype(bool), whole)
