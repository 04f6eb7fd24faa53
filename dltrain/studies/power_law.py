"""err(m) = a + b m^-c fitted to a learning curve: what is left with all data in the world, and how fast more helps.

The form that learning curves are found to follow (Cortes et al. 1993; Viering and Loog 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltrain.diagnosis.intervals import z_value
from dltrain.diagnosis.means import t_value
from dltrain.engine.arrays import Ints
from dltrain.engine.streams import Purpose, generator

Values = npt.NDArray[np.float64]
EXPONENTS: Values = np.round(np.arange(0.05, 2.0001, 0.01), 2)
"""Those tried for c. From 2 on a curve is a cliff, below 0.05 a straight line."""
DRAWS = 2000
FARTHEST = 4.0
"""Times the data that there are: no curve is drawn beyond."""
PLACE = 1
"""Of the draws in the stream of bootstraps, apart from those of intervals."""


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """a, b >= 0 and c > 0; each (n,) for n fits, or one number."""

    a: Values
    b: Values
    c: Values

    def at(self, m: float) -> Values:
        """err(m) of every fit: (n,)."""
        found: Values = self.a + self.b * np.power(float(m), -self.c)
        return found


def fit(sizes: Values, errors: Values) -> PowerLaw:
    """Weighted least squares with a, b >= 0 for each row of errors (n, k), measured at sizes (k,), k at least 3.

    Weights are 1/err, as the variance of a rate asks for; c is the best of EXPONENTS, the smallest of equal ones.
    """
    weights = 1 / np.maximum(errors, max(1e-9, float(errors.max(initial=0.0)) * 1e-3))
    x = np.power(sizes[None, :], -EXPONENTS[:, None])  # (g, k)
    a, b, lost = _linear(x, errors, weights)
    best = lost.argmin(axis=1)
    rows = np.arange(len(errors))
    return PowerLaw(a[rows, best], b[rows, best], EXPONENTS[best])


def _linear(x: Values, y: Values, w: Values) -> tuple[Values, Values, Values]:
    """a, b and the weighted square loss (n, g) of y (n, k) = a + b x (g, k), a and b at least 0."""
    total = w.sum(axis=1)[:, None]
    mean_x, mean_y = w @ x.T / total, (w * y).sum(axis=1)[:, None] / total
    square_x, cross = w @ (x**2).T / total, (w * y) @ x.T / total
    spread = square_x - mean_x**2
    slope = np.divide(cross - mean_x * mean_y, spread, out=np.zeros_like(spread), where=spread > 1e-15 * square_x)
    inside = (slope >= 0) & (mean_y - slope * mean_x >= 0)
    b = np.where(inside, slope, np.where(slope < 0, 0.0, cross / square_x))  # else on an edge: b = 0, or a = 0
    a = np.maximum(0.0, mean_y - b * mean_x)
    square_y = (w * y**2).sum(axis=1)[:, None] / total
    lost = square_y - 2 * a * mean_y - 2 * b * cross + a**2 + 2 * a * b * mean_x + b**2 * square_x
    return a, b, np.round(lost, 15)


def resampled(curves: Values, confidence: float) -> Values:
    """(DRAWS, k) mean curves of seeds drawn with replacement from curves (s, k), s at least 2.

    A bootstrap of few is too narrow: its variance is (s - 1)/s of what it should be, and normal where Student's t is
    due. Deviations from the mean are widened by √(s/(s - 1)) t/z; no curve goes below 0.
    """
    seeds = len(curves)
    picks: Ints = generator(0, Purpose.BOOTSTRAP, PLACE).integers(0, seeds, (DRAWS, seeds))
    mean = curves.mean(axis=0)
    factor = math.sqrt(seeds / (seeds - 1)) * t_value(confidence, seeds - 1) / z_value(confidence)
    widened: Values = np.maximum(0.0, mean + factor * (curves[picks].mean(axis=1) - mean))
    return widened


def ends(values: Values, confidence: float) -> tuple[float, float]:
    """The percentile interval of bootstrapped values."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
