"""Small networks trained on the engine, in this process, and what their errors truly are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.trust.problems import FRESH, Draw, Problem, Shift, chunks
from dltrain.diagnosis import Measurement
from dltrain.engine.architecture import Architecture, Layer, Program
from dltrain.engine.fit import Rows, fit
from dltrain.engine.initializers import He, Xavier
from dltrain.engine.network import Network
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.schedules import Constant
from dltrain.engine.state import State

BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A network as it was trained, with the scale of its training targets and its error on the training set."""

    problem: Problem
    network: Network
    mean: float
    sd: float
    train_errors: np.ndarray
    """(m,): e_i of the training examples."""

    @property
    def train(self) -> Measurement:
        return Measurement(float(self.train_errors.mean()), len(self.train_errors))

    def errors(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """e_i (n,): 0 or 1, for regression (y − ŷ)²/Var_train(y)."""
        return self.network.evaluate(X, self.targets(y)).errors

    def targets(self, y: np.ndarray) -> np.ndarray:
        """As the output takes them: class numbers, 0.0 and 1.0, or standardized values."""
        return targets(self.problem, y, self.mean, self.sd)

    def measure(self, n: int, what: Draw, place: int = 0, shift: Shift | None = None) -> Measurement:
        """The error on n fresh examples."""
        return measurement(self.problem, self.errors(*self.problem.draw(n, what, place, shift)))

    def risk(self, shift: Shift | None = None) -> float:
        """The truth: the mean error on FRESH fresh examples."""
        what = Draw.TRUTH if shift is None else Draw.SHIFTED_TRUTH
        total = 0.0
        for place, n in chunks(FRESH):
            total += float(self.errors(*self.problem.draw(n, what, place, shift)).sum())
        return total / FRESH

    def bayes(self) -> float:
        """The lowest possible error on the scale of this training's errors."""
        bayes = self.problem.bayes()
        return bayes / self.sd**2 if self.problem.kind == "regression" else bayes


def measurement(problem: Problem, errors: np.ndarray) -> Measurement:
    """The mean of e_i (n,); the diagnosis needs each of them only for regression."""
    each = errors if problem.kind == "regression" else None
    return Measurement(float(errors.mean()), len(errors), "measured", each)


def targets(problem: Problem, y: np.ndarray, mean: float, sd: float) -> np.ndarray:
    if problem.kind == "regression":
        return ((y - mean) / sd).astype(np.float32)
    return y if problem.classes > 2 else y.astype(np.float32)


def train(problem: Problem, m: int, units: tuple[int, ...], steps: int) -> Fitted:
    """Adam on m fresh examples for so many steps, in whole epochs; dev plays no part in it."""
    X, y = problem.draw(m, Draw.TRAIN)
    mean, sd = (float(y.mean()), float(y.std())) if problem.kind == "regression" else (0.0, 1.0)
    rows = Rows(X, targets(problem, y, mean, sd))
    batch_size = min(BATCH, m)
    program = Program(
        architecture=architecture(problem, units),
        optimizer=Adam(learning_rate=0.01),
        schedule=Constant(),
        batch_size=batch_size,
        epochs=max(1, round(steps * batch_size / m)),
        seed=problem.seed,
    )
    state = State.start(program)
    for _ in fit(program, rows, None, state):
        pass
    network = Network(program.architecture, state.theta, state.stats)
    errors = network.evaluate(rows.X, rows.y).errors
    return Fitted(problem=problem, network=network, mean=mean, sd=sd, train_errors=errors)


def architecture(problem: Problem, units: tuple[int, ...]) -> Architecture:
    plain = NoRegularizer()
    layers = tuple(
        Layer(units=n, activation="relu", keep_prob=1.0, batch_norm=None, initializer=He(), regularizer=plain)
        for n in units
    )
    outputs = {"regression": "linear", "binary": "sigmoid", "multiclass": "softmax"}
    return Architecture(
        n_x=problem.n_x,
        layers=layers,
        output=outputs[problem.kind],  # type: ignore[arg-type]
        n_y=problem.classes if problem.kind == "multiclass" else 1,
        input_keep_prob=1.0,
        initializer=Xavier(),
        regularizer=plain,
    )
