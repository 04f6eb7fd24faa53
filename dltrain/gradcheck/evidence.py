"""The numbers of a faulty layer, measured once more with the most accurate ε."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dltrain.engine.arrays import Floats, Ints
from dltrain.gradcheck.numeric import approximate
from dltrain.gradcheck.problem import Details, Place, Problem

ACCURATE = 1e-5
"""Near the ε at which the round-off and the error of the two-sided formula are equal."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A block where it was compared, flat: approx, grad, theta and the place in the block, each (k,)."""

    approx: Floats
    grad: Floats
    theta: Floats
    indices: Ints
    shape: tuple[int, ...] | None = None
    """Of the block, if all of it was compared."""

    @property
    def difference(self) -> Floats:
        return self.approx - self.grad

    def grid(self, vector: Floats) -> Floats | None:
        """A vector of a whole matrix as that matrix, (n_in, n_out)."""
        if self.shape is None or len(self.shape) != 2:
            return None
        return vector.reshape(self.shape)

    def without(self, term: Floats) -> Evidence:
        """The same with a term that both gradients hold taken out of both."""
        return Evidence(self.approx - term, self.grad - term, self.theta, self.indices, self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is known of the first faulty block."""

    name: str
    place: Place | None
    own: Evidence
    layer: Mapping[str, Evidence]
    """Of all blocks of its layer, itself included."""
    faulty: frozenset[str]
    """Names of all faulty blocks of the network."""
    last: bool
    """Whether it belongs to the output layer."""
    details: Details

    @property
    def role(self) -> str | None:
        return self.place.role if self.place else None

    def neighbour(self, role: str) -> str | None:
        """The block of that role in the same layer."""
        return next((n for n in self.layer if n in self.details.places and self.details.places[n].role == role), None)

    def is_right(self, role: str) -> bool:
        """Whether the layer has a block of that role and it is right."""
        name = self.neighbour(role)
        return name is not None and name not in self.faulty


def gather(
    problem: Problem, gradient: Floats, names: Sequence[str], coordinates: Ints, details: Details
) -> dict[str, Evidence]:
    """The evidence of the named blocks at the coordinates that were compared."""
    found = {}
    theta = np.asarray(problem.theta, np.float64)
    for name, where in problem.blocks:
        if name not in names:
            continue
        among = coordinates[(coordinates >= where.start) & (coordinates < where.stop)]
        measured = approximate(problem, among, ACCURATE)
        kept = ~measured.kinked if not measured.kinked.all() else np.ones(len(among), np.bool_)
        at = among[kept]
        place = details.places.get(name)
        whole = len(at) == where.stop - where.start
        found[name] = Evidence(
            approx=measured.values[kept],
            grad=gradient[at],
            theta=theta[at],
            indices=at - where.start,
            shape=place.shape if place and whole else None,
        )
    return found
