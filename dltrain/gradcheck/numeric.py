"""The numeric gradient: two-sided with error O(ε²), one-sided with error O(ε) (section 1.9 of the notes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dltrain.engine.arrays import Bools, Floats, Ints
from dltrain.engine.streams import Purpose, permutation
from dltrain.gradcheck.problem import Blocks, Problem


@dataclass(frozen=True, slots=True)
class Approximation:
    """Numeric derivatives of some coordinates of theta."""

    epsilon: float
    coordinates: Ints
    """(k,), ascending."""
    values: Floats
    """(k,)."""
    kinked: Bools
    """(k,): a kink lies between the two points, so that the value says nothing about the derivative."""

    def within(self, where: slice) -> Approximation:
        """The coordinates of one block."""
        first, last = np.searchsorted(self.coordinates, (where.start, where.stop))
        cut = slice(int(first), int(last))
        return Approximation(self.epsilon, self.coordinates[cut], self.values[cut], self.kinked[cut])


def approximate(problem: Problem, coordinates: Ints, epsilon: float, one_sided: bool = False) -> Approximation:
    """Two-sided: (J(θ + ε) − J(θ − ε))/2ε; one-sided: (J(θ + ε) − J(θ))/ε; for each coordinate by itself.

    The divisor is the distance of the two points as floating point has them: at ε = 1e-7 rounding θ ± ε alone
    would cost up to nine digits.
    """
    theta = np.array(problem.theta, np.float64)
    values = np.empty(len(coordinates))
    kinked = np.zeros(len(coordinates), np.bool_)
    here = _evaluate(problem, theta) if one_sided else None
    for k, i in enumerate(coordinates):
        middle = theta[i]
        right, left = middle + epsilon, middle if one_sided else middle - epsilon
        theta[i] = right
        J_right, sides_right = _evaluate(problem, theta)
        theta[i] = left
        J_left, sides_left = here or _evaluate(problem, theta)
        theta[i] = middle
        values[k] = (J_right - J_left) / (right - left)
        if sides_right is not None and sides_left is not None:
            kinked[k] = sides_right.tobytes() != sides_left.tobytes()
    return Approximation(epsilon, coordinates, values, kinked)


def _evaluate(problem: Problem, theta: Floats) -> tuple[float, Bools | None]:
    J = problem.cost(theta)
    sides = getattr(problem, "sides", None)
    return J, None if sides is None else sides(theta)


def choose(blocks: Blocks, samples: int | None, seed: int = 0) -> Ints:
    """The coordinates to check, ascending: all of them, or `samples` drawn, from every block at least one.

    Each block gives the same number as far as it can, so that a small bias is checked whole beside a large W.
    """
    sizes = [where.stop - where.start for _, where in blocks]
    drawn = []
    for n, ((_, where), take) in enumerate(zip(blocks, _allot(sizes, samples), strict=True)):
        if take:
            order = permutation(sizes[n], seed, Purpose.GRADCHECK, n)
            drawn.append(where.start + order[:take])
    return np.sort(np.concatenate(drawn)) if drawn else np.empty(0, np.int64)


def _allot(sizes: Sequence[int], samples: int | None) -> list[int]:
    if samples is None or samples >= sum(sizes):
        return list(sizes)
    taken, left = [0] * len(sizes), samples
    smallest_first = sorted(range(len(sizes)), key=lambda n: sizes[n])
    for done, n in enumerate(smallest_first):
        taken[n] = min(sizes[n], max(1, left // (len(sizes) - done)))
        left -= taken[n]
    return taken
