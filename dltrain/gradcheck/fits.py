"""Simple laws that a wrong gradient may obey: each fit explains the difference approx − grad, or does not."""

from __future__ import annotations

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.gradcheck.evidence import Evidence

EXPLAINS = 1e-3
"""Share of ‖approx − grad‖ that may remain unexplained."""
NEAR = 1e-2
"""How near a fitted number has to be to a known one to be called by its name."""


def explains(evidence: Evidence, fitted: Floats) -> bool:
    """Whether `fitted` is approx, but for a small part of approx − grad."""
    remains = float(np.linalg.norm(evidence.approx - fitted))
    return remains <= EXPLAINS * float(np.linalg.norm(evidence.difference))


def factor(evidence: Evidence) -> float | None:
    """k of grad = k · approx, if one fits. A single coordinate fits any k."""
    dot = float(np.dot(evidence.grad, evidence.grad))
    if dot == 0:
        return None
    c = float(np.dot(evidence.approx, evidence.grad)) / dot
    return 1 / c if c and explains(evidence, c * evidence.grad) else None


def multiple(evidence: Evidence, of: Floats) -> float | None:
    """k of approx − grad = k · of, if one fits: with theta an L2 term, with sign(theta) an L1 term."""
    dot = float(np.dot(of, of))
    if dot == 0:
        return None
    k = float(np.dot(evidence.difference, of)) / dot
    return k if k and explains(evidence, evidence.grad + k * of) else None


def factor_and_multiple(evidence: Evidence, of: Floats) -> tuple[float, float] | None:
    """(k, r) where approx = grad/k + r(1 − 1/k) · of: the data's part is wrong by k, a term r · of is right."""
    if evidence.approx.size < 4:
        return None
    terms = np.stack([evidence.grad, of], axis=1)
    (c, rest), *_ = np.linalg.lstsq(terms, evidence.approx)
    if not c or abs(c - 1) < NEAR or not explains(evidence, terms @ np.array([c, rest])):
        return None
    return float(1 / c), float(rest / (1 - c))


def is_transposed(evidence: Evidence) -> bool:
    """Whether grad holds approx's matrix transposed, or laid out as if it were (either way round)."""
    if evidence.shape is None or len(evidence.shape) != 2 or min(evidence.shape) < 2:
        return False
    n_in, n_out = evidence.shape
    return any(explains(evidence, evidence.grad.reshape(p, q).T.ravel()) for p, q in ((n_in, n_out), (n_out, n_in)))


def unit_factors(evidence: Evidence) -> Floats | None:
    """(n_out,): k_j where column j of grad is k_j times that of approx, if every column has its own k_j."""
    approx, grad = evidence.grid(evidence.approx), evidence.grid(evidence.grad)
    if approx is None or grad is None or approx.shape[0] < 3:
        return None
    dots = (grad * grad).sum(axis=0)
    c = np.divide((approx * grad).sum(axis=0), dots, out=np.zeros_like(dots), where=dots > 0)
    if not c.all() or not explains(evidence, (c * grad).ravel()):
        return None
    return np.asarray(1 / c)


def is_rank_one(evidence: Evidence) -> bool:
    """Whether approx − grad is an outer product: one and the same input pattern, in each unit times a number."""
    difference = evidence.grid(evidence.difference)
    if difference is None or min(difference.shape) < 2:
        return False
    singular = np.linalg.svd(difference, compute_uv=False)
    return bool(singular[1] <= EXPLAINS * singular[0])


def is_one_sum(evidence: Evidence) -> bool:
    """Whether every entry of grad is the sum of all of approx: summed over the units as well."""
    if evidence.grad.size < 2:
        return False
    return explains(evidence, evidence.approx - evidence.grad + evidence.approx.sum())


def near(value: float, known: float) -> bool:
    return abs(value - known) <= NEAR * abs(known)
