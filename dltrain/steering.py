"""A hand on a live run: what it is asked is checked, recorded, and holds from the next epoch on.

The record (events.jsonl) is durable before anything of it takes effect: a run that is killed at any moment goes on to
the same bytes, and so does `dltrain train config.replay.yaml`, in which it stands as `adjustments`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dltrain import config, runs
from dltrain.config import Adjustment, Plan
from dltrain.engine.course import Course
from dltrain.engine.schedules import learning_rate
from dltrain.engine.state import State
from dltrain.errors import InputError
from dltrain.runs import Request, Requests, RunFolder
from dltrain.storage import read_if_there

ADJUSTED, REFUSED, SAVED = "adjustment", "adjustment refused", "checkpoint"
"""Kinds of events that answer a request."""
REPLAY = "config.replay.yaml"
GLANCE_SECONDS = 1.0
"""Between two looks, amid an epoch, at whether a checkpoint is asked for."""


@dataclass(slots=True)
class Hand:
    """What is asked of a run that this process trains; `plan` holds every adjustment, its own and those asked for."""

    folder: RunFolder
    plan: Plan
    save: Callable[[State], str]
    tell: Callable[[str, int, int], None]
    """What was adjusted, in words, and how many epochs and steps the training now takes in all."""
    clock: Callable[[], float] = time.monotonic
    course: Course = field(init=False)
    recorded: list[Adjustment] = field(init=False)
    _requests: Requests = field(init=False)
    _next: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """The run's own adjustments hold, whatever those of the present request are, and all that were recorded."""
        self._requests = Requests(self.folder.path)
        self.recorded = recorded(runs.read_events(self.folder.path))
        self.plan = config.readjust(self.plan, [*own(self.folder.record, self.plan), *self.recorded])
        self.course = self.plan.course()
        self._write_replay()
        if self.recorded:
            self.tell("", *self.course.total(self.plan.facts.m))

    def glance(self, state: State) -> None:
        """After a step: saves, if that is asked for; looks once a second."""
        if (now := self.clock()) >= self._next:
            self._next = now + GLANCE_SECONDS
            for request in self._requests.take(only_saving=True):
                self._save(request.name, state)

    def look(self, state: State) -> bool:
        """At an epoch's end: takes every request. Whether the course is another one now; why is recorded already."""
        before = len(self.recorded)
        answered = runs.answers(self.folder.path) if self._requests.waiting() else {}
        for request in self._requests.take():
            if request.name not in answered:  # else: killed between the record and here
                self._answer(request, state)
            self._requests.done(request.name)
        for adjustment in self.recorded[before:]:
            self.tell(said(adjustment), *self.course.total(self.plan.facts.m))
        return len(self.recorded) > before

    def end(self, why: str) -> None:
        """Nothing more can be asked of the run: refuses what nobody took."""
        for request in self._requests.take():
            self._refuse(request.name, why)
            self._requests.done(request.name)

    def _answer(self, request: Request, state: State) -> None:
        if request.fault is not None:
            self._refuse(request.name, request.fault)
            return
        for adjustment in self._wanted(request, state):
            try:
                settled = self._settled(adjustment)
            except InputError as error:
                self._refuse(request.name, "; ".join(problem.line() for problem in error.problems))
                return
            self._record(request, *settled)
        if request.checkpoint:
            self._save(request.name, state)

    def _wanted(self, request: Request, state: State) -> Iterator[Adjustment]:
        if request.changes:
            yield Adjustment(epoch=self._next_epoch(state), set=dict(request.changes))
        if request.stop:
            yield Adjustment(epoch=state.position.epoch + 1, set=self._end_here(state))

    def _next_epoch(self, state: State) -> int:
        """From when a new adjustment holds: not before those already recorded, which it comes after."""
        return max([state.position.epoch + 1, *(adjustment.epoch for adjustment in self.recorded)])

    def _end_here(self, state: State) -> dict[str, Any]:
        if self.plan.experiment.training.steps is None:
            return {"training.epochs": state.position.epoch}
        return {"training.steps": state.position.step}

    def _settled(self, asked: Adjustment) -> tuple[Adjustment, Plan]:
        """The adjustment as it is to be recorded, and the plan with it. Raises InputError for one that does not fit."""
        after = config.settled_change(self.plan.at(asked.epoch).experiment, asked, self.plan.facts)
        adjustment = replace(asked, set=config.canonical(after, asked.set))
        return adjustment, config.readjust(self.plan, [*self.plan.experiment.adjustments, adjustment])

    def _record(self, request: Request, adjustment: Adjustment, plan: Plan) -> None:
        """Once this returns the adjustment holds, whatever happens. Raises StorageError, and then it may not hold."""
        course = plan.course()
        more: dict[str, Any] = _rate(course, adjustment.epoch, plan.facts.m, adjustment.set)
        more |= {"stop": True} if request.stop else {}
        self.folder.event(ADJUSTED, request=request.name, epoch=adjustment.epoch, set=adjustment.set, **more)
        self.folder.sync()
        self.plan, self.course = plan, course
        self.recorded.append(adjustment)
        self._write_replay()

    def _refuse(self, name: str, why: str) -> None:
        self.folder.event(REFUSED, request=name, why=why)
        self.folder.sync()

    def _save(self, name: str, state: State) -> None:
        self.folder.event(SAVED, request=name, step=state.position.step, checkpoint=self.save(state))
        self._requests.done(name)

    def _write_replay(self) -> None:
        """config.replay.yaml, if there is anything to replay and it is not there yet; run.json tells of it with its
        next state."""
        if not self.recorded:
            return
        self.folder.remember(adjustments=[asdict(adjustment) for adjustment in self.plan.experiment.adjustments])
        resolved = read_if_there(self.folder.path / "config.resolved.yaml") or b""
        text = config.replay(resolved.decode(), self.plan, self.folder.record.get("parent")).encode()
        if read_if_there(self.folder.path / REPLAY) != text:
            self.folder.write(REPLAY, text)


def _rate(course: Course, epoch: int, m: int, changes: Mapping[str, Any]) -> dict[str, float]:
    """The learning rate of the epoch, where the changes touch it: the schedule may make another of what was set."""
    program = course.at(epoch)
    if program.schedule.per == "step" or not changes.keys() & {"optimizer.learning_rate", "schedule"}:
        return {}
    planned = course.planned(epoch, m)[0]
    return {"learning_rate": learning_rate(program.schedule, program.optimizer.learning_rate, epoch, planned)}


def said(adjustment: Adjustment) -> str:
    """`from epoch 12: optimizer.learning_rate=0.0003`"""
    return f"from epoch {adjustment.epoch}: {runs.words_of(adjustment.set)}"


def recorded(events: Sequence[Mapping[str, Any]]) -> list[Adjustment]:
    """The adjustments among a run's events."""
    return [Adjustment(epoch=event["epoch"], set=event["set"]) for event in events if event.get("kind") == ADJUSTED]


def own(record: Mapping[str, Any], plan: Plan) -> list[Adjustment]:
    """The adjustments that the run was started with; those of the plan where run.json does not say."""
    given = record.get("given")
    if not given:
        return list(plan.experiment.adjustments)
    return [Adjustment(**adjustment) for adjustment in given.get("adjustments") or []]
