"""The points of a search: each is trained with one seed or several, and the mean counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dltrain.studies.model import LOST, Overrides, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point of the space and what came of it. `results`: of its seeds, in order."""

    index: int
    """From 0, in the order of the proposals."""
    round: int
    overrides: Overrides
    """The varied keys alone."""
    results: tuple[Result, ...]

    @property
    def objective(self) -> float | None:
        """The mean over the seeds that have a result; infinite if one diverged, None if all crashed."""
        found = [result.objective for result in self.results if result.objective is not None]
        return sum(found) / len(found) if found else None

    @property
    def state(self) -> str:
        """That of its worst seed: crashed and timed out count as the one that has no result."""
        states = [result.outcome for result in self.results]
        order = ("diverged", "paused", "pruned", "finished", *LOST)
        return min(states, key=order.index)

    @property
    def epochs(self) -> float:
        """How long it trained: infinite if it ran to its end."""
        paused = [result.epochs for result in self.results if result.outcome in ("paused", "pruned")]
        return min((math.inf if epochs is None else epochs for epochs in paused), default=math.inf)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sorts the better first: a point that was pruned is behind all that trained longer, one that diverged behind
        all of these, ties go to the lower index; one that crashed, of which nothing is known, is the last."""
        value = self.objective
        if value is None or math.isnan(value):
            return (2, 0.0, 0.0, self.index)
        return (1, 0.0, 0.0, self.index) if math.isinf(value) else (0, -self.epochs, value, self.index)

    @property
    def is_sound(self) -> bool:
        """Whether it has a number."""
        return bool(self.rank[0] == 0)


def points_of(results: Sequence[Result], seeds: int) -> list[Point]:
    """The points of a search's own trials, of which each `seeds` ones follow each other."""
    found = []
    for index in range(len(results) // seeds):
        own = tuple(results[index * seeds : (index + 1) * seeds])
        overrides = {path: value for path, value in own[0].overrides.items() if path != "seed"}
        found.append(Point(index=index, round=own[0].round, overrides=overrides, results=own))
    return found


def ranked(points: Sequence[Point]) -> list[Point]:
    """The points with a number, the best first."""
    return sorted((point for point in points if point.is_sound), key=lambda point: point.rank)


def best(points: Sequence[Point]) -> Point | None:
    """The best point that trained to its end."""
    return next((point for point in ranked(points) if math.isinf(point.epochs)), None)
