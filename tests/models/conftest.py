import pytest

from voxplore.models.voxplore import method


@pytest.fixture(autouse=True)
def few_chains(monkeypatch):
    """VoxPlore draws 256 chains together, whatever it is asked for; a test needs a dozen."""
    monkeypatch.setattr(method, "_CHAINS", 16)
