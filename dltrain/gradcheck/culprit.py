"""Where a wrong gradient first goes wrong, in backward order, and what kind of mistake fits.

Backward propagation starts at the output: a mistake in dZ of one layer spoils every layer before it, so the
wrong block nearest to the output is the one to look at ("look at components", section 1.9 of the notes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats, Ints
from dltrain.gradcheck.evidence import Case, gather
from dltrain.gradcheck.mistakes import Mistake, recognize
from dltrain.gradcheck.problem import Details, Problem, details_of

_WITHIN_LAYER = ("gamma", "beta", "weight", "bias")
"""The order in which backward propagation meets the parameters of a layer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The coordinate that is furthest off."""

    index: tuple[int, ...]
    approx: float
    gradient: float


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first faulty parameter and the mistake that fits."""

    block: str
    layer: int | None
    kind: str
    """One word for machines: sign, mean_missing, regularization_missing, ... (see mistakes.py)."""
    explanation: str
    """A sentence for people."""
    worst: Entry | None

    def to_json(self) -> dict[str, Any]:
        entry = self.worst
        return {
            "block": self.block,
            "layer": self.layer,
            "kind": self.kind,
            "explanation": self.explanation,
            "worst": entry
            and {"index": list(entry.index), "approx": _plain(entry.approx), "gradient": _plain(entry.gradient)},
        }


def find_culprit(problem: Problem, gradient: Floats, faulty: Sequence[str], coordinates: Ints) -> Culprit:
    """Names the first of the `faulty` blocks in backward order and the mistake that fits its numbers.

    `coordinates` are those that were compared; the blocks of the faulty layer are measured once more.
    """
    details = details_of(problem)
    first = _first(problem, details, faulty)
    place = details.places.get(first)
    together = [first] if place is None else _layer(details, place.layer)
    evidence = gather(problem, gradient, together, coordinates, details)
    case = Case(
        name=first,
        place=place,
        own=evidence[first],
        layer=evidence,
        faulty=frozenset(faulty),
        last=place is not None and place.layer == max(p.layer for p in details.places.values()),
        details=details,
    )
    mistake: Mistake = recognize(case)
    return Culprit(first, place.layer if place else None, mistake.kind, mistake.sentence, _worst(case))


def _first(problem: Problem, details: Details, faulty: Sequence[str]) -> str:
    """Numbered blocks by layer from the output back; blocks without a number by their order alone."""
    position = {name: n for n, (name, _) in enumerate(problem.blocks)}
    if not all(name in details.places for name in position):
        return max(faulty, key=lambda name: position[name])

    def backward(name: str) -> tuple[int, int]:
        place = details.places[name]
        return -place.layer, _WITHIN_LAYER.index(place.role)

    return min(faulty, key=backward)


def _layer(details: Details, layer: int) -> list[str]:
    return [name for name, place in details.places.items() if place.layer == layer]


def _worst(case: Case) -> Entry | None:
    evidence = case.own
    if not evidence.approx.size:
        return None
    off = np.abs(evidence.difference)
    at = int(np.argmax(np.where(np.isfinite(off), off, np.inf)))
    index = int(evidence.indices[at])
    shape = case.place.shape if case.place and case.details.known else None
    place = tuple(int(i) for i in np.unravel_index(index, shape)) if shape else (index,)
    return Entry(place, float(evidence.approx[at]), float(evidence.grad[at]))


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
