"""The published sets: where they are, under which licence, and how to get them.

Nothing is downloaded unless asked for, and what is downloaded is compared with its checksum where one is known.
"""

from dataclasses import dataclass
from pathlib import Path

from voxplore import storage
from voxplore.errors import VoxploreError

__all__ = ["SOURCES", "Source", "fetch"]


@dataclass(frozen=True)
class Source:
    """One published set. `address` and `page` are for people; `file` is fetched from `address` (None: by hand only).

    host: "hub" (a Hugging Face data set, `address` its name) or "web" (a plain download).
    sha256: of the file, or None where no checksum was published or measured.
    """

    title: str
    page: str
    licence: str
    host: str
    address: str | None
    file: str | None
    sha256: str | None
    cite: str


SOURCES: dict[str, Source] = {
    "metatruss": Source(
        title="MetaTruss, the first 10,000 cells of the strut catalogue at 48^3",
        page="https://huggingface.co/datasets/wzhan24/ReGDiff_MetaTruss_10k",
        licence="CC BY 4.0",
        host="hub",
        address="wzhan24/ReGDiff_MetaTruss_10k",
        file="*.npz",
        sha256=None,
        cite="the MetaTruss authors; cells from Lumpe & Stankovic 2021",
    ),
    "catalogue": Source(
        title="Unit_Cell_Catalog.txt, 17,262 strut graphs",
        page="https://doi.org/10.3929/ethz-b-000457598",
        licence="CC BY-NC 4.0 (not for commercial use)",
        host="web",
        address="https://www.research-collection.ethz.ch/server/api/core/bitstreams/"
        "8d9435c1-5d45-4e9b-be3a-56e88fc4efd5/content",
        file="Unit_Cell_Catalog.txt",
        sha256="d4e7a754c5e46847e4912543d474c33785e26bb6714dcb1bb695dc1b706c50f2",
        cite="Lumpe & Stankovic 2021, PNAS 118(7), doi 10.1073/pnas.2003504118",
    ),
    "metashell": Source(
        title="MetaShell, 21,212 octants of 64^3 with stiffness and volume fraction",
        page="https://arxiv.org/abs/2401.13570",
        licence="not stated where we could read it; ask its authors",
        host="web",
        address=None,
        file=None,
        sha256=None,
        cite="Yang et al. 2024, arXiv 2401.13570",
    ),
}


def fetch(name: str, folder: str | Path | None = None) -> Path:
    """The path of the set's file, downloaded into `folder` (default: `storage.cache_folder()`) unless it is there.

    Needs the extra voxplore[hub]. Raises VoxploreError for an unknown set, for one without a known address, without a
    network, and for a file with another checksum (if it was just downloaded, it is removed).
    """
    if name not in SOURCES:
        raise VoxploreError("published set", expected=" or ".join(SOURCES), got=repr(name))
    source = SOURCES[name]
    if source.address is None or source.file is None:
        got = f"no download address; get it by hand, see {source.page}"
        raise VoxploreError(name, expected="a set that can be downloaded", got=got)
    folder = Path(folder) if folder is not None else storage.cache_folder() / name
    present = sorted(folder.glob(source.file))
    if len(present) == 1:
        return _checked(present[0], source, downloaded=False)
    download = _from_hub if source.host == "hub" else _from_web
    return _checked(download(source, source.address, source.file, folder), source, downloaded=True)


def _checked(path: Path, source: Source, downloaded: bool) -> Path:
    got = storage.sha256(path) if source.sha256 else None
    if got != source.sha256:
        if downloaded:  # a file that was there before is its owner's
            path.unlink()
        raise VoxploreError(path, expected=f"sha256 {source.sha256}", got=str(got))
    return path


def _from_hub(source: Source, address: str, file: str, folder: Path) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise _missing(source, "huggingface_hub") from error
    try:
        snapshot_download(address, repo_type="dataset", allow_patterns=file, local_dir=folder)
    except Exception as error:  # the hub's client raises its own, requests' and OS errors
        raise _unreachable(source, error) from error
    found = sorted(folder.rglob(file))
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        raise VoxploreError(address, expected=f"one file {file}", got=got)
    return found[0]


def _from_web(source: Source, address: str, file: str, folder: Path) -> Path:
    try:
        import pooch
    except ImportError as error:
        raise _missing(source, "pooch") from error
    try:
        # The checksum is compared by us, so that the sentence a user reads is ours.
        return Path(pooch.retrieve(address, known_hash=None, fname=file, path=folder))
    except Exception as error:  # requests', urllib3's and OS errors
        raise _unreachable(source, error) from error


def _missing(source: Source, package: str) -> VoxploreError:
    got = f"no package {package}; or get the file by hand from {source.page}"
    return VoxploreError(source.title, expected="the extra voxplore[hub]", got=got)


def _unreachable(source: Source, error: Exception) -> VoxploreError:
    reason = (str(error).splitlines() or [""])[0][:160] or type(error).__name__
    got = f"{type(error).__name__} ({reason}); or get the file by hand"
    return VoxploreError(source.page, expected="a network that reaches it", got=got)
