"""What a generator is: `fit`, `generate` and `parts`; saving and loading follow from these."""

import abc
import copy
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore import __version__, config, files
from voxplore.errors import VoxploreError
from voxplore.training import pick_device
from voxplore.training.checkpoint import compact, expand, read_tensors, write_tensors
from voxplore.training.guard import guarded
from voxplore.unitcells import UnitCells, numbered_ids

__all__ = ["CellNoise", "Generator"]


class Generator(abc.ABC):
    """A model of unit cells. A new one defines `name`, `Config` and the three abstract methods, nothing else.

    config: the model's frozen dataclass; it has a field `sampling`. device: "auto", "cpu", "cuda", ...
    """

    name: ClassVar[str]
    Config: ClassVar[type]

    def __init__(self, config: Any, device: str = "auto"):
        if not isinstance(config, self.Config):
            raise VoxploreError("config", expected=f"a {self.Config.__name__}", came=type(config).__name__)
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

    def together(self, sampling: Any) -> int:
        """Cells that `generate` draws in one batch."""
        return int(getattr(sampling, "batch", 64))

    def parameters(self) -> int:
        """Number of trained parameters in all parts."""
        return sum(p.numel() for part in self.parts().values() for p in part.parameters())

    def save(self, folder: str | Path, overwrite: bool = False, small: bool = False) -> None:
        """Write `config.json`, one safetensors file a part and the model card, in one step.

        small: large matrices as int8 with a scale a row, a quarter of the size, as shipped models are.
        """
        with files.staged_folder(folder, overwrite) as stage:
            for name, part in self.parts().items():
                tensors = compact(part.state_dict()) if small else part.state_dict()
                write_tensors(stage / f"{name}.safetensors", tensors, {"part": name})
            checksums = {path.name: files.sha256(path) for path in sorted(stage.glob("*.safetensors"))}
            files.write_json(stage / "config.json", {**self._header(), "sha256": checksums})
            files.write_text(stage / "README.md", _card(self._header(), self.parameters()))

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> "Generator":
        """Open a saved model; VoxploreError names the file that is missing or does not fit."""
        folder = Path(folder)
        header = files.read_json(folder / "config.json")
        if not isinstance(header, dict) or not isinstance(header.get("trained", {}), dict):
            raise VoxploreError(folder / "config.json", expected="the header of a model", came="something else")
        settings = config.from_dict(cls.Config, header.get("config"), str(folder / "config.json"))
        with guarded(folder, header.get("config")):
            model = cls(settings, device)
        model.trained = header.get("trained", {})
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
        return Path(run) if run is not None else Path(tempfile.mkdtemp(prefix="voxplore-run-"))


class CellNoise:
    """Standard normal numbers a cell: cell i draws from its own stream (seed, i), so batches do not matter."""

    def __init__(self, seed: int, first: int, n: int, shape: tuple[int, ...], device: str):
        self.streams = [np.random.Generator(np.random.Philox(key=[seed, first + i])) for i in range(n)]
        self.shape, self.device = shape, device

    def __call__(self) -> Tensor:
        """The next numbers (n, *shape), float32."""
        drawn = np.stack([stream.standard_normal(self.shape, dtype=np.float32) for stream in self.streams])
        return torch.from_numpy(drawn).to(self.device)

    def of(self, rows: np.ndarray, n: int) -> "CellNoise":
        """The streams of these cells, filled up to n; what is drawn from theirs is drawn from here, too."""
        part = copy.copy(self)
        part.streams = [self.streams[i] for i in rows]
        part.streams += [copy.deepcopy(self.streams[rows[-1]]) for _ in range(n - len(rows))]
        return part

    def below(self, bound: int) -> list[int]:
        """The next whole number from 0 to bound - 1 of each cell."""
        return [int(stream.integers(bound)) for stream in self.streams]


def _load_part(part: nn.Module, path: Path) -> None:
    tensors = expand(read_tensors(path)[0])
    expected = part.state_dict()
    # Known latents are as many as the training cells: their number is the file's to say.
    fixed = set(expected) & set(tensors) - set(getattr(part, "free_sized", ()))
    wrong = sorted((set(expected) ^ set(tensors)) | {k for k in fixed if expected[k].shape != tensors[k].shape})
    if wrong:
        raise VoxploreError(path, expected=f"tensors of this configuration ({', '.join(wrong[:3])})", came="others")
    for name in getattr(part, "free_sized", ()):
        setattr(part, name, torch.empty_like(tensors[name], dtype=expected[name].dtype))
    part.load_state_dict(tensors)
    if not getattr(part, "consistent", lambda: True)():
        raise VoxploreError(path, expected="tensors that belong together", came="numbers that do not")


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
        'cells = vp.load_model("path/of/this/folder").generate(100, seed=0)',
        "```",
        "",
    ]
    return "\n".join(lines)
