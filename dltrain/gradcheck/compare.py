"""How far two gradients are apart, what that means, and how much of it round-off explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.gradcheck.numeric import Approximation

Band: TypeAlias = Literal["great", "okay, double check", "not good"]

GREAT = 1e-6
OKAY = 1e-4
"""The notes give 1e-7, 1e-5 and 1e-3 as examples of the three bands; the borders lie half-way in log scale."""

EPSILONS = (1e-4, 1e-5, 1e-6, 1e-7)
"""Where a block at round-off is measured again: round-off falls as 1/ε, the error of the formula grows as ε²."""


def band(ratio: float) -> Band:
    """Below 1e-6 great, below 1e-4 okay, double check, else (NaN too) not good."""
    if ratio < GREAT:
        return "great"
    return "okay, double check" if ratio < OKAY else "not good"


def relative_difference(approx: Floats, grad: Floats) -> float:
    """‖approx − grad‖ / (‖approx‖ + ‖grad‖), 0 for two zero vectors, infinite if a value is not finite."""
    return _ratio(_norm(approx - grad), _norm(approx), _norm(grad))


def round_off(J: float, n: int, epsilon: float) -> float:
    """10 · 2^-52 · max(1, |J|) · √n / ε: what rounding J may do to ‖approx − grad‖ of n coordinates."""
    return 10 * 2.0**-52 * max(1.0, abs(J)) * math.sqrt(n) / epsilon


@dataclass(frozen=True, slots=True)
class Comparison:
    """One block at one ε."""

    epsilon: float
    n: int
    """Coordinates compared."""
    kinks: int
    """Coordinates left out, because a kink lies within ε."""
    difference: float
    """‖approx − grad‖."""
    approx_norm: float
    gradient_norm: float
    floor: float
    """Below it, round-off explains the difference."""

    @property
    def ratio(self) -> float:
        return _ratio(self.difference, self.approx_norm, self.gradient_norm)

    @property
    def at_round_off(self) -> bool:
        return self.difference < self.floor

    @property
    def is_zero(self) -> bool:
        """Neither vector can be told from zero."""
        return self.approx_norm < self.floor and self.gradient_norm < self.floor


def compare(approximation: Approximation, gradient: Floats, J: float) -> Comparison:
    """The coordinates of an approximation against those of the whole gradient (n,), kinks left out."""
    kept = ~approximation.kinked
    approx = approximation.values[kept]
    grad = gradient[approximation.coordinates[kept]]
    return Comparison(
        epsilon=approximation.epsilon,
        n=len(approx),
        kinks=int(approximation.kinked.sum()),
        difference=_norm(approx - grad),
        approx_norm=_norm(approx),
        gradient_norm=_norm(grad),
        floor=round_off(J, len(approx), approximation.epsilon),
    )


def best(comparisons: Sequence[Comparison]) -> Comparison:
    """The one with the smallest ratio, among those that keep at least half as many coordinates as the first.

    A wide ε meets more kinks: what little remains of a block must not speak for all of it.
    """
    enough = [c for c in comparisons if 2 * c.n >= comparisons[0].n]
    return min(enough, key=lambda c: c.ratio)


def _norm(vector: Floats) -> float:
    return float(np.linalg.norm(vector)) if np.isfinite(vector).all() else math.inf


def _ratio(difference: float, approx_norm: float, gradient_norm: float) -> float:
    if not math.isfinite(difference):
        return math.inf
    total = approx_norm + gradient_norm
    return difference / total if total else 0.0
