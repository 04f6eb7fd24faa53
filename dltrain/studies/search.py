"""`dltrain search`: many configs that differ in the keys of a space ("caviar"), and the best of them (notes, part 3).

Which trials there are follows from the seed, their number and the complete results of earlier rounds: the same with
any number of workers, after any crash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from dltrain.studies import drawing
from dltrain.studies.model import OBJECTIVE, Context, Overrides, Planned, Result
from dltrain.studies.points import Point, best, points_of, ranked
from dltrain.studies.space import Box, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Point i is trained with k = `seeds` seeds: trials k i ... k i + k - 1. The winner's trials follow them."""

    kind: ClassVar[str] = "search"
    method: str
    """random, coarse_to_fine, grid or tpe."""
    trials: int
    """Points, in all rounds together."""
    rounds: int
    points: int
    """Of the grid, on each dimension."""
    seeds: int
    seed: int
    """The first one."""
    winner_seeds: int
    space: Mapping[str, Mapping[str, Any]]
    """{path: {kind, low, high, values, when}}."""
    objective: str = OBJECTIVE
    prune: Mapping[str, Any] | None = None
    """{factor, min_epochs, rungs: [epochs after which only the best 1/factor go on]}."""

    def to_json(self) -> dict[str, Any]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, **found, "space": {path: dict(one) for path, one in self.space.items()}}

    @property
    def dimensions(self) -> Space:
        return Space.of(self.space)

    @property
    def total(self) -> int:
        """Trials in all, the winner's not among them."""
        return self.trials * self.seeds

    @property
    def sizes(self) -> list[int]:
        """Points of each round: equal numbers, of the remainder one more in each of the first rounds."""
        each, more = divmod(self.trials, self.rounds)
        return [each + (number < more) for number in range(self.rounds)]

    def propose(self, done: Sequence[Result]) -> list[Planned]:
        own = [result for result in done if result.role == "trial"]
        points = points_of(own, self.seeds)
        if going_on := self._next_rung(points):
            return going_on
        if len(points) < self.trials:
            return [planned for overrides in self._round(points) for planned in self._planned(overrides)]
        return [] if len(own) < len(done) else self._again(points)

    def _planned(self, overrides: Overrides) -> list[Planned]:
        until = self.prune["rungs"][0] if self.prune else None
        seeds = range(self.seed, self.seed + self.seeds)
        return [Planned(overrides={**overrides, "seed": seed}, until=until) for seed in seeds]

    def _again(self, points: Sequence[Point]) -> list[Planned]:
        """The best point with seeds that no trial had."""
        found = best(points)
        first = self.seed + self.seeds
        seeds = range(first, first + self.winner_seeds) if found else ()
        return [Planned(overrides={**found.overrides, "seed": seed}, role="winner") for seed in seeds if found]

    def points_of(self, results: Sequence[Result]) -> list[Point]:
        """The points of all these results, without the winner's."""
        return points_of([result for result in results if result.role == "trial"], self.seeds)

    def box(self, points: Sequence[Point]) -> Box:
        """What the round after these points is drawn from, for the most part."""
        space = self.dimensions
        if self.method != "coarse_to_fine" or not points:
            return space.box
        return drawing.box_round(space, points)

    def _round(self, points: Sequence[Point]) -> Sequence[Overrides]:
        space, first = self.dimensions, len(points)
        if self.method == "grid":
            return drawing.grid(space, self.points)
        if self.method == "random":
            return [space.sample(drawing.random_places(space, self.seed, number)) for number in range(self.trials)]
        number = max((point.round for point in points), default=0)
        count = self.sizes[number]
        if self.method == "tpe":
            from dltrain.studies.tpe import propose

            return [space.sample(us) for us in propose(space, points, count, self.seed)]
        return drawing.coarse_to_fine(space, self.seed, first, count, self.box(points))

    def _next_rung(self, points: Sequence[Point]) -> list[Planned]:
        """The best 1/factor of the points that came to a rung go on to the next one, or to their end."""
        paused = [result for point in points for result in point.results if result.outcome == "paused"]
        if not paused or self.prune is None:
            return []
        rungs, factor = list(self.prune["rungs"]), self.prune["factor"]
        passed = rungs.index(max(result.epochs or 0 for result in paused)) + 1
        round_ = [point for point in points if point.round == paused[0].round]
        left = len(round_)
        for _ in range(passed):
            left = max(1, left // factor)
        until = rungs[passed] if passed < len(rungs) else None
        racing = [point for point in ranked(round_) if point.state != "pruned"]
        racing.sort(key=lambda point: (point.objective, point.index))  # one that stopped early has no head start
        kept = {result.trial for point in racing[:left] for result in point.results}
        return [
            Planned(overrides=result.overrides, until=until, trial=result.trial)
            for result in paused
            if result.trial in kept
        ]

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """See `dltrain.studies.search_summary`."""
        from dltrain.studies.search_summary import summarize

        return summarize(self, results, context)
