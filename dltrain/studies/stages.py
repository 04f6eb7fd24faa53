"""What of a study may run at once: a round of new trials, or paused ones of a round that go on.

Pure functions of the study and of the results so far, for whoever runs the trials: one process, or a queue of jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dltrain.studies.model import Planned, Result, Study


@dataclass(frozen=True, slots=True)
class Stage:
    """Trials that do not wait for each other, by number."""

    round: int
    """From 1; of trials that go on the round that began them."""
    trials: Mapping[int, Planned]
    goes_on: bool = False
    """Whether its trials were begun by an earlier stage."""


def following(study: Study, done: Sequence[Result]) -> Stage | None:
    """The stage after these results, which are those of all stages before it by number; None when the study is over."""
    found = [one if isinstance(one, Planned) else Planned(overrides=one) for one in study.propose(done)]
    if not found:
        return None
    new = [planned for planned in found if planned.trial is None]
    old = {planned.trial: planned for planned in found if planned.trial is not None}
    last = max((result.round for result in done), default=0)
    fresh = {len(done) + place: planned for place, planned in enumerate(new)}
    return Stage(last if old else last + 1, {**old, **fresh}, bool(old))


def pruned(done: Sequence[Result], stage: Stage | None) -> list[Result]:
    """The results once it is known which of the paused trials go on: the others never will."""
    going_on = {} if stage is None else stage.trials
    return [
        replace(result, outcome="pruned") if result.outcome == "paused" and result.trial not in going_on else result
        for result in done
    ]


def closed(done: Sequence[Result], results: Sequence[Result]) -> list[Result]:
    """All results by number, once those of a stage are there."""
    found = {result.trial: result for result in [*done, *results]}
    return [found[trial] for trial in sorted(found)]
