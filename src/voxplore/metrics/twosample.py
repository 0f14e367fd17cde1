"""Can a classifier tell two sets of cells apart? The classifier two-sample test (Lopez-Paz & Oquab 2017), by AUC.

The classifier is a logistic regression on the descriptors and their squares, so that it sees means and spreads. It is
trained on four fifths of the pairs and judged on the last fifth, five times. .5: the sets cannot be told apart by these
descriptors; 1: every cell can be told.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

__all__ = ["FOLDS", "LEAST_PAIRS", "area_under_curve", "two_sample_auc"]

FOLDS = 5
#: With fewer pairs there is nothing to learn from.
LEAST_PAIRS = 40
#: Weight of the squared coefficients, of numbers scaled to variance 1 (our choice).
PENALTY = 1.0
#: Scaled descriptors are clipped here: a single outlier does not steer the fit.
_CLIP = 5.0


def two_sample_auc(first: np.ndarray, second: np.ndarray) -> float:
    """Mean area under the curve over the folds, of pairs: float64 (k, m) descriptors each, row i of both one pair.

    nan with fewer than LEAST_PAIRS pairs. Both cells of a pair are always in the same fold; pair i in fold i mod FOLDS.
    """
    n = len(first)
    if n < LEAST_PAIRS:
        return float("nan")
    values = np.concatenate([first, second])
    label = np.repeat([1.0, 0.0], n)
    fold = np.tile(np.arange(n) % FOLDS, 2)
    found = []
    for k in range(FOLDS):
        known = fold != k
        features = _features(values, known)
        weights = _logistic(features[known], label[known])
        found.append(area_under_curve(features[~known] @ weights, label[~known] == 1))
    return float(np.mean(found))


def area_under_curve(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive has the higher score of a positive and a negative, equal ones counted half."""
    n = int(positive.sum())
    rank = rankdata(score)[positive].sum()
    return float((rank - n * (n + 1) / 2) / (n * (len(score) - n)))


def _features(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Scaled by the mean and deviation of the known rows, clipped; with their squares and a constant."""
    middle, spread = values[known].mean(axis=0), values[known].std(axis=0)
    scaled = np.clip((values - middle) / np.where(spread > 1e-12, spread, 1.0), -_CLIP, _CLIP)
    squares = scaled**2
    squares -= squares[known].mean(axis=0)
    deviation = squares[known].std(axis=0)
    squares /= np.where(deviation > 1e-12, deviation, 1.0)
    return np.concatenate([scaled, squares, np.ones((len(values), 1))], axis=1)


def _logistic(features: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Coefficients of the logistic regression with a penalty on all but the constant."""
    sign = 2 * label - 1

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (features @ weights)
        slope = -sign * expit(-margin)
        penalty = np.append(weights[:-1], 0.0)
        value = np.logaddexp(0, -margin).sum() + PENALTY / 2 * (penalty**2).sum()
        return float(value), features.T @ slope + PENALTY * penalty

    start = np.zeros(features.shape[1])
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)
