"""Where the mean of per-example errors lies: for regression, whose errors are no rates.

BCa bootstrap from n = 300 on; below it Student's t, whose end on the side of the long tail is moved out by Hall's
transformation (squares are skewed, and a bootstrap of few values is too narrow: `python -m benchmarks.intervals`); for
a single value the chi-square interval of a normal residual.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain.diagnosis.intervals import Interval
from dltrain.engine.streams import Purpose, generator

Values: TypeAlias = npt.NDArray[np.float64]

Method: TypeAlias = Literal["bca", "t_skew", "t", "chi_square"]

DRAWS = 2000
FEW = 30
"""Below so many values the mean of differences, which are skewed to no side, takes Student's t."""
SKEWED = 300
"""Below so many values the mean of errors takes t with the skewed end."""
DIRECT = 1 << 14
"""Up to so many values a draw picks n of them one by one."""
EXTREMES = 1024
"""Of more values, so many outermost ones are still drawn one by one."""
AT_ONCE = 1 << 20


def mean_interval(
    errors: npt.ArrayLike, confidence: float, weights: npt.ArrayLike | None = None
) -> tuple[Interval, Method]:
    """The interval of the mean of `errors` (n,), all at least 0, and its name: bca, t_skew or chi_square.

    With `weights`: (n,) of the weighted mean.
    """
    x = np.ascontiguousarray(errors, dtype=np.float64).ravel()
    if weights is not None:
        from dltrain.diagnosis.weighted import weighted_interval

        return weighted_interval(x, np.ascontiguousarray(weights, dtype=np.float64).ravel(), confidence)
    scale = float(np.abs(x).max())  # keeps cubes of large errors from overflowing
    ends: Interval
    name: Method
    if scale == 0:
        ends, name = Interval(0.0, 0.0), "bca"
    elif x.size >= SKEWED:
        ends, name = bca(x / scale, confidence), "bca"
    elif x.size > 1:
        ends, name = skewed_student(x / scale, confidence), "t_skew"
    else:
        ends, name = single(1.0, confidence), "chi_square"
    return Interval(max(0.0, ends.low) * scale, ends.high * scale), name


def bca(x: Values, confidence: float, draws: int = DRAWS) -> Interval:
    """Bias-corrected and accelerated bootstrap of the mean of x (n,) (Efron 1987).

    The draws depend on n and nothing else, so equal errors give equal bytes.
    """
    d = x - x.mean()
    if not np.square(d).sum():
        return Interval(float(x[0]), float(x[0]))
    return bca_ends(resampled_means(x, draws), float(x.mean()), d, confidence)


def bca_ends(means: Values, mean: float, d: Values, confidence: float) -> Interval:
    """The ends from `means` (draws,) of resamples; `d`: (n,) is what each value adds to the mean, its influence."""
    normal, draws = NormalDist(), len(means)
    spread = float(np.square(d).sum())
    below = float(np.mean(means < mean) + np.mean(means <= mean)) / 2
    bias = normal.inv_cdf(min(max(below, 0.5 / draws), 1 - 0.5 / draws))
    skew = float((d**3).sum()) / (6 * spread**1.5)
    z = -normal.inv_cdf((1 - confidence) / 2)
    ends = [_corrected(bias, skew, side * z) for side in (-1, 1)]
    low, high = np.quantile(means, ends)
    return Interval(float(low), float(high))


def bca_p(means: Values, mean: float, d: Values) -> float:
    """The two-sided p value of a mean of 0: 1 − the confidence at which the BCa interval just reaches 0.

    Beyond the last draw the normal tail goes on, so that p values keep their order.
    """
    normal, draws = NormalDist(), len(means)
    spread = float(np.square(d).sum())
    if not spread:
        return 1.0 if mean == 0 else 0.0
    floor = 0.5 / draws
    below = float(np.mean(means < mean) + np.mean(means <= mean)) / 2
    bias = normal.inv_cdf(min(max(below, floor), 1 - floor))
    skew = float((d**3).sum()) / (6 * spread**1.5)
    share = float(np.mean(means < 0) + np.mean(means <= 0)) / 2
    tail = 2 * normal.cdf(-abs(mean) / float(means.std()))
    if not floor < share < 1 - floor:
        return min(2 * floor, tail)
    shifted = normal.inv_cdf(share) - bias
    room = 1 + skew * shifted
    return 2 * normal.cdf(-abs(shifted / room - bias)) if room > 0 else min(2 * floor, tail)


def _corrected(bias: float, skew: float, z: float) -> float:
    """The share of draws below an end: Φ(z0 + (z0 + z)/(1 − a(z0 + z)))."""
    shifted = bias + z
    room = 1 - skew * shifted
    if room <= 0:
        return 1.0 if z > 0 else 0.0
    return NormalDist().cdf(bias + shifted / room)


def resampled_means(x: Values, draws: int) -> Values:
    """`draws` means of n values drawn with replacement from x (n,), in bounded memory and time."""
    return _one_by_one(x, draws) if x.size <= DIRECT else _by_counts(x, draws)


def _one_by_one(x: Values, draws: int) -> Values:
    random = generator(0, Purpose.BOOTSTRAP)
    rows = max(1, AT_ONCE // x.size)
    sizes = [min(rows, draws - start) for start in range(0, draws, rows)]
    return np.concatenate([x[random.integers(0, x.size, (size, x.size))].mean(axis=1) for size in sizes])


def _by_counts(x: Values, draws: int) -> Values:
    """How often each of the outermost values is drawn, and the sum of the rest as a normal draw.

    A million values times 2,000 draws would take minutes. What makes a mean's distribution uneven are the
    extremes, and these are drawn exactly; the sum of the many others is normal by the central limit theorem.
    """
    random = generator(0, Purpose.BOOTSTRAP)
    n, k = x.size, EXTREMES
    order = np.argsort(np.abs(x - x.mean()), kind="stable")
    bulk, extremes = x[order[:-k]], x[order[-k:]]
    shares = np.append(np.full(k, 1 / n), (n - k) / n)
    counts = random.multinomial(n, shares, size=draws)
    rest = counts[:, -1]
    sums = rest * bulk.mean() + np.sqrt(rest) * bulk.std() * random.standard_normal(draws)
    sums += (counts[:, :-1] * extremes).sum(axis=1)
    means: Values = sums / n
    return means


def student(x: Values, confidence: float) -> Interval:
    """mean ± t·s/√n with n − 1 degrees of freedom, for x (n,), n at least 2."""
    return t_interval(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(x.size), x.size - 1, confidence)


def skewed_student(x: Values, confidence: float) -> Interval:
    """`student`, and no narrower than Hall's interval on either side, for x (n,), n at least 2."""
    error = float(x.std(ddof=1)) / math.sqrt(x.size)
    return skewed_ends(float(x.mean()), error, x - x.mean(), x.size - 1, confidence)


def skewed_ends(value: float, error: float, influence: Values, freedom: int, confidence: float) -> Interval:
    """value ± t·error, each end moved out to where Hall's transformation (1992) has it, where that is further.

    With γ = Σd³/(Σd²)^1.5 of the influences d: (n,), the skewness of the mean, T + γT²/3 + γ²T³/27 + γ/6 is nearly as
    symmetric as t; its inverse 3/γ·((1 + γ(y − γ/6))^⅓ − 1) of ±t gives the ends. The end that it would move in stays:
    so few values do not know their own skewness well enough.
    """
    t = t_value(confidence, freedom)
    spread = float(np.square(influence).sum())
    skew = float((influence**3).sum()) / spread**1.5 if spread > 0 else 0.0
    below, above = (_untransformed(side * t, skew) for side in (1, -1))
    return Interval(value - max(t, below) * error, value + max(t, -above) * error)


def _untransformed(y: float, skew: float) -> float:
    """T for a transformed value y; y itself where there is no skewness."""
    if abs(skew) < 1e-6:
        return y
    return 3 / skew * (math.cbrt(1 + skew * (y - skew / 6)) - 1)


def t_interval(value: float, error: float, freedom: int, confidence: float) -> Interval:
    """value ± t·error, `error` its standard error."""
    half = t_value(confidence, freedom) * error
    return Interval(value - half, value + half)


def t_p(value: float, error: float, freedom: int) -> float:
    """P(|t| ≥ |value|/error): the two-sided p value of a value of 0."""
    if not error:
        return 1.0 if value == 0 else 0.0
    t = abs(value) / error
    if freedom > 1000:
        return 2 * NormalDist().cdf(-t)
    return max(0.0, 1 - _within(math.atan(t / math.sqrt(freedom)), freedom))


def single(error: float, confidence: float) -> Interval:
    """A mean square known from one square: error/χ² with one degree of freedom, a normal residual assumed."""
    normal = NormalDist()
    tail = (1 - confidence) / 4
    near_zero = max(normal.inv_cdf(0.5 + tail), 2.5 * tail)  # the second where 0.5 + tail rounds to 0.5
    return Interval(error / normal.inv_cdf(tail) ** 2, error / near_zero**2)


def t_value(confidence: float, freedom: int) -> float:
    """The two-sided quantile of Student's t: 2.262 for a confidence of 0.95 and 9 degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _within(theta: float, freedom: int) -> float:
    """P(|t| < √ν tan θ) for whole ν, a finite sum (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    cosine = math.cos(theta)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for power in range(odd, freedom - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    if odd:
        return (theta + math.sin(theta) * total) * 2 / math.pi
    return math.sin(theta) * total
