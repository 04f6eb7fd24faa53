"""Two configs, each trained with several seeds, on the same dev examples: is the one better than the other?

Both draws are uncertain, that of the seeds and that of the examples, and they cross: every network saw every example.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dltrain.diagnosis.means import AT_ONCE, DIRECT, DRAWS, Values, t_interval, t_p
from dltrain.engine.arrays import Ints
from dltrain.engine.streams import Purpose, generator

SEEDS = 3
"""A claim about a config takes so many, or more."""
MOST_FREEDOM = 1000


@dataclass(frozen=True, slots=True)
class Crossed:
    """The difference of two configs' mean errors, its interval, and the t test's p."""

    value: float
    low: float
    high: float
    p: float
    freedom: int


def crossed_difference(
    a: Values,
    b: Values,
    confidence: float,
    codes: Ints | None = None,
    weights: Values | None = None,
) -> Crossed:
    """mean(a) − mean(b), for errors a: (seeds, n), b: (seeds, n) on the same n examples.

    Its standard error comes from a crossed bootstrap over (seed, example): seeds of either side and examples are
    drawn with replacement, independently (the pigeonhole bootstrap: Owen 2007). Few seeds look too much alike, so
    their draws are stretched by √(s/(s − 1)), and the interval takes Student's t with Satterthwaite's degrees of
    freedom. `codes`: (n,) are groups that are drawn whole, `weights`: (n,) those of the examples.
    """
    w = np.ones(a.shape[1]) if weights is None else weights
    means = np.average(np.vstack([a, b]), axis=1, weights=w)
    of_a, of_b = means[: len(a)], means[len(a) :]
    value = float(of_a.mean() - of_b.mean())
    shares = np.hstack([_seeds_drawn(len(a), 0), -_seeds_drawn(len(b), 1)])
    drawn = (shares * _examples_drawn(np.vstack([a, b]), w, codes)).sum(axis=1)
    error = float(drawn.std())
    bends = sum((float(side.var(ddof=1)) / len(side)) ** 2 / (len(side) - 1) for side in (of_a, of_b))
    freedom = min(MOST_FREEDOM, math.floor(error**4 / bends)) if bends else MOST_FREEDOM
    freedom = max(freedom, min(len(a), len(b)) - 1)
    low, high = t_interval(value, error, freedom, confidence)
    return Crossed(value, low, high, t_p(value, error, freedom), freedom)


def _seeds_drawn(seeds: int, side: int) -> Values:
    """(DRAWS, seeds): the share of each seed in each draw, around 1/seeds."""
    counts = generator(0, Purpose.BOOTSTRAP, 1, side).multinomial(seeds, np.full(seeds, 1 / seeds), size=DRAWS)
    shares: Values = (1 + (counts - 1) * math.sqrt(seeds / (seeds - 1))) / seeds
    return shares


def _examples_drawn(runs: Values, w: Values, codes: Ints | None) -> Values:
    """(DRAWS, runs): the mean error of each run, runs: (runs, n), over examples drawn with replacement."""
    units = np.vstack([runs * w, w]).T
    if codes is not None:
        group = np.unique(codes, return_inverse=True)[1]
        units = np.stack([np.bincount(group, column) for column in units.T], axis=1)
    patterns, times = np.unique(units, axis=0, return_counts=True)
    if len(patterns) > DIRECT:
        return _as_normal(units)
    random = generator(0, Purpose.BOOTSTRAP, 2)
    rows = max(1, AT_ONCE // len(patterns))
    found = []
    for start in range(0, DRAWS, rows):
        counts = random.multinomial(len(units), times / len(units), size=min(rows, DRAWS - start))
        sums = counts @ patterns
        found.append(sums[:, :-1] / np.maximum(sums[:, -1:], np.finfo(float).tiny))
    return np.concatenate(found)


def _as_normal(units: Values) -> Values:
    """The same for very many different examples: their means are normal by the central limit theorem."""
    n = len(units)
    means = units[:, :-1].sum(axis=0) / units[:, -1].sum()
    influence = (units[:, :-1] - units[:, -1:] * means) / units[:, -1].mean()
    values, vectors = np.linalg.eigh(np.cov(influence.T, ddof=0) / n)
    root = vectors * np.sqrt(np.maximum(values, 0))
    noise = generator(0, Purpose.BOOTSTRAP, 3).standard_normal((DRAWS, len(means)))
    drawn: Values = means + noise @ root.T
    return drawn
