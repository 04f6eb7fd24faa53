"""The way down: the engine's optimizers and schedules on a cost. Each step is an epoch of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dltrain.autodiff.cost import Cost
from dltrain.engine.arrays import Floats
from dltrain.engine.optimizers import Optimizer
from dltrain.engine.schedules import Plateau, Schedule, Waiting, learning_rate

LARGEST_NORM = 1e150
"""RMSprop and Adam square the gradient: above this they would divide by infinity and stand still in silence."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where theta is after `step` steps, with J and the norm of its gradient (before clipping) there."""

    step: int
    theta: tuple[float, ...]
    cost: float
    gradient_norm: float


class Diverged(Exception):
    """J, its gradient or theta is no longer a usable number after so many steps."""

    def __init__(self, step: int, what: str, theta: tuple[float, ...]) -> None:
        self.step, self.what, self.theta = step, what, theta
        super().__init__(f"diverged at step {step}: {what}")


def descend(cost: Cost, start: Floats, optimizer: Optimizer, schedule: Schedule, steps: int) -> Iterator[Point]:
    """The start, and the point after each step. Raises Diverged at the first that is not finite.

    AdamW's decay takes all variables as weights; a plateau watches the cost, whatever its `monitor`.
    """
    theta = np.array(start, dtype=np.float64)
    slots = {name: np.zeros_like(theta) for name in optimizer.slots}
    waiting = Waiting()
    for step in range(steps + 1):
        point, gradient = _measured(cost, theta, step)
        yield point
        if step == steps:
            return
        if optimizer.clip_norm is not None and point.gradient_norm > optimizer.clip_norm:
            gradient *= optimizer.clip_norm / point.gradient_norm
        if isinstance(schedule, Plateau):
            schedule.look(point.cost, waiting)
        alpha = learning_rate(schedule, optimizer.learning_rate, step + 1, steps, waiting.falls)
        with np.errstate(all="ignore"):
            optimizer.update(theta, gradient, slots, alpha, step + 1, [slice(0, theta.size)])


def _measured(cost: Cost, theta: Floats, step: int) -> tuple[Point, Floats]:
    where = tuple(theta.tolist())
    if not np.isfinite(theta).all():
        raise Diverged(step, "a variable is not finite", where)
    value, gradient = cost.with_gradient(theta)
    norm = math.hypot(*gradient.tolist())
    if not math.isfinite(value):
        raise Diverged(step, f"the cost is {value:g}", where)
    if not math.isfinite(norm):
        raise Diverged(step, "the gradient is not finite", where)
    if norm > LARGEST_NORM:
        raise Diverged(step, "the gradient is too large to square", where)
    return Point(step, where, value, norm), gradient
