"""What goes home from a lent machine: at most eight files of 16 MiB, the most needed first, complete at any moment.

Two streams, each a tar archive cut into pieces: `results` (scores, logs, drawn cells) and `weights`. A stream only
grows, and every piece is replaced in one step, so that a command stopped at its limit loses the newest member alone.
"""

import io
import os
import shutil
import tarfile
from pathlib import Path

__all__ = ["Home", "halved"]

PIECE = (16 << 20) - 4096
#: Pieces of each stream: seven in all, so that one file is left for the log; and most bytes of all of them.
PIECES = {"results": 2, "weights": 5}
MOST = 63 << 20


class Home:
    """The folder OUT."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.members: dict[str, list[tuple[str, bytes]]] = {kind: [] for kind in PIECES}

    def add(self, kind: str, path: Path, name: str) -> bool:
        """Put a file or folder under `name` at the end of a stream; False, and nothing done, where it does not fit."""
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        fresh = [(name if file == path else f"{name}/{file.relative_to(path)}", file.read_bytes()) for file in files]
        kept = self.members[kind]
        self.members[kind] = [*kept, *fresh]
        others = sum(_size(members) for other, members in self.members.items() if other != kind)
        size = _size(self.members[kind])
        if size > PIECES[kind] * PIECE or size + others > MOST:
            self.members[kind] = kept
            return False
        self._write(kind)
        return True

    def _write(self, kind: str) -> None:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name, content in self.members[kind]:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        whole = stream.getvalue()
        for number in range(-(-len(whole) // PIECE)):
            temporary = self.folder / f".{kind}.{number}"
            temporary.write_bytes(whole[number * PIECE : (number + 1) * PIECE])
            os.replace(temporary, self.folder / f"{kind}.{number}")


def _size(members: list[tuple[str, bytes]]) -> int:
    """Bytes of the archive of these members: a header and whole blocks each, and its end."""
    return sum(1024 + -(-len(content) // 512) * 512 for _, content in members) + 20480


def halved(model: Path, folder: Path) -> Path:
    """A copy of a saved model with float16 in place of float32: half the bytes, and it loads the same way."""
    from safetensors.torch import load_file, save_file

    from voxplore import storage

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model, folder)
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        save_file({name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}, path)
    header = storage.read_json(folder / "config.json")
    checksums = {path.name: storage.sha256(path) for path in sorted(folder.glob("*.safetensors"))}
    storage.write_json(folder / "config.json", {**header, "sha256": checksums})
    return folder
