"""A whole minimization and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dltrain.autodiff.cost import Cost
from dltrain.autodiff.descent import Diverged, Point, descend
from dltrain.autodiff.ending import Ending, ending
from dltrain.autodiff.parsing import Expression
from dltrain.engine.optimizers import Optimizer
from dltrain.engine.schedules import Schedule
from dltrain.errors import InputError, Problem, did_you_mean

MOST_POINTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimized:
    """Where it began and ended, and the points between that were asked for."""

    expression: Expression
    optimizer: Optimizer
    schedule: Schedule
    steps: int
    before: Point | None
    """None where the start itself is not finite."""
    after: Point | None
    """None where it diverged."""
    path: tuple[Point, ...]
    ended: Ending | None
    diverged: Diverged | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, finite numbers alone."""
        lost = self.diverged
        return {
            "expression": self.expression.text,
            "variables": list(self.expression.variables),
            "optimizer": asdict(self.optimizer),
            "schedule": asdict(self.schedule),
            "steps": self.steps,
            "state": "diverged" if lost else "finished",
            "before": self._point(self.before),
            "after": self._point(self.after),
            "ended": asdict(self.ended) if self.ended else None,
            "diverged": {"step": lost.step, "what": lost.what} if lost else None,
            "path": [self._point(point) for point in self.path],
        }

    def _point(self, point: Point | None) -> dict[str, Any] | None:
        if point is None:
            return None
        values = dict(zip(self.expression.variables, point.theta, strict=True))
        return {"step": point.step, "values": values, "cost": point.cost, "gradient_norm": point.gradient_norm}


def minimize(
    expression: Expression,
    optimizer: Optimizer,
    schedule: Schedule,
    *,
    steps: int,
    start: Mapping[str, float] | None = None,
    every: int | None = None,
) -> Minimized:
    """`steps` updates from `start` (0 for a variable that it does not name); each `every`-th point is kept.

    Raises InputError for names that are no variables, and more than 100,000 points.
    """
    _check(expression, start or {}, steps, every)
    cost = Cost(expression)
    theta = np.array([(start or {}).get(name, 0.0) for name in expression.variables])
    marks, path, lost = [], [], None
    try:
        for point in descend(cost, theta, optimizer, schedule, steps):
            if point.step in (0, steps // 2, steps):
                marks.append(point)
            if every and (point.step % every == 0 or point.step == steps):
                path.append(point)
    except Diverged as error:
        lost = error
    return Minimized(
        expression=expression,
        optimizer=optimizer,
        schedule=schedule,
        steps=steps,
        before=marks[0] if marks else None,
        after=None if lost else marks[-1],
        path=tuple(path),
        ended=None if lost else ending(cost, (marks[0], marks[len(marks) // 2], marks[-1])),
        diverged=lost,
    )


def _check(expression: Expression, start: Mapping[str, float], steps: int, every: int | None) -> None:
    names = expression.variables
    problems = [
        Problem(f"{name} is no variable of the expression{did_you_mean(name, names) or _listed(names)}", "--start")
        for name in start
        if name not in names
    ]
    if every and steps // every > MOST_POINTS:
        problems.append(Problem(f"{steps // every:,} points; expected at most {MOST_POINTS:,}", "--every"))
    if problems:
        raise InputError(*problems)


def _listed(names: Sequence[str]) -> str:
    return f"; expected {', '.join(names[:10])}" if names else ""
