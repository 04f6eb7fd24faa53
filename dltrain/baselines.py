"""What a result is worth: the errors of two plain models on the same dev rows.

The majority class (or the mean), which looks at no input; and a linear model, trained on the same engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dltrain.engine.architecture import Program
from dltrain.engine.arrays import Floats
from dltrain.engine.fit import Diverged, Rows, fit
from dltrain.engine.initializers import Xavier
from dltrain.engine.network import Network
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.schedules import Cosine
from dltrain.engine.state import State

STEPS, LEAST_STEPS, EPOCHS = 3000, 600, 100
"""The linear model trains for at most so many epochs and about so many steps, but on small data, whose epochs
have few, for enough steps to get there: a baseline that has not converged flatters the network."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A plain model's errors on dev: (n,), unweighted as in Measured."""

    name: str
    errors: Floats


def constant(program: Program, train: Rows, dev: Rows) -> Baseline:
    """Always the training set's most frequent class, or its mean, by the weights of the examples.

    Class weights do not count, as they do not in `error`.
    """
    if program.architecture.output == "linear":
        mean = float(np.average(train.y.astype(np.float64), weights=train.weights))
        return Baseline("mean", (dev.y.astype(np.float64) - mean) ** 2)
    classes, places = np.unique(train.y, return_inverse=True)
    often = np.bincount(places, weights=train.weights)
    return Baseline("majority", (dev.y != classes[often.argmax()]).astype(np.float64))


def linear(program: Program, train: Rows, dev: Rows) -> Baseline | None:
    """Logistic, softmax or linear regression: the same output layer without hidden ones, Adam, a falling rate; on the
    rows as they are.

    None if even this diverges.
    """
    architecture = replace(
        program.architecture, layers=(), input_keep_prob=1.0, initializer=Xavier(), regularizer=NoRegularizer()
    )
    batch_size = min(len(train), max(64, program.batch_size))
    batches = -(-len(train) // batch_size)
    plain = Program(
        architecture=architecture,
        optimizer=Adam(learning_rate=0.01),
        schedule=Cosine(),
        batch_size=batch_size,
        epochs=max(1, min(EPOCHS, round(STEPS / batches)), round(LEAST_STEPS / batches)),
        dtype=program.dtype,
        seed=program.seed,
    )
    state = State.start(plain)
    try:
        for _ in fit(plain, replace(train, making=None), None, state):
            pass
    except Diverged:
        return None
    network = Network(architecture, state.theta, state.stats)
    return Baseline("linear", dev.measured_by(network).errors)
