"""Examples that come in groups (`split.group`) or in time: how many independent ones they are worth.

A group is drawn whole or not at all, so the bootstrap draws groups; rows in time are cut into blocks, which are then
the groups.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dltrain.diagnosis.intervals import z_value
from dltrain.diagnosis.means import FEW, Method, Values, bca_ends, bca_p, t_interval, t_p, t_value
from dltrain.diagnosis.weighted import effective_size, weighted_draws
from dltrain.engine.arrays import Floats, Ints


def cluster_means(errors: Floats, codes: Ints, weights: Floats | None = None) -> tuple[Values, Values]:
    """(mean, weight) of each group: Σwe/Σw and Σw (its size, without weights); groups of weight 0 are left out.

    errors, codes, weights: (n,).
    """
    w = np.ones(len(errors)) if weights is None else weights
    group = np.unique(codes, return_inverse=True)[1]
    sizes, sums = np.bincount(group, w), np.bincount(group, w * errors)
    kept = sizes > 0
    return np.asarray(sums[kept] / sizes[kept], np.float64), np.asarray(sizes[kept], np.float64)


def effective_examples(errors: Floats, codes: Ints, confidence: float, weights: Floats | None = None) -> float:
    """n_eff = n/deff of a mean error: so many independent examples would give it the same variance as the bootstrap of
    the groups does, times (z/t)², t with one degree of freedom fewer than groups (Korn and Graubard 1998).

    Without an error, or with nothing else, groups count as if their rows were copies: (Σm)²/Σm².
    """
    means, sizes = cluster_means(errors, codes, weights)
    n = float(len(errors)) if weights is None else effective_size(weights)
    if len(means) < 2:
        return 1.0
    spread = float(np.average(np.square(errors - np.average(errors, weights=weights)), weights=weights))
    variance = float(weighted_draws(means, sizes).means.var()) * len(means) / (len(means) - 1)
    if spread > 0 and variance > 0:
        n = min(n, spread / variance)
    elif spread == 0:
        n = min(n, effective_size(sizes))
    return max(1.0, n * (z_value(confidence) / t_value(confidence, len(means) - 1)) ** 2)


def blocks(errors: Floats, order: Floats) -> Ints:
    """Of each row the number of its block in time: (n,). `order`: (n,) when each was.

    Blocks are as long as the errors' own correlation asks for.
    """
    places = np.argsort(order, kind="stable")
    length = block_length(errors[places])
    codes = np.empty(len(errors), dtype=np.int64)
    codes[places] = np.arange(len(errors)) // length
    return codes


def block_length(x: Floats) -> int:
    """The length of bootstrap blocks of a series x: (n,) by Politis and White (2004), with Patton's correction: 1 for
    errors that do not follow each other, at most min(3√n, n/3)."""
    n = len(x)
    most = max(1, math.floor(min(3 * math.sqrt(n), n / 3)))
    d = x - x.mean()
    variance = float(np.square(d).mean())
    if variance == 0 or n < 10:
        return 1
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    lags = min(n - 1, math.ceil(math.sqrt(n)) + run)
    covariance = np.array([variance, *(float(d[k:] @ d[:-k]) / n for k in range(1, lags + 1))])
    small = np.abs(covariance[1:] / variance) < 2 * math.sqrt(math.log10(n) / n)
    reach = _last_before(small, run)
    if not reach:
        return 1
    k = np.arange(1, min(2 * reach, lags) + 1)
    flat_top = np.minimum(1.0, 2 * (1 - k / (2 * reach)))
    g = 2 * float((flat_top * k * covariance[k]).sum())
    spread = variance + 2 * float((flat_top * covariance[k]).sum())
    if spread <= 0:
        return 1
    length = math.ceil(math.cbrt(n * 2 * g**2 / (4 / 3 * spread**2)))
    return min(most, max(1, length))


def _last_before(small: npt.NDArray[np.bool_], run: int) -> int:
    """The last lag before `run` small correlations in a row; the last large one where there is no such run."""
    for lag in range(len(small) - run + 1):
        if small[lag : lag + run].all():
            return lag
    large = np.flatnonzero(~small)
    return int(large[-1]) + 1 if len(large) else 0


def clustered_difference(
    d: Values, codes: Ints, confidence: float, weights: Values | None = None
) -> tuple[float, float, float, Method]:
    """(low, high, p, method) of the mean of differences d: (n,), groups drawn whole: BCa, or Student's t of the groups
    where they are fewer than 30."""
    means, sizes = cluster_means(d, codes, weights)
    if len(means) < 2:
        return -math.inf, math.inf, 1.0, "t"
    drawn = weighted_draws(means, sizes)
    if len(means) >= FEW:
        ends = bca_ends(drawn.means, drawn.mean, drawn.influence, confidence)
        return *ends, bca_p(drawn.means, drawn.mean, drawn.influence), "bca"
    groups = len(means)
    error = math.sqrt(float(np.square(drawn.influence).sum()) * groups / (groups - 1)) / float(sizes.sum())
    return *t_interval(drawn.mean, error, groups - 1, confidence), t_p(drawn.mean, error, groups - 1), "t"
