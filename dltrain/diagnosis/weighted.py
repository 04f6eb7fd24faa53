"""Where a weighted mean of per-example errors lies, and how many examples weights leave: for regression.

With equal weights all of it is what means.py gives. Examples of weight 0 are left out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dltrain.diagnosis.intervals import Interval
from dltrain.diagnosis.means import (
    AT_ONCE,
    DIRECT,
    DRAWS,
    EXTREMES,
    SKEWED,
    Method,
    Values,
    bca_ends,
    single,
    skewed_ends,
)
from dltrain.engine.arrays import Floats
from dltrain.engine.streams import Purpose, generator


def effective_size(weights: Floats) -> float:
    """n_eff = (Σw)²/Σw² (Kish 1965): so many equal weights give a mean the same variance. 0 if all are 0."""
    w = _scaled(np.asarray(weights, dtype=np.float64))
    return float(w.sum()) ** 2 / (float(np.square(w).sum()) or 1.0)


def _scaled(weights: Values) -> Values:
    """Divided by a power of 2, which is exact, to at most 1: squares of large weights would overflow."""
    scaled: Values = np.ldexp(weights, -math.frexp(float(weights.max(initial=0.0)))[1])
    return scaled


def weighted_interval(x: Values, weights: Values, confidence: float) -> tuple[Interval, Method]:
    """The interval of Σwx/Σw, x: (n,) at least 0, and its name: BCa from n_eff = 300 on, else t_skew or chi_square."""
    kept = weights > 0
    x, w = x[kept], _scaled(weights[kept])
    scale = float(np.abs(x).max())
    ends: Interval
    name: Method
    if scale == 0:
        ends, name = Interval(0.0, 0.0), "bca"
    elif effective_size(w) >= SKEWED - 1e-6:  # equal weights give n up to round-off
        ends, name = weighted_bca(x / scale, w, confidence), "bca"
    elif x.size > 1:
        ends, name = weighted_student(x / scale, w, confidence), "t_skew"
    else:
        ends, name = single(1.0, confidence), "chi_square"
    return Interval(max(0.0, ends.low) * scale, ends.high * scale), name


class Drawn(NamedTuple):
    """A weighted mean, what resamples give for it (draws,), and each pair's influence w(x − mean): (n,)."""

    mean: float
    means: Values
    influence: Values


def weighted_draws(x: Values, w: Values, draws: int = DRAWS) -> Drawn:
    """The bootstrap of Σwx/Σw: pairs (x, w) are drawn with replacement."""
    mean = float((w * x).sum() / w.sum())
    d = w * (x - mean)
    if not np.square(d).sum():
        return Drawn(mean, np.full(draws, mean), d)
    moved = _one_by_one(d, w, draws) if x.size <= DIRECT else _by_counts(d, w, draws)
    return Drawn(mean, mean + moved, d)


def weighted_bca(x: Values, w: Values, confidence: float, draws: int = DRAWS) -> Interval:
    """BCa bootstrap of Σwx/Σw."""
    found = weighted_draws(x, w, draws)
    if not np.square(found.influence).sum():
        return Interval(found.mean, found.mean)
    return bca_ends(found.means, found.mean, found.influence, confidence)


def _one_by_one(d: Values, w: Values, draws: int) -> Values:
    """Σd/Σw of each draw, (draws,)."""
    random = generator(0, Purpose.BOOTSTRAP)
    rows = max(1, AT_ONCE // d.size)
    found = []
    for start in range(0, draws, rows):
        picks = random.integers(0, d.size, (min(rows, draws - start), d.size))
        found.append(d[picks].sum(axis=1) / w[picks].sum(axis=1))
    return np.concatenate(found)


def _by_counts(d: Values, w: Values, draws: int) -> Values:
    """The same of many values: the outermost are drawn one by one, the sums of the rest as one normal pair."""
    random = generator(0, Purpose.BOOTSTRAP)
    n, k = d.size, EXTREMES
    outwards = np.maximum(np.abs(d) / d.std(), np.abs(w - w.mean()) / (w.std() or 1.0))
    order = np.argsort(outwards, kind="stable")
    bulk, extremes = order[:-k], order[-k:]
    counts = random.multinomial(n, np.append(np.full(k, 1 / n), (n - k) / n), size=draws)
    rest = counts[:, -1]
    pairs = np.stack([d[bulk], w[bulk]])
    noise = random.standard_normal((draws, 2)) @ _root(np.cov(pairs, ddof=0)).T
    sums = rest[:, None] * pairs.mean(axis=1) + np.sqrt(rest)[:, None] * noise
    sums += np.stack([(counts[:, :-1] * values[extremes]).sum(axis=1) for values in (d, w)], axis=1)
    moved: Values = sums[:, 0] / sums[:, 1]
    return moved


def _root(cov: Values) -> Values:
    """L with L Lᵀ = cov: (2, 2), which may be singular (equal weights)."""
    a = math.sqrt(cov[0, 0])
    b = float(cov[0, 1]) / a if a else 0.0
    return np.array([[a, 0.0], [b, math.sqrt(max(0.0, float(cov[1, 1]) - b * b))]])


def weighted_student(x: Values, w: Values, confidence: float) -> Interval:
    """mean ± t·s/√n_eff with s² = Σw(x − mean)²/(Σw − Σw²/Σw), unbiased, and ⌊n_eff⌋ − 1 (at least 1) degrees of
    freedom, for two or more weights above 0; the skewed end further out, as `skewed_ends` has it."""
    total, n_eff = float(w.sum()), effective_size(w)
    mean = float((w * x).sum()) / total
    variance = float((w * np.square(x - mean)).sum()) / (total - float(np.square(w).sum()) / total)
    freedom = max(1, math.floor(n_eff + 1e-9) - 1)  # equal weights give n up to round-off
    return skewed_ends(mean, math.sqrt(variance / n_eff), w * (x - mean), freedom, confidence)
