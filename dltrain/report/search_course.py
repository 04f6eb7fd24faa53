"""How far a search is while it runs: the work left in all rounds and in the winner's training, and the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltrain.studies.model import Result


@dataclass(frozen=True, slots=True)
class Portion:
    """Trials that run at once, and what share of a whole training each takes."""

    trials: int
    work: float = 1.0


def portions(study: Mapping[str, Any], epochs: int | None) -> list[Portion]:
    """What a search runs one after the other, as study.json describes it; epochs: of a whole training, where known.

    With successive halving a round is its rungs: all points to the first, the best of them to the next, ...
    """
    rounds, seeds = int(study.get("rounds") or 1), int(study.get("seeds") or 1)
    each, more = divmod(int(study.get("trials") or 0), rounds)
    found: list[Portion] = []
    for number in range(rounds):
        left = each + (number < more)
        for share, factor in _rungs(study.get("prune"), epochs):
            left = max(1, left // factor) if factor > 1 else left
            found.append(Portion(left * seeds, share))
    winner = int(study.get("winner_seeds") or 0)
    return [*found, *([Portion(winner)] if winner else [])]


def _rungs(prune: Mapping[str, Any] | None, epochs: int | None) -> list[tuple[float, int]]:
    """(share of a training, divisor of the points that are left) of each rung, the last to the end."""
    rungs = list((prune or {}).get("rungs") or ())
    if not prune or not rungs or not epochs:
        return [(1.0, 1)]
    ends = [0, *rungs, epochs]
    shares = [(b - a) / epochs for a, b in zip(ends[:-1], ends[1:], strict=True)]
    return [(share, int(prune["factor"]) if place else 1) for place, share in enumerate(shares)]


@dataclass(slots=True)
class Course:
    """Counts what was done; also of studies that are no search, of which nothing is planned ahead."""

    planned: list[Portion] = field(default_factory=list)
    seeds: int = 1
    trials: int | None = None
    """The search's own ones; those after them are the winner's."""
    winner: int = 0
    """Trainings of the winner."""
    place: int = -1
    """Of the portion that runs."""
    size: int = 0
    over: int = 0
    """Trials of this portion, and those that are over."""
    own: float = 0.0
    """Work done since this began: what an earlier start did says nothing of the pace."""
    scores: dict[int, float] = field(default_factory=dict)

    @staticmethod
    def of(record: Mapping[str, Any] | None) -> Course:
        """record: study.json."""
        study = (record or {}).get("study") or {}
        if study.get("kind") != "search":
            return Course()
        training = (((record or {}).get("given") or {}).get("resolved") or {}).get("training") or {}
        seeds = int(study.get("seeds") or 1)
        planned = portions(study, training.get("epochs"))
        return Course(planned, seeds, int(study["trials"]) * seeds, int(study.get("winner_seeds") or 0))

    @property
    def expected(self) -> int:
        """Trials in all, as far as they are planned; 0 where they are not."""
        return 0 if self.trials is None else self.trials + self.winner

    def round(self, trials: Mapping[int, Any], done: int) -> None:
        """Another portion begins, of which so many trials are over."""
        self.place += 1
        self.size, self.over = len(trials), done

    @property
    def _work(self) -> float:
        """Of a trial of this portion."""
        return self.planned[self.place].work if self.place < len(self.planned) else 1.0

    def ended(self, result: Result) -> None:
        self.over += 1
        self.own += self._work
        score = result.objective
        if self.trials is not None and result.outcome == "finished" and result.role == "trial" and score is not None:
            self.scores[result.trial] = score

    def seconds_left(self, seconds: float) -> float:
        """At the pace of so many seconds."""
        rest = (self.size - self.over) * self._work
        rest += sum(one.trials * one.work for one in self.planned[self.place + 1 :])
        return seconds / self.own * rest if self.own else math.inf

    def best(self) -> list[int]:
        """The trials of the best point that trained to its end so far; ties go to the first."""
        points: dict[int, list[float]] = {}
        for trial in sorted(self.scores):
            points.setdefault(trial // self.seeds, []).append(self.scores[trial])
        whole = {point: sum(scores) for point, scores in points.items() if len(scores) == self.seeds}
        if not whole:
            return []
        point = min(whole, key=lambda point: (whole[point], point))
        return list(range(point * self.seeds, (point + 1) * self.seeds))
