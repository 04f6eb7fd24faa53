"""Where a rate lies, and the difference of two: Wilson's and Newcombe's intervals.

Both are made of the same score test, stay inside [0, 1] (or [-1, 1]) and have a width at zero errors,
where the textbook p ± z·sqrt(p(1 − p)/n) has none.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """The two ends of a confidence interval."""

    low: float
    high: float


def z_value(confidence: float) -> float:
    """The two-sided normal quantile: 1.96 for a confidence of 0.95."""
    from statistics import NormalDist

    return -NormalDist().inv_cdf((1 - confidence) / 2)


def wilson(p: float, n: float, confidence: float) -> Interval:
    """(p + z²/2n ± z·sqrt(p(1 − p)/n + z²/4n²)) / (1 + z²/n): a rate p seen on n examples (Wilson 1927).

    p·n need not be a whole number, so that "the same rate on more examples" can be asked for.
    """
    share = z_value(confidence) ** 2 / n
    center = (p + share / 2) / (1 + share)
    half = math.sqrt(share * p * (1 - p) + share**2 / 4) / (1 + share)
    low = 0.0 if p == 0 else min(max(0.0, center - half), p)
    high = 1.0 if p == 1 else max(min(1.0, center + half), p)
    return Interval(low, high)


def wilson_finite(p: float, n: float, population: int, confidence: float, n_eff: float | None = None) -> Interval:
    """Wilson's interval for a rate seen on n examples drawn, without replacement, out of `population`.

    The finite-population correction divides the variance by (N − 1)/(N − n): all of them seen is exact. `n_eff`
    is what n examples with weights are worth.
    """
    if n >= population:
        return Interval(p, p)
    return wilson(p, (n_eff or n) * (population - 1) / (population - n), confidence)


def difference(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval:
    """d = a − b of independent parts, from the interval of each (Newcombe 1998, method 10).

    Low end d − sqrt((a − low_a)² + (high_b − b)²), high end d + sqrt((high_a − a)² + (b − low_b)²). When one end
    is exact this shifts the other's interval. With intervals of means it is the MOVER of Zou and Donner (2008).
    """
    d = a - b
    return Interval(
        d - math.hypot(a - of_a.low, of_b.high - b),
        d + math.hypot(of_a.high - a, b - of_b.low),
    )
