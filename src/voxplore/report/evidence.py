"""What a search for a target reached, beside what plain drawing reaches: no success that chance would have had."""

from collections.abc import Mapping

import numpy as np

from voxplore.unitcells import UnitCells
from voxplore.workflows.known import Known
from voxplore.workflows.survey import Survey
from voxplore.workflows.targets import Target

__all__ = ["Reached", "distinct", "expected_best", "headline", "lines", "mutual_iou", "order_of_coarse", "reached"]
__all__ += ["unreached_by_known"]

Columns = Mapping[str, np.ndarray]
#: Misses that count as hits, and the IoU from which two hits are one design (our choices).
NEAR, HIT, SAME = 0.05, 0.10, 0.8


class Reached:
    """Misses of some cells float64 (m,), in numbers."""

    def __init__(self, misses: np.ndarray):
        self.misses = np.asarray(misses, np.float64)

    def row(self, name: str) -> str:
        """A row of the table of the report."""
        if not len(self.misses):
            return f"| {name} | 0 | | | | | |"
        middle, most = np.quantile(self.misses, [0.5, 0.9], method="higher")
        shares = [100 * float((self.misses <= limit + 1e-9).mean()) for limit in (NEAR, HIT)]
        numbers = " | ".join(_miss(value) for value in (self.misses.min(), middle, most))
        return f"| {name} | {len(self.misses)} | {numbers} | {shares[0]:.0f} % | {shares[1]:.0f} % |"


def reached(survey: Survey, fine: Columns, target: Target, best: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the first `best` cells of use that were solved at full resolution, and their misses."""
    m = len(fine["relative_density"])
    rows = np.flatnonzero(survey.passes[:m])
    misses = target.misses({name: column[:m] for name, column in survey.checks.items()} | dict(fine))
    return rows[:best], misses[rows[:best]]


def headline(survey: Survey, fine: Columns, target: Target | None, best: int, table: Known | None) -> str:
    """The first line of the report: what was asked for and whether it was reached."""
    if target is None:
        return (
            f"# {survey.scores.n} unit cells drawn by {survey.scores.name}, {int(survey.passes.sum())} of them of use"
        )
    _, misses = reached(survey, fine, target, best)
    hits = int((misses <= HIT + 1e-9).sum())
    outside = unreached_by_known(target, table)
    more = f"; outside what known cells reach: {', '.join(outside)}" if outside else ""
    if not hits:
        nearest = f"the nearest cell of use misses by {_miss(misses.min())}" if len(misses) else "no cell is of use"
        return f"# Not reached: {target} ({nearest}{more})"
    share = f"Reached within 10 % by {hits} of the {len(misses)} cells kept"
    return f"# {share}: {target} (smallest miss {_miss(misses.min())}{more})"


def lines(survey: Survey, fine: Columns, target: Target, best: int, table: Known | None) -> list[str]:
    """The evidence below the first line: misses beside those of plain draws, and how different the hits are."""
    rows, misses = reached(survey, fine, target, best)
    coarse = target.misses(survey.checks | survey.coarse)
    means = survey.cells.index["found_by"].astype(str)
    drawn = np.sort(np.flatnonzero(means == "drawn"))
    table_rows = [Reached(misses).row(f"kept: first {best} of use, full resolution")]
    table_rows.append(Reached(coarse[drawn]).row("drawn without the target, half resolution"))
    for name in ("conditioned", "surrogate", "adjoint"):
        chosen = np.flatnonzero(means == name)
        if not len(chosen):
            continue
        table_rows.append(Reached(coarse[chosen]).row(f"{name}, half resolution"))
        equal = expected_best(coarse[drawn], len(chosen))
        table_rows.append(
            f"| best of {len(chosen)} drawn without the target (mean of such draws) | | {_miss(equal)} | | | | |"
        )
    hits = rows[misses <= HIT + 1e-9]
    outside = unreached_by_known(target, table)
    reach = "not known: no table of their properties" if table is None else ", ".join(outside) or "nothing"
    return [
        "| cells | number | smallest miss | median | 90th percentile | within 5 % | within 10 % |",
        "|" + "---|" * 7,
        *table_rows,
        "",
        f"A miss is a share of the value asked for (of Poisson's ratios the difference itself), the largest of all "
        f"conditions. Drawn {len(survey.cells)}, solved at half resolution {len(survey.cells)}, at full resolution "
        f"{len(fine['relative_density'])}, of use {int(survey.passes.sum())}, kept {len(rows)}.",
        _variety(survey, hits),
        f"Outside what known cells reach: {reach}.",
        "",
    ]


def unreached_by_known(target: Target, table: Known | None) -> list[str]:
    """The conditions, and all of them together, that no known cell meets within 10 %."""
    if table is None:
        return []
    parts = {str(c): c.misses(table.columns) for c in target.conditions if c.column in table.columns}
    if target.stiffness is not None:
        parts |= Target(stiffness=target.stiffness).parts(table.columns)
    found = [name for name, misses in parts.items() if not (misses <= HIT).any()]
    if not found and len(parts) > 1 and not (np.max(list(parts.values()), axis=0) <= HIT).any():
        return ["all conditions together"]
    return found


def mutual_iou(cells: UnitCells) -> np.ndarray:
    """IoU of each pair of n cells as they lie: float64 (n, n), 1 on the diagonal."""
    bits = np.unpackbits(np.asarray(cells.packed), axis=1).astype(np.float32)
    common = bits @ bits.T
    solid = np.diag(common)
    return common / np.maximum(solid[:, None] + solid - common, 1)


def distinct(cells: UnitCells) -> list[int]:
    """Rows of the cells that no earlier one of them is like, by an IoU of SAME."""
    iou, designs = mutual_iou(cells), []
    for row in range(len(cells)):
        if all(iou[row, other] < SAME for other in designs):
            designs.append(row)
    return designs


def order_of_coarse(survey: Survey, fine: Columns) -> str:
    """How far half resolution, which chose the cells, agrees with full resolution on those shown."""
    m = len(fine["young_share"])
    one, other = (np.nan_to_num(columns["young_share"][:m]) for columns in (survey.coarse, fine))
    if m < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return ""
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    ratio = np.median(one / np.maximum(other, 1e-12))
    return (
        f"All were solved at half resolution, the {m} shown at full resolution: the rank correlation of the two "
        f"stiffness shares is {np.corrcoef(ranks[0], ranks[1])[0, 1]:.2f}, the median ratio {ratio:.2f}."
    )


def _variety(survey: Survey, hits: np.ndarray) -> str:
    """Mutual IoU of the hits, how many designs they are, and how many known cells they are nearest to."""
    if not len(hits):
        return "No hit, so that there is no variety to report."
    iou, designs = mutual_iou(survey.cells[hits]), distinct(survey.cells[hits])
    parents = len(np.unique(survey.scores.columns["nearest_id"][hits]))
    novelty = survey.scores.columns["novelty_ungated"][hits]
    between = iou[np.triu_indices(len(hits), 1)]
    mutual = f"mutual IoU {between.mean():.2f} in the mean, {between.max():.2f} at most; " if len(between) else ""
    return (
        f"Hits: {len(hits)}; {mutual}{len(designs)} designs (mutual IoU below {SAME}); {parents} distinct nearest "
        f"known cells; novelty {novelty.min():.2f} to {novelty.max():.2f}."
    )


def expected_best(misses: np.ndarray, k: int) -> float:
    """Mean smallest miss of k drawn without replacement out of all, exactly: float."""
    ordered = np.sort(misses)
    n, k = len(ordered), min(k, len(ordered))
    if k == 0:
        return float("inf")
    chance, left, total = 1.0, n, 0.0
    for value in ordered:  # chance that none of the smaller ones is among the k
        first = k / left if left > 0 else 1.0
        total += 0.0 if chance == 0 else chance * min(first, 1.0) * value
        chance *= max(1 - first, 0.0)
        left -= 1
    return total


def _miss(value: float) -> str:
    return "no value" if not np.isfinite(value) else f"{100 * value:.1f} %"
