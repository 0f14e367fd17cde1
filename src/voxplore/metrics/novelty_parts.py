"""How much of a generator's S_nov is novelty, and how much is reconstruction error."""

import numpy as np

from .neighbours import Cells, Reference, as_cells, as_reference
from .rows import score_blocks

__all__ = ["novelty_parts"]


def novelty_parts(reconstructed: Cells, plain: Cells, drawn: Cells, reference: Cells | Reference) -> dict[str, float]:
    """S_nov (Eq. 15, gated as in benchmark v1) of decode(encode(training cells)), of drawings without and with SRR.

    Returns `reconstruction`, `without_srr`, `with_srr`; `beyond_error`, what the drawings with SRR have above the
    reconstructed training cells; `error_share`, the part of their S_nov that reconstructions have too, at most 1.
    """
    reference = as_reference(reference)
    keys = ("reconstruction", "without_srr", "with_srr")
    found = {key: _novelty(cells, reference) for key, cells in zip(keys, (reconstructed, plain, drawn), strict=True)}
    full, error = found["with_srr"], found["reconstruction"]
    share = min(error / full, 1.0) if full > 0 else 1.0
    return found | {"beyond_error": full - error, "error_share": share}


def _novelty(cells: Cells, reference: Reference) -> float:
    parts = [part["novelty"] for part in score_blocks(as_cells(cells), reference, five=True)]
    return float(np.concatenate([np.zeros(0), *parts]).mean()) if parts else 0.0
