"""`search.kind: tpe`: rounds proposed by Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

from collections.abc import Sequence

from dltrain.errors import InputError, Problem
from dltrain.studies.points import Point
from dltrain.studies.space import Space


def propose(space: Space, done: Sequence[Point], count: int, seed: int) -> list[list[float]]:
    """The places of the next `count` points, given all of the rounds before, in order; one place a dimension."""
    raise InputError(Problem("tpe is not there yet; expected random, coarse_to_fine or grid", "search.kind"))
