"""Training: a generator that changes a State step by step and says what happened. It never prints or saves.

Nothing that matters is kept between two steps but the State: a generator built anew after any step goes on
to the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dltrain.engine import health
from dltrain.engine.architecture import EarlyStopping, Program
from dltrain.engine.arrays import Floats, Table, Targets
from dltrain.engine.course import Course, batches_of, bounds_of
from dltrain.engine.course import batch_bounds as batch_bounds
from dltrain.engine.health import LayerHealth
from dltrain.engine.network import Measured, Network
from dltrain.engine.schedules import Monitor, Plateau, Waiting, learning_rate
from dltrain.engine.state import SUMS, Snapshot, State, Stopping
from dltrain.engine.visiting import Making, visits
from dltrain.engine.weights import ClassWeights, loss_weights


@dataclass(frozen=True, slots=True)
class Rows:
    """Examples ready for the network. X: (m, n_x) in its dtype, in memory or not; y: (m,), see Targets."""

    X: Floats | Table
    y: Targets
    weights: Floats | None = None
    """(m,) float64 of the examples: they multiply L and weigh `error`."""
    class_weights: ClassWeights | None = None
    """(C,): that of an example's class multiplies its L."""
    making: Making | None = None
    """How training batches are made, where that is not of X as it is: augmentation."""

    def __len__(self) -> int:
        return len(self.X)

    def loss_weights(self) -> Floats | None:
        """(m,): what multiplies L of each example, None where that is 1."""
        return loss_weights(self.y, self.weights, self.class_weights)

    def measured_by(self, network: Network) -> Measured:
        """Loss and error of these examples, measured clean."""
        return network.evaluate(self.X, self.y, self.weights, self.class_weights)


@dataclass(frozen=True, slots=True)
class Step:
    """One update of the parameters: its number from 1, J and the norm of its gradient before clipping."""

    step: int
    cost: float
    grad_norm: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass through the training set, measured at its end."""

    epoch: int
    step: int
    learning_rate: float
    cost: float
    penalty: float
    train: Measured
    dev: Measured | None
    grad_norm: float
    layers: list[LayerHealth]
    best: bool

    def record(self) -> dict[str, Any]:
        """The epoch as a line of metrics.jsonl."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "learning_rate": self.learning_rate,
            "cost": self.cost,
            "penalty": self.penalty,
            "train": {"loss": self.train.loss, "error": self.train.error},
            "dev": {"loss": self.dev.loss, "error": self.dev.error} if self.dev else None,
            "grad_norm": self.grad_norm,
            "layers": self.layers,
        }


class Diverged(Exception):
    """A cost, gradient or parameter is no longer a usable number. The step (or the epoch's end) was not taken:
    the State is that before it."""

    def __init__(self, epoch: int, step: int, layer: int, what: str) -> None:
        self.epoch, self.step, self.layer, self.what = epoch, step, layer, what
        super().__init__(f"diverged at step {step} (epoch {epoch}): {what}")


class _Trainer:
    """What `fit` works with while one program holds. All of it follows from the course, the data and the state."""

    def __init__(self, program: Program | Course, train: Rows, dev: Rows | None, state: State) -> None:
        course, epoch = Course.of(program), state.position.epoch + 1
        self.program = program = course.at(epoch)
        self.train, self.dev, self.state = train, dev, state
        self.before = course.at(max(1, epoch - 1))
        self.planned = course.planned(epoch, len(train))
        self.g = np.empty_like(state.theta)
        self.network = Network(program.architecture, state.theta, state.stats, self.g, program.seed)
        self.weights = self.network.layout.weights()
        self.bounds = bounds_of(program, len(train))
        self.batches = len(self.bounds) - 1
        self.steps = math.inf if program.steps is None else program.steps
        self.limit = float(np.finfo(state.theta.dtype).max) * 1e-8
        factors = train.loss_weights()
        self.factors = None if factors is None else factors.astype(state.theta.dtype)
        self.visits = visits(train.X, program.seed, train.making)

    def begin(self) -> None:
        """Before the first step of an epoch, or before those that are left of it. A plateau's memory begins anew in an
        epoch from which another schedule or learning rate holds."""
        if self.state.position.batch == 0 and _rate(self.program) != _rate(self.before):
            self.state.waiting = Waiting()
        self.before = self.program
        self.visits.begin(self.state.position.epoch)

    def alpha(self) -> float:
        """The learning rate of the step to come, which is the last step's at the end of an epoch."""
        schedule, position = self.program.schedule, self.state.position
        by_step = schedule.per == "step"
        e = max(1, position.step) if by_step else position.epoch + 1
        alpha0, falls = self.program.optimizer.learning_rate, self.state.waiting.falls
        return learning_rate(schedule, alpha0, e, self.planned[by_step], falls)

    def usable(self, vector: Floats) -> bool:
        """Whether a vector is finite and far from the largest number of its type."""
        return float(np.dot(vector, vector)) < self.limit

    @np.errstate(all="ignore")  # what overflows is caught at its step, by the screen below
    def step(self) -> Step:
        state, position = self.state, self.state.position
        start, stop = self.bounds[position.batch], self.bounds[position.batch + 1]
        ws = self.network.workspace(stop - start)
        rows = self.visits.gather(start, stop, ws.X)
        y = self.train.y[rows]
        position.step += 1
        factors = None if self.factors is None else self.factors[rows]
        sound = self.usable(state.theta)  # just before the products read it: then it is fetched once for both
        J, penalty = self.network.gradient_of(ws, y, self.program.batch_size, position.step, weights=factors)
        sound = sound and self.network.unusable_batch() is None
        squares = float(np.dot(self.g, self.g))
        if not (sound and math.isfinite(J) and squares < self.limit):
            position.step -= 1
            raise self.diverged(J, position.step + 1)
        norm = math.sqrt(squares)
        position.batch += 1
        last = position.batch == self.batches or position.step == self.steps
        before = self._note_gradient() if last else None
        clip = self.program.optimizer.clip_norm
        if clip is not None and norm > clip:
            self.g *= clip / norm
        self.program.optimizer.update(state.theta, self.g, state.slots, self.alpha(), position.step, self.weights)
        self.network.update_averages()
        self._average()
        state.sums[:SUMS] += np.array([J, penalty, norm, 1.0]) * len(rows)
        if before is not None:
            self._note_update(before)
        return Step(position.step, J, norm)

    def _average(self) -> None:
        """parameter_average: v := βv + (1 − β)θ."""
        beta = self.program.parameter_average
        if beta is not None:
            average = self.state.slots["average"]
            average *= beta
            average += (1 - beta) * self.state.theta

    def _note_gradient(self) -> Floats:
        """The gradient's norms by layer, before clipping. Returns a copy of theta, for `_note_update`."""
        sums, layers = self.state.sums, (len(self.state.sums) - SUMS) // 2
        sums[SUMS : SUMS + layers] = health.by_layer(self.network.layout, self.g)
        return self.state.theta.copy()

    def _note_update(self, before: Floats) -> None:
        layout, sums = self.network.layout, self.state.sums
        layers = (len(sums) - SUMS) // 2
        size = health.by_layer(layout, before)
        moved = health.by_layer(layout, self.state.theta - before)
        sums[SUMS + layers :] = np.divide(moved, size, out=np.zeros_like(moved), where=size > 0)

    def diverged(self, J: float, step: int) -> Diverged:
        """Names the first layer, forward and then backward, whose numbers are not usable. 0 is the input."""
        last = len(self.program.architecture.sizes) - 1
        place = self.state.position.epoch + 1, step
        ws = self.network.workspace(self.network.last_m)
        if not np.isfinite(ws.A[0]).all():
            return Diverged(*place, 0, "the input is not finite")
        for n, size in enumerate(health.by_layer(self.network.layout, self.state.theta), start=1):
            if not size * size < self.limit:
                return Diverged(*place, n, f"the parameters of layer {n} have norm {size:.3g}")
            if n < last and not np.isfinite(ws.A[n]).all():
                return Diverged(*place, n, f"the activations of layer {n} are not finite")
        if (layer := self.network.unusable_batch()) is not None:
            return Diverged(*place, layer, f"the variance of layer {layer} in a batch is not finite")
        if not math.isfinite(J):
            return Diverged(*place, last, f"the cost is {J}")
        for block in reversed(self.network.layout.blocks):
            if not np.isfinite(block.view(self.g)).all():
                return Diverged(*place, block.layer, f"the gradient of {block.name} is not finite")
        norms = health.by_layer(self.network.layout, self.g)
        worst = int(norms.argmax()) + 1
        return Diverged(*place, worst, f"the gradient of layer {worst} has norm {norms[worst - 1]:.3g}")

    @np.errstate(all="ignore")
    def end_epoch(self) -> Epoch:
        state, position, sums = self.state, self.state.position, self.state.sums
        theta, stats = parameters(self.program, self.train, state)
        network = self.network if theta is state.theta else Network(self.program.architecture, theta, stats)
        train = self.train.measured_by(network)
        if not (math.isfinite(train.loss) and self.usable(theta)):
            raise self.diverged(train.loss, position.step)
        require_finite(self.program, state)
        dev = self.dev.measured_by(network) if self.dev else None
        alpha = self.alpha()
        position.epoch, position.batch = position.epoch + 1, 0
        best = dev is not None and self._look(dev, Snapshot(theta, stats))
        cost, penalty, norm = (float(value) for value in sums[:3] / sums[3])
        if isinstance(self.program.schedule, Plateau):
            self.program.schedule.look(monitored(self.program.schedule.monitor, cost, train, dev), state.waiting)
        layers = (len(sums) - SUMS) // 2
        records = health.examine(network, self.train.X, sums[SUMS : SUMS + layers], sums[SUMS + layers :])
        sums[...] = 0
        return Epoch(position.epoch, position.step, alpha, cost, penalty, train, dev, norm, records, best)

    def _look(self, dev: Measured, now: Snapshot) -> bool:
        """Keeps the best parameters, and stops early where that is asked for. Ties go to the lower dev loss, then
        to the earlier epoch."""
        stopping, rule = self.state.stopping, self.program.early_stopping or EarlyStopping()
        value = dev.error if rule.monitor == "dev.error" else dev.loss
        improved = value < stopping.reference - rule.min_delta
        best = (value, dev.loss) < (stopping.value, stopping.loss)
        stopping.waited = 0 if improved else stopping.waited + 1
        stopping.reference = value if improved else stopping.reference
        if best:
            _keep(stopping, value, dev.loss, self.state.position.epoch)
            self.state.best = Snapshot(now.theta.copy(), now.stats.copy())
        stopping.stop = self.program.early_stopping is not None and stopping.waited >= rule.patience
        return best


def _rate(program: Program) -> tuple[object, float]:
    """What the learning rate follows from."""
    return program.schedule, program.optimizer.learning_rate


def monitored(monitor: Monitor, cost: float, train: Measured, dev: Measured | None) -> float:
    """The value of that name; that of the training set where there is no dev."""
    if monitor == "cost":
        return cost
    part, _, name = monitor.partition(".")
    found = dev if part == "dev" and dev is not None else train
    return found.error if name == "error" else found.loss


def _keep(stopping: Stopping, value: float, loss: float, epoch: int) -> None:
    stopping.value, stopping.loss, stopping.epoch = value, loss, epoch


def fit(program: Program | Course, train: Rows, dev: Rows | None, state: State) -> Iterator[Step | Epoch]:
    """Trains `state` in place to the end of the program, yielding after every step and every epoch. Of a course each
    epoch takes its own program.

    Raises Diverged before a step whose cost or gradient is not finite is taken.
    """
    course = Course.of(program)
    trainer: _Trainer | None = None
    while not is_over(course, state):
        if trainer is None or trainer.program is not course.at(state.position.epoch + 1):
            trainer = _Trainer(course, train, dev, state)
        trainer.begin()
        while state.position.batch < trainer.batches and state.position.step < trainer.steps:
            yield trainer.step()
        yield trainer.end_epoch()


def is_over(program: Program | Course, state: State) -> bool:
    """Whether nothing is left to train: it stopped early, or got to the end of its program."""
    position = state.position
    now = Course.of(program).at(position.epoch + 1)
    if state.stopping.stop or position.batch:
        return state.stopping.stop
    return position.epoch >= (now.epochs or 0) if now.steps is None else position.step >= now.steps


def require_finite(program: Program, state: State) -> None:
    """Raises Diverged, naming the layer, if a vector of the state is not finite: such a state is not to be saved.

    No step makes the optimizer's memory so (its gradients are screened), hence it is looked at where a state is
    saved or an epoch ends, not at each step; theta's last move is not screened before the step that follows.
    """
    layout, averages = program.architecture.layout(), program.architecture.stats_layout()
    vectors = [("parameters", layout, state.theta), ("averages of batch norm", averages, state.stats)]
    vectors += [(f"optimizer's {name}", layout, slot) for name, slot in state.slots.items()]
    for what, blocks, vector in vectors:
        for block in blocks.blocks if not np.isfinite(vector).all() else ():
            if not np.isfinite(block.view(vector)).all():
                place = max(1, state.position.epoch + (state.position.batch > 0)), state.position.step, block.layer
                raise Diverged(*place, f"the {what} of {block.name} are not finite")


def parameters(program: Program, train: Rows, state: State) -> tuple[Floats, Floats]:
    """The parameters to measure and save: the present ones, or their average, bias corrected, with batch
    norm's averages measured again under it."""
    beta = program.parameter_average
    if beta is None or state.position.step == 0:
        return state.theta, state.stats
    theta = state.slots["average"] / (1 - beta**state.position.step)
    stats = np.zeros_like(state.stats)
    if stats.size:
        order = visits(train.X, program.seed)  # rows may lie sorted by class
        order.begin(0)
        Network(program.architecture, theta, stats).measure_averages(order, len(train), program.batch_size)
    return theta, stats


def model(program: Program, train: Rows, state: State) -> Snapshot:
    """What a finished training is worth: the best parameters if it stops early, else the last."""
    if program.early_stopping is not None and state.best is not None:
        return state.best
    return Snapshot(*parameters(program, train, state))


def steps_of(program: Program | Course, m: int, epochs: int | None = None) -> int:
    """How many steps the program takes on m training examples, or how many so many epochs of its first take."""
    course = Course.of(program)
    return batches_of(course.at(1), m) * epochs if epochs else course.total(m)[1]
