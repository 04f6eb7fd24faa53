"""Whether rows that came from a file of their own look like the training rows: a two-sample classifier.

If train and test come from one distribution, no classifier can tell a row of one from a row of the other better
than chance; if one can, they differ (Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.scaling import Vector
from dltrain.engine.arrays import Bools, Floats
from dltrain.engine.streams import Purpose, permutation

ROWS = 5_000
VALUES = 2_000_000
"""Rows of each part that are compared, and values, unless that were fewer than 500 rows."""
LEAST = 20
"""With fewer rows of a part nothing is said."""
ALPHA = 0.001
AUC = 0.6
"""They do not look alike if the held-out AUC is above this, and above what chance reaches in one of 1,000 cases."""
TERMS = 200
"""Of x and x² of all inputs, those that differ most on the fitting half are used."""
NAMED = 20
"""Of so many terms the one with the highest AUC alone is named."""
CLIP = 5.0
RIDGE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Alikeness:
    """How well train and another part can be told apart, on rows that the classifier has not seen."""

    auc: float
    """The share of pairs of one row each that it puts in the right order; 0.5 is chance."""
    accuracy: float
    """The share of each part's rows that it places rightly, the mean of both; 0.5 is chance."""
    p: float
    """One-sided, of an AUC so far above 0.5."""
    column: str
    """The input that says most alone."""
    spread: bool
    """It is rather its spread than its place that differs."""
    n: int
    """Held-out rows."""

    @property
    def differ(self) -> bool:
        return self.p < ALPHA and self.auc > AUC

    def note(self, part: str) -> str:
        """The warning, or an empty string where there is nothing to warn of."""
        if not self.differ:
            return ""
        most = f"the spread of {self.column}" if self.spread else self.column
        return (
            f"warning: {part} does not look like train: a linear classifier tells their rows apart in "
            f"{self.accuracy:.0%} of the cases (chance 50%), most by {most}; {_MEANS[part]}"
        )


_MEANS = {
    "test": "errors on dev say little about test unless dev comes from the test source (data.dev_test_source); "
    "split.train_dev measures the mismatch",
    "dev": "its error mixes variance and mismatch, which split.train_dev tells apart",
    "train_dev": "it should be rows of the training source",
}


def alike(train: Floats, other: Floats, inputs: Sequence[str]) -> Alikeness | None:
    """Compares train: (m, k) with another part: (n, k), as the network sees them; None for fewer than 40 rows of one.

    Of each at most 5,000 rows are drawn; a linear discriminant (Fisher's, with a ridge) on x and x² is fitted on
    half of them and measured on the other half. `inputs` names the columns.
    """
    if min(len(train), len(other)) < 2 * LEAST or not inputs:
        return None
    X, source, fitting = _drawn(train, other)
    Z = _terms(X, fitting)
    terms = _furthest(Z[fitting], source[fitting])
    w, cut = _discriminant(Z[np.ix_(fitting, terms)], source[fitting])
    held, other_row = Z[~fitting], source[~fitting]
    score = held[:, terms] @ w
    alone = [abs(auc(held[:, j], other_row) - 0.5) for j in terms[:NAMED]]
    most = int(terms[int(np.argmax(alone))])
    value, n = auc(score, other_row), int(other_row.sum())
    return Alikeness(
        auc=value,
        accuracy=float((score[~other_row] <= cut).mean() + (score[other_row] > cut).mean()) / 2,
        p=_chance(value, len(other_row) - n, n),
        column=inputs[most % len(inputs)],
        spread=most >= len(inputs),
        n=len(other_row),
    )


def _drawn(train: Floats, other: Floats) -> tuple[Vector, Bools, Bools]:
    """Rows of both parts in random order, who is of the other part, and who is for fitting: every second of each."""
    most = min(ROWS, max(500, VALUES // train.shape[1]))
    rows = [permutation(len(X), 0, Purpose.ALIKE, part)[:most] for part, X in enumerate((train, other))]
    X = np.concatenate([train[rows[0]], other[rows[1]]]).astype(np.float64)
    fitting = np.concatenate([np.arange(len(some)) % 2 == 0 for some in rows])
    return X, np.arange(len(X)) >= len(rows[0]), fitting


def _terms(X: Vector, fitting: Bools) -> Vector:
    """x and x² of every input, each with mean 0 and standard deviation 1 on the fitting half: (n, 2k)."""
    largest = np.abs(X).max(axis=0)
    z = _standard(X / np.where(largest > 0, largest, 1.0), fitting)
    return np.hstack([z, _standard(z * z, fitting)])


def _standard(X: Vector, fitting: Bools) -> Vector:
    """Outliers are cut off, so that a few of them do not hide what differs; constant columns become 0."""
    mean, sd = X[fitting].mean(axis=0), X[fitting].std(axis=0)
    z = np.divide(X - mean, sd, out=np.zeros_like(X), where=sd > 1e-12)
    return np.asarray(np.clip(z, -CLIP, CLIP, out=z))


def _furthest(Z: Vector, other: Bools) -> npt.NDArray[np.int64]:
    """The terms whose means differ most, in standard deviations, the first ahead."""
    return np.argsort(-np.abs(Z[other].mean(axis=0) - Z[~other].mean(axis=0)), kind="stable")[:TERMS]


def _discriminant(Z: Vector, other: Bools) -> tuple[Vector, float]:
    """w = (S + λI)⁻¹ (μ₁ − μ₀), S the covariance inside the parts; and the score half-way between their means."""
    means = [Z[~other].mean(axis=0), Z[other].mean(axis=0)]
    S = (np.cov(Z[~other].T, ddof=0) + np.cov(Z[other].T, ddof=0)).reshape(Z.shape[1], -1) / 2
    ridge = max(RIDGE, Z.shape[1] / len(Z))
    w = np.linalg.solve(S + ridge * np.eye(len(S)), means[1] - means[0])
    return w, float((means[0] + means[1]) @ w) / 2


def auc(score: Vector, other: Bools) -> float:
    """P(score of another's row > score of a train row), ties as half: the Mann-Whitney statistic over m n."""
    _, place, times = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[place]
    n = int(other.sum())
    return float((rank[other].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def _chance(value: float, m: int, n: int) -> float:
    """P(AUC ≥ value) where the rows are alike: normal, with variance (m + n + 1)/(12 m n) (Mann and Whitney 1947)."""
    z = (value - 0.5) / sqrt((m + n + 1) / (12 * m * n))
    return 0.5 * erfc(z / sqrt(2))
