"""Two classifiers on the same examples: McNemar's exact test, and where the difference of their errors lies.

Only the examples on which exactly one of the two is wrong tell anything: `b` on which the first alone is, `c` on
which the second alone is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dltrain.diagnosis.intervals import Interval, z_value

WHOLE = 1000
"""Up to so many disagreements whole numbers are summed, which is exact."""


def mcnemar(b: int, c: int) -> float:
    """min(1, 2 P(X ≤ min(b, c))), X binomial with b + c draws of 1/2: the exact two-sided p value (McNemar 1947).

    1 where both are wrong on the same examples.
    """
    n, k = b + c, min(b, c)
    if b == c:
        return 1.0
    if n <= WHOLE:
        ways: int = 2 * sum(math.comb(n, i) for i in range(k + 1))
        return min(1.0, ways / (1 << n))
    log_p = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
    total = term = 1.0  # of P(X = k), and down from there
    for i in range(k, 0, -1):
        term *= i / (n - i + 1)
        total += term
        if term < 1e-17 * total:
            break
    return min(1.0, 2 * math.exp(log_p) * total)


def agresti_min(b: int, c: int, n: int, confidence: float) -> Interval:
    """The interval of (b − c)/n: Wald's, with half an example added to each of the four cells (Agresti and Min 2005).

    d ± z √((b + c + 1) − (b − c)²/(n + 2))/(n + 2), d = (b − c)/(n + 2); it has a width where b = c = 0.
    """
    total = n + 2
    d = (b - c) / total
    half = z_value(confidence) * math.sqrt((b + c + 1) - (b - c) ** 2 / total) / total
    value = (b - c) / n
    return Interval(min(max(-1.0, d - half), value), max(min(1.0, d + half), value))


def holm(p: Sequence[float]) -> list[float]:
    """p values corrected for their number, in the order given: max over j ≤ i of (k − j + 1) p_(j), at most 1 (Holm
    1979). Those below α keep the chance of any false one below α."""
    k = len(p)
    corrected = [0.0] * k
    worst = 0.0
    for place, i in enumerate(sorted(range(k), key=lambda i: p[i])):
        worst = max(worst, min(1.0, (k - place) * p[i]))
        corrected[i] = worst
    return corrected
