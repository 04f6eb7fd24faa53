"""Do probabilities mean what they say? The reliability diagram, and the expected calibration error.

For two classes the probability of the second one against how often it is true; for more the probability of the
predicted class against how often it is right.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dltrain.diagnosis.intervals import wilson
from dltrain.diagnosis.means import Values

BINS = 15
FEWEST = 10
"""A bin has about so many examples or more."""


def calibration(p: Values, hit: Values, confidence: float, weights: Values | None = None) -> dict[str, Any]:
    """ECE = Σ_b w_b |mean(hit) − mean(p)| over bins of equal numbers of examples (Nguyen and O'Connor 2015), and the
    bins: {low, high, n, p, share, share_low, share_high}, ends by Wilson.

    The mean of absolute values is above 0 by chance alone. `if_calibrated` is what a perfectly calibrated network with
    these very probabilities would show: Σ_b √(2/π Σ w² p(1 − p)) / Σw.

    p, hit, weights: (n,); hit is 1 where what p speaks of came true.
    """
    w = np.ones(len(p)) if weights is None else weights
    order = np.argsort(p, kind="stable")
    p, hit, w = p[order], hit[order], w[order]
    total, error, chance, bins = float(w.sum()), 0.0, 0.0, []
    for start, stop in _bounds(p):
        here = slice(start, stop)
        weight = float(w[here].sum())
        if not weight:
            continue
        said, came = (float((w[here] * values[here]).sum()) / weight for values in (p, hit))
        error += weight / total * abs(came - said)
        chance += math.sqrt(2 / math.pi * float((np.square(w[here]) * p[here] * (1 - p[here])).sum())) / total
        n_eff = weight**2 / float(np.square(w[here]).sum())
        low, high = wilson(min(1.0, came), n_eff, confidence)
        bins.append(
            {
                "low": float(p[start]),
                "high": float(p[stop - 1]),
                "n": stop - start,
                "p": said,
                "share": came,
                "share_low": low,
                "share_high": high,
            }
        )
    return {"ece": error, "if_calibrated": chance, "bins": bins}


def _bounds(p: Values) -> list[tuple[int, int]]:
    """Where bins of p, sorted, begin and end: about equal numbers, equal values never torn apart."""
    n = len(p)
    bins = max(1, min(BINS, n // FEWEST))
    wanted = np.linspace(0, n, bins + 1).round().astype(int)
    ends = np.searchsorted(p, p[wanted[1:] - 1], side="right")
    edges = [0, *np.unique(ends).tolist()]
    return list(zip(edges[:-1], edges[1:], strict=True))
