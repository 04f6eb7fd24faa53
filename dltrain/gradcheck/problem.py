"""What can be checked: a cost and its gradient over one flat vector theta, whose stretches have names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from dltrain.engine.arrays import Bools, Floats
from dltrain.engine.layout import Role

Blocks: TypeAlias = Sequence[tuple[str, slice]]


class Problem(Protocol):
    """A cost J(theta) and the gradient that is to be checked, in float64.

    A problem may also have `details: Details`, for naming a mistake, and be `Kinked`.
    """

    @property
    def theta(self) -> Floats:
        """(n,): where the gradient is checked."""
        ...

    @property
    def blocks(self) -> Blocks:
        """Names of the stretches of theta, in the order of forward propagation."""
        ...

    def cost(self, theta: Floats) -> float: ...

    def gradient(self, theta: Floats) -> Floats:
        """(n,): ∂J/∂theta, as it was derived by hand."""
        ...


class Kinked(Protocol):
    """A problem whose cost has kinks, where no derivative exists (ReLU at 0, L1 at 0)."""

    def sides(self, theta: Floats) -> Bools:
        """For every kink, on which side of it theta lies. Called right after `cost` at the same theta."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a block stands in a network. Layers count from 1; the last is the output."""

    layer: int
    role: Role
    shape: tuple[int, ...] | None = None
    l2: float = 0.0
    """J holds l2/2 Σ w² over the block: λ/m."""
    l1: float = 0.0
    """J holds l1 Σ |w| over the block: λ/(2m)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What helps to name a mistake."""

    places: Mapping[str, Place] = field(default_factory=dict)
    """Of the blocks, by name."""
    known: bool = False
    """Whether the places are facts; if not, l2 and l1 are unknown, and shapes may be the other way round."""
    quantities: Mapping[str, float] = field(default_factory=dict)
    """Numbers that may turn up as a wrong factor: the number of examples `m`, a keep_prob."""


_NUMBERED = re.compile(r"^(W|w|weight|b|bias|gamma|beta)[_\[]?(\d+)\]?$")
_ROLES: dict[str, Role] = {
    "W": "weight",
    "w": "weight",
    "weight": "weight",
    "b": "bias",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
}


def details_of(problem: Problem) -> Details:
    """The problem's own details, or what the names and sizes of its blocks say (W1, b1, gamma2, ...)."""
    given: Any = getattr(problem, "details", None)
    if isinstance(given, Details):
        return given
    sizes = {name: where.stop - where.start for name, where in problem.blocks}
    numbered = {name: (int(found[2]), _ROLES[found[1]]) for name in sizes if (found := _NUMBERED.match(name))}
    units = {layer: sizes[name] for name, (layer, role) in numbered.items() if role != "weight"}
    places = {}
    for name, (layer, role) in numbered.items():
        n_out = units.get(layer, 0)
        is_matrix = role == "weight" and n_out and sizes[name] % n_out == 0
        shape = (sizes[name] // n_out, n_out) if is_matrix else (sizes[name],)
        places[name] = Place(layer=layer, role=role, shape=shape)
    examples = getattr(problem, "m", None)
    return Details(places=places, quantities={"m": float(examples)} if isinstance(examples, int) else {})
