"""Configurations that earlier versions saved, as this version writes them, so that their models draw the same cells."""

from typing import Any

__all__ = ["upgraded"]

#: What earlier versions had as fields and no recipe ever changed.
_DIFFUSION = {"steps": 1000, "beta_first": 1e-4, "beta_last": 0.02}
_NETWORKS = {"patch": {"squeeze": 0, "channels": 0, "norm": "post", "positions_scale": 0.1, "loss": "mse"}}
_NETWORKS["principal"] = {"voxel_share": 0.25, "loss": "bce+dice"}
#: Fields of the one autoencoder class of then that only the other kind read.
_UNREAD = {
    "patch": ("basis", "voxel_share"),
    "principal": (
        "patch",
        "heads",
        "feed_forward",
        "bottleneck",
        "squeeze",
        "channels",
        "dropout",
        "norm",
        "positions_scale",
    ),
}


def upgraded(config: Any) -> Any:
    """The configuration of a VoxPlore; what is no configuration of an earlier version stays as it is.

    A field that is gone and had another value than all recipes gave it is left in, so that it is refused by its name.
    """
    if not _of_before(config):
        return config
    old = dict(config)
    noise, ras = old.pop("latent_noise", 0.0), old.pop("ras", None) or {}
    denoiser, standardise = _denoiser(old.pop("denoiser"))
    new = {
        "autoencoder": _autoencoder(old.pop("autoencoder")),
        "regularisation": _regularisation(old, ras, noise),
        "loss": _moved(old, "negatives", "negative_share", "negative_mix") | {"noise": noise},
        "standardise": standardise,
        "denoiser": denoiser,
        "sampling": _sampling(old.pop("sampling", None) or {}),
    }
    if denoiser["name"] == "closed_form":
        new["denoiser_training"] = None
    return old | new


def _of_before(config: Any) -> bool:
    """Whether it is the configuration of an earlier version: its autoencoder had no name."""
    if not isinstance(config, dict) or not isinstance(config.get("denoiser"), dict):
        return False
    autoencoder, optional = config.get("autoencoder"), (config.get("ras"), config.get("sampling"))
    return isinstance(autoencoder, dict) and "name" not in autoencoder and all(map(_dict_or_none, optional))


def _dict_or_none(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _autoencoder(old: dict[str, Any]) -> dict[str, Any]:
    old = dict(old)
    name = "principal" if old.pop("kind", "transformer") == "principal" else "patch"
    kept = {key: value for key, value in old.items() if key not in _UNREAD[name]}
    new = {"name": name, **_without(kept, _NETWORKS[name])}
    return new if name == "principal" else {**new, "activation": "gelu"}


def _denoiser(old: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The new denoiser, and how latents are standardised."""
    old = _without(old, _DIFFUSION)
    closed, standardise = old.pop("kind", "mlp") == "empirical", old.pop("standardise", "each")
    if closed:
        kept = {"neighbours": old.get("neighbours", 1), "concentration": old.get("concentration", 1.0)}
        return {"name": "closed_form", **kept, "points": old.get("points", 30_000)}, standardise
    for unread in ("neighbours", "concentration", "points", "density_width", "property_share"):
        old.pop(unread, None)
    layers = old.get("layers", 16)
    # The linear layers at both ends were counted, too.
    return {"name": "residual", **old, "layers": layers - 2 if isinstance(layers, int) else layers}, standardise


def _regularisation(old: dict[str, Any], ras: dict[str, Any], noise: float) -> dict[str, Any]:
    kind, weight = old.pop("regularisation", "ras"), old.pop("contrastive", 0.1)
    if kind == "ras":
        return {"name": "ras", **ras}
    sink = ras.get("sink", 1e-3) if noise else 0.0
    return (
        {"name": "contrastive", "weight": weight, "sink": sink}
        if kind == "contrastive"
        else {"name": "sink", "sink": sink}
    )


def _sampling(old: dict[str, Any]) -> dict[str, Any]:
    """What were fields is a list of steps, in the order in which they were taken."""
    old = dict(old)
    levels, spanning = old.pop("lower", []), old.pop("spanning", False)
    corrections, calibrate = old.pop("density_corrections", 0), old.pop("calibrate", False)
    symmetrise, largest = old.pop("symmetrise", False), old.pop("largest_piece", False)
    redraws, turn = old.pop("redraws", 0), old.pop("turn", "none")
    steps = [
        (symmetrise, {"name": "symmetrise"}),
        (levels, {"name": "levels", "levels": levels, "spanning": spanning}),
        (corrections or calibrate, {"name": "match_density", "corrections": corrections, "calibrate": calibrate}),
        (largest, {"name": "largest_piece"}),
        (redraws, {"name": "redraw", "times": redraws}),
        (turn != "none", {"name": "orient", "by": turn}),
    ]
    return {**old, "after": [step for taken, step in steps if taken]}


def _moved(old: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: old.pop(name) for name in names if name in old}


def _without(old: dict[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    """The same without the fields that have the value in `fixed`."""
    return {key: value for key, value in old.items() if key not in fixed or value != fixed[key]}
