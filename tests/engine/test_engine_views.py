"""One theta: every named array stays a view of it, and no float64 creeps into a float32 training."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import BATCH_NORM, NONE, architecture, program, rows

from dltrain.engine.architecture import EarlyStopping
from dltrain.engine.binding import initialize
from dltrain.engine.fit import _Trainer, fit, model, parameters
from dltrain.engine.initializers import Glorot, He, Random, Xavier, Zeros
from dltrain.engine.network import Network
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from dltrain.engine.regularizers import L1, L1L2, L2
from dltrain.engine.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Manual,
    Staircase,
    learning_rate,
)
from dltrain.engine.state import State

OPTIMIZERS = [GradientDescent(), Momentum(), Nesterov(), RMSprop(), Adam(), AdamW()]


def arrays_of(trainer):
    """Every array that a training holds: its own, the network's and the buffers'."""
    state, net = trainer.state, trainer.network
    found = dict(state.arrays()) | {"g": trainer.g}
    del found["sums"]  # the running sums are float64 on purpose
    for m in {b - a for a, b in zip(trainer.bounds, trainer.bounds[1:], strict=False)}:
        for name, value in vars(net.workspace(m)).items():
            if isinstance(value, np.ndarray):
                found[f"{name} {m}"] = value
            elif isinstance(value, list | dict):
                values = value.values() if isinstance(value, dict) else value
                found |= {f"{name} {m} {i}": array for i, array in enumerate(values) if array.dtype != np.bool_}
    found |= {f"std {l}": std for l, std in net._std.items()}
    found |= {f"batch {i} {l}": pair[i] for l, pair in net._batch_stats.items() for i in (0, 1)}
    return found


def run(given, data, dev):
    state = State.start(given)
    trainer = _Trainer(given, data, dev, state)
    for epoch in range(2):
        trainer.visits.begin(epoch)
        for _ in range(trainer.batches):
            trainer.step()
        trainer.end_epoch()
    return trainer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.kind)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "linear"])
def test_a_whole_training_keeps_its_type(rng, optimizer, activation, dtype):
    network = architecture(
        4,
        (6, 5),
        "softmax",
        3,
        activation=activation,
        keep_prob=0.8,
        batch_norm=BATCH_NORM,
        regularizer=L1L2(lambd_l1=0.1, lambd_l2=0.1, include_bias=True),
    )
    given = program(
        network,
        optimizer=type(optimizer)(clip_norm=0.5),
        schedule=InverseSqrt(per="step", warmup=2),
        parameter_average=0.9,
        early_stopping=EarlyStopping(),
        dtype=dtype,
        batch_size=7,
    )
    data = rows(rng, 24, network, dtype)
    trainer = run(given, data, rows(rng, 9, network, dtype))
    assert {name: a.dtype.name for name, a in arrays_of(trainer).items() if a.dtype != dtype} == {}
    kept = model(given, data, trainer.state)
    averaged = parameters(given, data, trainer.state)
    assert {a.dtype.name for a in (kept.theta, kept.stats, *averaged)} == {dtype}


@pytest.mark.parametrize(("output", "n_y"), [("sigmoid", 1), ("softmax", 3), ("linear", 1)])
@pytest.mark.parametrize("regularizer", [NONE, L2(lambd=0.1), L1(lambd=0.1)], ids=lambda r: r.kind)
def test_outputs_regularizers_and_predictions_keep_float32(rng, output, n_y, regularizer):
    network = architecture(4, (5,), output, n_y, regularizer=regularizer)
    data = rows(rng, 24, network, "float32")
    trainer = run(program(network, dtype="float32", batch_size=10), data, None)
    assert {name for name, a in arrays_of(trainer).items() if a.dtype != np.float32} == set()
    net = trainer.network
    assert net.predict(data.X).dtype == np.float32
    assert net.evaluate(data.X, data.y).predicted.dtype == (np.float32 if output == "linear" else np.int64)
    assert all(A.dtype == np.float32 for A in net.activations(data.X))


@pytest.mark.parametrize("initializer", [Zeros(), Random(), He(), Xavier(), Glorot()], ids=lambda i: i.kind)
def test_initial_parameters_are_float32(initializer):
    network = architecture(4, (5,), "softmax", 3, initializer=initializer, batch_norm=BATCH_NORM)
    assert [array.dtype for array in initialize(network, 1, np.float32)] == [np.float32, np.float32]


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(warmup=2),
        InverseTime(decay_rate=1.0),
        Exponential(),
        InverseSqrt(),
        Staircase(every=2),
        Manual(values={1: 1}),
        Cosine(),
    ],
    ids=lambda s: s.kind,
)
def test_rates_are_plain_floats(schedule):
    """A NumPy float64 rate would turn the products with it into float64."""
    for e in (1, 2, 3):
        assert type(learning_rate(schedule, 0.1, e, 3)) in (float, int)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.kind)
def test_after_training_every_name_is_still_a_view_of_theta(rng, optimizer):
    network = architecture(4, (6, 5), "softmax", 3, batch_norm=BATCH_NORM, keep_prob=0.9)
    given = program(
        network,
        optimizer=optimizer,
        dtype="float32",
        parameter_average=0.9,
        early_stopping=EarlyStopping(),
        batch_size=7,
    )
    state = State.start(given)
    theta, stats, slots = state.theta, state.stats, dict(state.slots)
    views, averages = network.layout().views(theta), network.stats_layout().views(stats)
    before = {name: view.copy() for name, view in views.items()}
    data = rows(rng, 24, network, "float32")
    trainer = _Trainer(given, data, rows(rng, 9, network, "float32"), state)
    trainer.visits.begin(0)
    for _ in range(trainer.batches):
        trainer.step()
    trainer.end_epoch()
    state.restore(state.snapshot())
    assert state.theta is theta
    assert state.stats is stats
    assert all(state.slots[name] is slot for name, slot in slots.items())
    net = trainer.network
    assert net.theta is theta
    for name, view in views.items():
        assert np.shares_memory(view, state.theta)
        assert not np.array_equal(view, before[name]), f"{name} did not move"
        assert np.array_equal(view, network.layout().block(name).view(state.theta))
    for bound in net._params:
        assert np.shares_memory(bound.W, state.theta)
        assert np.shares_memory(bound.gamma if bound.normalized else bound.Wb, state.theta)
    for bound in net._grads:
        assert np.shares_memory(bound.W, trainer.g)
    assert all(np.shares_memory(net._averages[name], stats) for name in averages)
    assert all(view.any() for view in averages.values())


def test_a_write_to_theta_shows_in_the_network(rng):
    network = architecture(3, (4,), "linear", 1)
    theta, stats = initialize(network, 1, np.float64)
    net = Network(network, theta, stats)
    theta[...] = 0
    network.layout().block("b2").view(theta)[...] = 7
    assert net.predict(rng.standard_normal((3, 3))).tolist() == [[7.0]] * 3


def test_restore_brings_back_values_in_place(rng):
    network = architecture(3, (4,), "softmax", 3, batch_norm=BATCH_NORM)
    given, data = program(network), rows(rng, 30, network)
    state = State.start(given)
    training = fit(given, data, None, state)
    next(training)
    snapshot = state.snapshot()
    theta, stats = state.theta, state.stats
    values = theta.tobytes(), stats.tobytes()
    list(training)
    assert (theta.tobytes(), stats.tobytes()) != values
    state.restore(snapshot)
    assert (theta.tobytes(), stats.tobytes()) == values
    assert state.theta is theta
    assert state.stats is stats


def test_data_of_another_type_does_not_change_the_training(rng):
    """float64 rows and targets handed to a float32 network: theta stays float32, and all of it moves alike."""
    network = architecture(3, (4,), "linear", 1)
    wide = rows(rng, 30, network)
    state = State.start(given := program(network, dtype="float32"))
    list(fit(given, wide, None, state))
    assert {a.dtype.name for name, a in state.arrays().items() if name != "sums"} == {"float32"}
