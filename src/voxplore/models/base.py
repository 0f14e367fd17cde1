"""What a generator is: `fit`, `generate` and `parts`; saving and loading follow from these."""

import abc
import copy
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore import __version__, config, storage
from voxplore.errors import VoxploreError
from voxplore.ranges import Count, Seed, check_config, within
from voxplore.training import pick_device
from voxplore.training.checkpoint import compact, expand, read_tensors, write_tensors
from voxplore.training.device import on_gpu
from voxplore.training.guard import guarded
from voxplore.unitcells import UnitCells, numbered_ids

__all__ = ["CPU_BATCH", "CellNoise", "Generator"]

#: Cells that a CPU draws together. Fixed, and the last batch filled up, so that no cell depends on the others.
CPU_BATCH = 8


class Generator(abc.ABC):
    """A model of unit cells. A new one defines `name`, `Config` and the three abstract methods, nothing else.

    config: the model's frozen dataclass; it has a field `sampling`. device: "auto", "cpu", "cuda", ...
    """

    name: ClassVar[str]
    Config: ClassVar[type]

    def __init__(self, config: Any, device: str = "auto"):
        if not isinstance(config, self.Config):
            raise VoxploreError("config", expected=f"a {self.Config.__name__}", got=type(config).__name__)
        check_config(config, "config")
        self.config = config
        self.device = pick_device(device)
        self.trained: dict[str, Any] = {}
        """What `fit` was given and took: data set name and sha256, cells seen and seconds a stage."""

    @abc.abstractmethod
    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "Generator":
        """Train on `cells`. run: a folder for checkpoints and the log; the same call again resumes."""

    @abc.abstractmethod
    def generate(self, n: int, *, seed: int, sampling: Any = None, condition: Any = None, first: int = 0) -> UnitCells:
        """Draw n cells; the same seed gives the same cells on one device. sampling: by default the recipe's own.

        first: the number of the first, so that a large drawing can be made in parts. Where it is a multiple of the
        sampler's batch, the parts have the bytes of the whole.
        """

    @abc.abstractmethod
    def parts(self) -> dict[str, nn.Module]:
        """The named networks; each is one safetensors file of a saved model."""

    @staticmethod
    def upgraded(config: Any) -> Any:
        """A configuration that an earlier version saved, as this version writes it."""
        return config

    def together(self, sampling: Any) -> int:
        """Cells that `generate` draws in one batch: on a CPU few, which is as fast and lets one cell cost little."""
        batch = int(getattr(sampling, "batch", 64))
        return batch if on_gpu(self.device) else min(batch, CPU_BATCH)

    def parameters(self) -> int:
        """Number of trained parameters in all parts."""
        return sum(p.numel() for part in self.parts().values() for p in part.parameters())

    def save(self, folder: str | Path, overwrite: bool = False, small: bool = False) -> None:
        """Write `config.json`, one safetensors file a part and the model card, in one step.

        small: large matrices as int8 with a scale a row, a quarter of the size, as shipped models are.
        """
        with storage.staged_folder(folder, overwrite) as stage:
            for name, part in self.parts().items():
                tensors = compact(part.state_dict()) if small else part.state_dict()
                write_tensors(stage / f"{name}.safetensors", tensors, {"part": name})
            checksums = {path.name: storage.sha256(path) for path in sorted(stage.glob("*.safetensors"))}
            storage.write_json(stage / "config.json", {**self._header(), "sha256": checksums})
            storage.write_text(stage / "README.md", _card(self._header(), self.parameters()))

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> "Generator":
        """Open a saved model; VoxploreError names the file that is missing or does not fit."""
        folder = Path(folder)
        header = storage.read_json(folder / "config.json")
        if not isinstance(header, dict) or not isinstance(header.get("trained", {}), dict):
            raise VoxploreError(folder / "config.json", expected="the header of a model", got="something else")
        settings = config.from_dict(cls.Config, cls.upgraded(header.get("config")), str(folder / "config.json"))
        check_config(settings, str(folder / "config.json"))
        with guarded(folder, header.get("config")):
            model = cls(settings, "cpu")
        model = model if pick_device(device) == "cpu" else cls(settings, device)
        model.trained = header.get("trained", {})
        storage.check_sha256(folder, header.get("sha256"), [f"{name}.safetensors" for name in model.parts()])
        for name, part in model.parts().items():
            _load_part(part, folder / f"{name}.safetensors")
            part.to(model.device).eval()
        return model

    def _header(self) -> dict[str, Any]:
        return {
            "format": "voxplore-model",
            "format_version": 1,
            "model": self.name,
            "voxplore_version": __version__,
            "trained": self.trained,
            "config": config.to_dict(self.config),
        }

    def _drawn(self, packed: np.ndarray, resolution: int, seed: int, first: int = 0) -> UnitCells:
        """Wrap generated cells, numbered from `first` on, with their ids and provenance."""
        n = len(packed)
        index = {
            "id": numbered_ids(f"{self.name}-s{seed}", n, first),
            "seed": np.full(n, seed),
            "model": np.full(n, self.name),
        }
        about = {"name": f"{self.name} samples", "source": f"generated by {self.name}", "trained": self.trained}
        return UnitCells(packed, resolution, index, about)

    def _run_folder(self, run: str | Path | None) -> Path:
        """The folder of a run; without one a temporary folder, gone when the model is."""
        if run is not None:
            return Path(run)
        self._temporary = tempfile.TemporaryDirectory(prefix="voxplore-run-")
        return Path(self._temporary.name)


class CellNoise:
    """Standard normal numbers a cell: cell i draws from its own stream (seed, i), so batches do not matter.

    On a GPU the numbers are drawn there, by one generator a cell, and differ from those of a CPU.
    """

    @within
    def __init__(self, seed: Seed, first: int, n: Count, shape: tuple[int, ...], device: str):
        self.streams = [_Stream(seed, first + i, device) for i in range(n)]
        self.shape, self.device = shape, device

    def __call__(self) -> Tensor:
        """The next numbers (n, *shape), float32."""
        if on_gpu(self.device):
            drawn = torch.empty((len(self.streams), *self.shape), device=self.device)
            for row, stream in zip(drawn, self.streams, strict=True):
                row.normal_(generator=stream.there)
            return drawn
        rows = [stream.here.standard_normal(self.shape, dtype=np.float32) for stream in self.streams]
        return torch.from_numpy(np.stack(rows)).to(self.device)

    def of(self, rows: np.ndarray, n: int) -> "CellNoise":
        """The streams of these cells, filled up to n; what is drawn from theirs is drawn from here, too."""
        part = copy.copy(self)
        part.streams = [self.streams[i] for i in rows]
        part.streams += [self.streams[rows[-1]].copy() for _ in range(n - len(rows))]
        return part

    def below(self, bound: int) -> list[int]:
        """The next whole number from 0 to bound - 1 of each cell."""
        return [int(stream.here.integers(bound)) for stream in self.streams]


class _Stream:
    """The random numbers of cell `number` of a seed: of the CPU, and of a GPU where that is the device."""

    def __init__(self, seed: int, number: int, device: str):
        self.here = np.random.Generator(np.random.Philox(key=[seed, number]))
        self.there: torch.Generator | None = None
        if on_gpu(device):
            mixed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
            self.there = torch.Generator(device).manual_seed(int(mixed >> np.uint64(1)))

    def copy(self) -> "_Stream":
        """One that goes on as this one does, apart from it."""
        other = copy.copy(self)
        other.here = copy.deepcopy(self.here)
        other.there = None if self.there is None else self.there.clone_state()
        return other


def _load_part(part: nn.Module, path: Path) -> None:
    tensors = expand(read_tensors(path)[0])
    expected = part.state_dict()
    # Known latents are as many as the training cells: their number is the file's to say.
    fixed = set(expected) & set(tensors) - set(getattr(part, "free_sized", ()))
    wrong = sorted((set(expected) ^ set(tensors)) | {k for k in fixed if expected[k].shape != tensors[k].shape})
    if wrong:
        raise VoxploreError(path, expected=f"tensors of this configuration ({', '.join(wrong[:3])})", got="others")
    for name in getattr(part, "free_sized", ()):
        setattr(part, name, torch.empty_like(tensors[name], dtype=expected[name].dtype))
    part.load_state_dict(tensors)
    if not getattr(part, "consistent", lambda: True)():
        raise VoxploreError(path, expected="tensors that belong together", got="numbers that do not")


def _card(header: dict[str, Any], parameters: int) -> str:
    trained = header["trained"]
    lines = [
        f"# {header['model']}: a generator of metamaterial unit cells",
        "",
        f"Made with voxplore {header['voxplore_version']}; {parameters:,} parameters.",
        "",
        *(f"- {key}: {value}" for key, value in trained.items()),
        "",
        "```python",
        "import voxplore as vp",
        "",
        'cells = vp.load_model("path/of/this/folder").generate(100, seed=0)',
        "```",
        "",
    ]
    return "\n".join(lines)
