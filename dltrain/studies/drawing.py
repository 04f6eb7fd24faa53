"""How the points of a round are drawn. Each draw is a pure function of the seed, its number and the points before it.

The number of a dimension's stream comes from its path: another dimension in the space leaves these draws as they are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from dltrain.engine.streams import Purpose, generator, permutation
from dltrain.studies.model import Overrides
from dltrain.studies.points import Point, ranked
from dltrain.studies.space import Box, Dimension, Space

Places = list[float]
LARGEST_GRID = 100_000
"""Points of a grid at most."""
WIDE_EVERY = 10
"""One draw in so many is from the whole space: the best may lie outside of the box."""
KEPT = 8
"""The best one in so many of all points so far span the box."""
FEWEST = 4
"""Points that span a box at least."""


def random_places(space: Space, seed: int, number: int) -> Places:
    """Independent and even on each dimension's own scale."""
    return [float(generator(seed, Purpose.SEARCH, number, _stream(one)).random()) for one in space.dimensions]


def spread_places(space: Space, seed: int, first: int, count: int) -> list[Places]:
    """Latin hypercube: each of `count` equal shares of every dimension is drawn from once (McKay et al. 1979)."""
    import numpy as np

    columns = []
    for one in space.dimensions:
        order = permutation(count, seed, Purpose.SEARCH_STRATA, first, _stream(one))
        inside = [generator(seed, Purpose.SEARCH, first + place, _stream(one)).random() for place in range(count)]
        columns.append((order + np.array(inside)) / count)
    return [[float(column[place]) for column in columns] for place in range(count)]


def _stream(dimension: Dimension) -> int:
    return int.from_bytes(hashlib.sha256(dimension.path.encode()).digest()[:7], "big")


def coarse_to_fine(space: Space, seed: int, first: int, count: int, box: Box) -> list[dict[str, Any]]:
    """A round's points: spread over the box, and every tenth over the whole space."""
    wide = [place for place in range(count) if place % WIDE_EVERY == WIDE_EVERY - 1] if box != space.box else []
    near = [place for place in range(count) if place not in wide]
    found: dict[int, dict[str, Any]] = {}
    for places, inside, start in ((near, space.within(box), first), (wide, space, first + len(near))):
        for place, us in zip(places, spread_places(inside, seed, start, len(places)), strict=True):
            found[place] = inside.sample(us)
    return [found[place] for place in range(count)]


def box_round(space: Space, points: Sequence[Point]) -> dict[str, list[Any]]:
    """The box round the best points of all earlier rounds: from the least to the greatest of their places in each
    dimension, and beyond both by half the mean distance of all points there, within the space. Of a choice the values
    that they have.

    A dimension that does not matter keeps its width, as its best places lie anywhere: what shrinks is what matters.
    """
    good = ranked(points)[: max(FEWEST, math.ceil(len(points) / KEPT))]
    box = space.box
    for one in space.dimensions:
        there = [point.overrides[one.path] for point in good if one.path in point.overrides]
        if len(there) < 2:
            continue
        if one.scale == "choice":
            box[one.path] = [value for value in one.values.values if value in there]
            continue
        places = [one.values.place(value) for value in there]
        margin = 0.5 / max(1, len([point for point in points if one.path in point.overrides]))
        low, high = max(0.0, min(places) - margin), min(1.0, max(places) + margin)
        box[one.path] = [one.values.at(low), one.values.at(high)]
    return box


def grid(space: Space, points: int) -> list[Overrides]:
    """Every combination of `points` values of each dimension, both ends among them; the first dimension changes last.
    What differs in nothing that counts stands once. Raises ValueError for more than LARGEST_GRID."""
    axes = [list(_axis(one, points)) for one in space.dimensions]
    if math.prod(len(axis) for axis in axes) > LARGEST_GRID:
        raise ValueError("the grid is too large")
    found: list[Overrides] = []
    seen: set[str] = set()
    for us in product(*axes):
        sample = space.sample(us)
        if repr(sample) not in seen:
            seen.add(repr(sample))
            found.append(sample)
    return found


def _axis(one: Dimension, points: int) -> Iterator[float]:
    """Places of the grid's values, each value once."""
    if one.scale == "choice":
        yield from ((place + 0.5) / len(one.values.values) for place in range(len(one.values.values)))
        return
    seen = set()
    for place in range(points):
        u = place / (points - 1) if points > 1 else 0.5
        if (value := one.values.at(u)) not in seen:
            seen.add(value)
            yield u
