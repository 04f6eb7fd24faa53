"""Where a descent ended: a minimum, a saddle, a plateau, or still on its way (section 2.7 of the notes).

The gradient alone can't tell them apart; the curvature (the eigenvalues of the matrix of second derivatives) does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dltrain.autodiff.cost import Cost
from dltrain.autodiff.descent import Point
from dltrain.engine.arrays import Floats

Kind = Literal["minimum", "saddle", "maximum", "flat", "plateau", "moving", "kink"]

STILL = 1e-6
"""The gradient is 0 where its norm is at most STILL · max(1, that at the start); a minimum is reached where no more
than STILL · max(1, |J|) of the cost is left to fall."""
ROUND = 1e-6
"""A curvature is 0 where it is at most ROUND · max(1, the largest of them)."""
GENTLE = 0.01
"""A plateau's gradient is at most that; and over the last half of the steps the cost fell by no more than this
share of max(1, |J|)."""

LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is there, and for a saddle or a plateau which variable leads away from it."""

    kind: Kind
    curvatures: tuple[float, ...]
    """Eigenvalues of the second derivatives, the lowest first; () where they are not finite."""
    along: str | None = None
    """The variable along which the cost falls, or is flat."""
    unmoved: bool = False
    """`along` never left its start: by symmetry, its gradient was 0 in every step."""
    fell: float = 0.0
    """By how much the cost fell in the last half of the steps."""


def ending(cost: Cost, path: Sequence[Point]) -> Ending:
    """What the path leads to. `path` holds the start, the point half-way and the end."""
    start, half, end = path
    theta = np.array(end.theta)
    with np.errstate(all="ignore"):
        gradient, found = cost.with_gradient(theta)[1], _spectrum(cost.curvature(theta))
        fell = float(np.clip(half.cost - end.cost, -LARGEST, LARGEST))
        if found is None:
            return Ending(kind="kink", curvatures=(), fell=fell)
        kind = _kind(path, gradient, *found)
    lowest = int(np.argmax(np.abs(found[1][:, 0])))
    leads = kind in ("saddle", "maximum", "flat")
    return Ending(
        kind=kind,
        curvatures=tuple(found[0].tolist()),
        along=cost.expression.variables[lowest] if leads else None,
        unmoved=leads and start.theta[lowest] == end.theta[lowest],
        fell=fell,
    )


def _spectrum(H: Floats) -> tuple[Floats, Floats] | None:
    """Eigenvalues from the lowest, and their directions as columns; None where they are not finite."""
    if not np.isfinite(H).all():
        return None
    try:
        curvatures, directions = np.linalg.eigh(H)
    except np.linalg.LinAlgError:
        return None
    return (curvatures, directions) if np.isfinite(curvatures).all() else None


def _kind(path: Sequence[Point], gradient: Floats, curvatures: Floats, directions: Floats) -> Kind:
    start, half, end = path
    zero = ROUND * max(1.0, float(np.abs(curvatures).max()))
    size = max(1.0, abs(end.cost))
    rises = bool((curvatures > zero).all())
    if rises and _still_to_fall(gradient, curvatures, directions) <= STILL * size:
        return "minimum"
    if end.gradient_norm <= STILL * max(1.0, start.gradient_norm):
        if curvatures[0] < -zero:
            return "maximum" if curvatures[-1] < -zero else "saddle"
        return "flat"
    small = end.gradient_norm <= GENTLE and abs(half.cost - end.cost) <= GENTLE * size
    return "plateau" if small and not rises else "moving"


def _still_to_fall(gradient: Floats, curvatures: Floats, directions: Floats) -> float:
    """½ gᵀH⁻¹g: by how much the cost is above its minimum, if it is as curved on the way as here."""
    along = directions.T @ gradient
    return float(np.sum(along**2 / curvatures)) / 2
