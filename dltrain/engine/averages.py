"""Exponentially weighted averages of a series (section 2.2 of the notes), and what they cost and buy.

θ is the series, (n,) numbers at equal distances; t counts from 1. A larger β averages over more values: it is
smoother, and follows later.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from dltrain.engine.arrays import Floats


def weighted_average(theta: Floats, beta: float) -> Floats:
    """v_t = βv_{t−1} + (1 − β)θ_t from v_0 = 0, which is (1 − β) Σ_{i≤t} β^{t−i} θ_i. (n,) float64."""
    values = accumulate(theta.tolist(), lambda v, th: beta * v + (1 - beta) * th, initial=0.0)
    return np.fromiter(values, float, theta.size + 1)[1:]


def corrected(v: Floats, beta: float) -> Floats:
    """v_t/(1 − β^t): the bias of the start from 0 taken away. The weights of θ_1 to θ_t then sum to 1."""
    t = np.arange(1, v.size + 1)
    return np.asarray(v / (1 - np.power(beta, t)))


def window(beta: float) -> float:
    """1/(1 − β): about so many values are averaged. Older ones have less than 1/e of the weight."""
    return 1 / (1 - beta)


def mean_lag(beta: float) -> float:
    """β/(1 − β) = Σ k (1 − β) β^k: the mean age of what is averaged. A steady rise is followed so much later."""
    return beta / (1 - beta)


def noise(series: Floats) -> float:
    """The standard deviation of the change from one value to the next: of independent values √2 times theirs."""
    return float(np.std(np.diff(series))) if series.size > 1 else 0.0


def noise_left(beta: float) -> float:
    """(1 − β)/√(1 + β): the share of `noise` that is left of independent values."""
    return float((1 - beta) / np.sqrt(1 + beta))


def centred_average(theta: Floats, half: int) -> Floats:
    """The plain mean of the 2·half + 1 values around each: it looks ahead, and so has no lag. (n − 2·half,)."""
    sums = np.cumsum(np.concatenate([[0.0], theta - theta.mean()]))
    width = 2 * half + 1
    return np.asarray((sums[width:] - sums[:-width]) / width + theta.mean())


def measured_lag(theta: Floats, beta: float) -> int | None:
    """By how many values the corrected average follows the series: the shift that lays it best, in squares, over the
    centred average.

    The centred average is taken over 2β/(1 − β) + 1 values, which leaves as much of independent noise as β does.
    Shifts up to twice the window are tried. None where the series is too short for it.
    """
    half = round(mean_lag(beta))
    most = 2 * round(window(beta))
    last = theta.size - half
    first = most + half
    if last - first < max(10, half):
        return None
    v = corrected(weighted_average(theta, beta), beta)[first:last]
    c = centred_average(theta, half)
    misfits = [float(np.mean((v - c[first - half - k : last - half - k]) ** 2)) for k in range(most + 1)]
    return int(np.argmin(misfits))
