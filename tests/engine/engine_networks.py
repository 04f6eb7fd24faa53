"""What the engine's tests build their examples from: small networks, data and whole trainings."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dltrain.engine.architecture import Architecture, BatchNorm, Layer, Program
from dltrain.engine.fit import Epoch, Rows, Step, fit
from dltrain.engine.initializers import Glorot
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.schedules import Constant
from dltrain.engine.state import State

NONE = NoRegularizer()


def layer(units: int, **settings: Any) -> Layer:
    given = {
        "activation": "tanh",
        "keep_prob": 1.0,
        "batch_norm": None,
        "initializer": Glorot(scale=2.0),
        "regularizer": NONE,
    }
    return Layer(units=units, **(given | settings))


def architecture(n_x: int, units: tuple[int, ...], output: str, n_y: int, **settings: Any) -> Architecture:
    """A network whose hidden layers all have the same `settings`, those of `layer` and input_keep_prob."""
    input_keep_prob = settings.pop("input_keep_prob", 1.0)
    return Architecture(
        n_x=n_x,
        layers=tuple(layer(n, **settings) for n in units),
        output=output,
        n_y=n_y,
        input_keep_prob=input_keep_prob,
        initializer=settings.get("initializer", Glorot(scale=2.0)),
        regularizer=settings.get("regularizer", NONE),
    )


def program(network: Architecture, **settings: Any) -> Program:
    given = {"optimizer": Adam(learning_rate=0.01), "schedule": Constant(), "batch_size": 16, "dtype": "float64"}
    if "steps" not in settings:
        given["epochs"] = 3
    return Program(architecture=network, **(given | settings))


def rows(rng: np.random.Generator, m: int, network: Architecture, dtype: str = "float64") -> Rows:
    """Examples with a pattern to be learned: the targets follow a random linear map of X, with noise."""
    X = rng.standard_normal((m, network.n_x))
    scores = X @ rng.standard_normal((network.n_x, network.n_y)) + 0.3 * rng.standard_normal((m, network.n_y))
    if network.output == "softmax":
        y: Any = scores.argmax(axis=1)
    elif network.output == "sigmoid":
        y = (scores[:, 0] > 0).astype(dtype)
    else:
        y = ((scores[:, 0] - scores.mean()) / scores.std()).astype(dtype)
    return Rows(np.ascontiguousarray(X, dtype=dtype), y)


def train(
    program: Program, train: Rows, dev: Rows | None = None, state: State | None = None
) -> tuple[State, list[Step], list[Epoch]]:
    state = State.start(program) if state is None else state
    events = list(fit(program, train, dev, state))
    return state, [e for e in events if isinstance(e, Step)], [e for e in events if isinstance(e, Epoch)]


def named(network: Architecture, theta: np.ndarray) -> dict[str, np.ndarray]:
    return network.layout().views(theta)


def replace(record: Any, **changes: Any) -> Any:
    return dataclasses.replace(record, **changes)


BATCH_NORM = BatchNorm(average=0.9, epsilon=1e-5)
