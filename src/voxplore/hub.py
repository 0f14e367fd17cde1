"""Models and sets of cells to and from a hub (Hugging Face's, or one of the same interface): extra `[hub]`.

Only the files that voxplore writes are sent and fetched: safetensors, JSON, our packed cells and the card. Nothing that
could run is among them.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from voxplore import storage
from voxplore.errors import VoxploreError

__all__ = ["Address", "card_of_cells", "card_of_model", "fetch", "load_model", "model_folder", "push"]

SCHEME = "hf://"
#: What is sent and fetched: patterns of names in the folder itself.
MODEL_FILES = ("config.json", "*.safetensors", "README.md")
CELLS_FILES = ("cells.json", "voxels.npy", "index.csv", "README.md")
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = re.compile(rf"hf://({_WORD}/{_WORD})(?:@({_WORD}(?:/{_WORD})*))?")
#: The hub's patterns match across folders; what voxplore writes lies in none.
_BELOW = ["*/*"]


class Address(NamedTuple):
    """owner/name on the hub, and a revision (branch, tag or commit; None: the newest)."""

    name: str
    revision: str | None

    @staticmethod
    def parse(text: str) -> "Address":
        """From "hf://owner/name" or "hf://owner/name@revision"; VoxploreError for anything else."""
        found = _NAME.fullmatch(text)
        if found is None or ".." in text:
            raise VoxploreError("hub", expected=f"{SCHEME}owner/name or {SCHEME}owner/name@revision", got=text)
        return Address(found[1], found[2])


def fetch(address: str, kind: str = "model", folder: str | Path | None = None) -> Path:
    """The local folder with the files of a model or ("dataset") of a set of cells; downloaded once a revision.

    folder: where to put them; by default the hub's own cache. Raises VoxploreError without the extra, for an address
    that is none, and where the hub cannot be reached or has no such thing.
    """
    where, hub = Address.parse(address), _hub()
    patterns = list(MODEL_FILES if kind == "model" else CELLS_FILES)
    options = {"repo_type": kind, "revision": where.revision, "allow_patterns": patterns, "ignore_patterns": _BELOW}
    try:
        return Path(hub.snapshot_download(where.name, **options, **({"local_dir": folder} if folder else {})))
    except Exception as error:  # the hub's client raises its own, its transport's and OS errors
        raise _failed(address, "a hub that has it and can be reached", error) from error


def load_model(source: str | Path, device: str = "auto") -> Any:
    """As `models.load_model`, and from a hub where source is "hf://owner/name[@revision]"."""
    from voxplore import models

    return models.load_model(model_folder(source), device)


def model_folder(source: str | Path) -> Path:
    """The local folder of a saved model, of "default", or of one on a hub, which is fetched."""
    from voxplore import models

    return fetch(str(source)) if str(source).startswith(SCHEME) else models.model_folder(source)


def push(folder: str | Path, to: str, private: bool = False) -> str:
    """Send a saved model or a folder of cells to "hf://owner/name[@branch]"; returns the address of its page.

    What is sent is verified first (`workflows.info.verify`), and a card made from its config goes with it. Raises
    VoxploreError for a folder that is neither, is damaged, or cannot be sent.
    """
    from voxplore.workflows.info import verify

    folder, where = Path(folder), Address.parse(to)
    if (folder / "config.json").is_file():
        kind, patterns, card = "model", MODEL_FILES, card_of_model
    elif (folder / "cells.json").is_file():
        kind, patterns, card = "dataset", CELLS_FILES, card_of_cells
    else:
        raise VoxploreError(folder, expected="a saved model or a folder of cells", got="neither")
    verify(folder)
    text = card(folder)
    api = _hub().HfApi()
    shared = {"repo_id": where.name, "repo_type": kind}
    try:
        api.create_repo(**shared, private=private, exist_ok=True)
        if where.revision:
            api.create_branch(**shared, branch=where.revision, exist_ok=True)
        shared |= {"revision": where.revision}
        sent = [pattern for pattern in patterns if pattern != "README.md"]
        api.upload_folder(
            **shared,
            folder_path=str(folder),
            allow_patterns=sent,
            ignore_patterns=_BELOW,
            commit_message="voxplore push",
        )
        api.upload_file(**shared, path_or_fileobj=text.encode(), path_in_repo="README.md")
    except Exception as error:
        raise _failed(to, "a hub that takes it", error) from error
    return f"{'datasets/' if kind == 'dataset' else ''}{where.name}"


def card_of_model(folder: Path) -> str:
    """The model card: what the hub reads first, then what the config says."""
    header = storage.read_json(folder / "config.json")
    trained = header.get("trained") if isinstance(header, dict) else None
    if not isinstance(header, dict) or not isinstance(trained, dict):
        raise VoxploreError(folder / "config.json", expected="the header of a model", got="something else")
    name = str(header.get("model"))
    lines = [
        *_front({"library_name": "voxplore", "tags": ["metamaterials", "unit-cells", name]}),
        f"# {name}: a generator of metamaterial unit cells",
        "",
        f"Made with voxplore {header.get('voxplore_version')}. Weights are safetensors; nothing is pickled.",
        "",
        *(f"- {key.replace('_', ' ')}: {_line(value)}" for key, value in trained.items()),
        "",
        "```python",
        "import voxplore as vp",
        'cells = vp.load_model("hf://OWNER/NAME").generate(100, seed=0)',
        "```",
        "",
    ]
    return "\n".join(lines)


def card_of_cells(folder: Path) -> str:
    """The data card, from cells.json."""
    header = storage.read_json(folder / "cells.json")
    if not isinstance(header, dict):
        raise VoxploreError(folder / "cells.json", expected="the header of cells", got="something else")
    facts = ("n", "resolution", "source", "licence", "split_rule", "periodicity_floor", "voxplore_version")
    lines = [
        *_front({"tags": ["metamaterials", "unit-cells", "voxels"]}),
        f"# {_line(header.get('name', 'cells'))}: unit cells of metamaterials",
        "",
        "Binary cells (1 is solid; axes x, y, z in C order), packed by `np.packbits`, a row a cell.",
        "",
        *(f"- {key.replace('_', ' ')}: {_line(header[key])}" for key in facts if key in header),
        "",
        "```python",
        "import numpy as np",
        f'packed = np.load("voxels.npy")  # uint8 (n, {header.get("resolution")}^3 / 8)',
        f"voxels = np.unpackbits(packed, axis=1).reshape(-1, *3 * ({header.get('resolution')},))",
        "```",
        "",
    ]
    return "\n".join(lines)


def _front(fields: dict[str, Any]) -> list[str]:
    """What stands before the card between dashes; JSON values are YAML."""
    import json

    return ["---", *(f"{key}: {json.dumps(value)}" for key, value in fields.items()), "---", ""]


def _line(value: Any) -> str:
    return " ".join(str(value).split())


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise VoxploreError("hub", expected="the extra voxplore[hub]", got="no package huggingface_hub") from error
    return huggingface_hub


def _failed(address: str, expected: str, error: Exception) -> VoxploreError:
    reason = (str(error).splitlines() or [""])[0][:160]
    return VoxploreError(address, expected=expected, got=f"{type(error).__name__} ({reason})")
