"""NaN and infinity are caught at their step and in their layer, and the state stays as it was before."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, named, program, rows, train

from dltrain.engine.fit import Diverged, Step, fit
from dltrain.engine.optimizers import Adam, GradientDescent, Momentum
from dltrain.engine.regularizers import L2
from dltrain.engine.state import State
from dltrain.engine.streams import Purpose, permutation

ACTIVATIONS = ["relu", "leaky_relu", "tanh", "sigmoid", "linear"]


def frozen(state):
    return {name: array.tobytes() for name, array in state.arrays().items()}, state.numbers()


def diverge(given, data, state):
    """Runs into Diverged, checks that the failing step left no trace, and returns it with the steps before."""
    before, steps = frozen(state), 0
    training = fit(given, data, None, state)
    with pytest.raises(Diverged) as caught:
        for event in training:
            steps += isinstance(event, Step)
            before = frozen(state)
    assert frozen(state) == before
    return caught.value, steps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_huge_learning_rate(rng, dtype):
    """X = 1 and y = 0: ŷ = W + b multiplies by 1 − 2α a step and the gradient is (ŷ, ŷ), so the step is known:
    the first whose gradient has a square above 1e-8 of the largest number."""
    network = architecture(1, (), "linear", 1)
    data = rows(rng, 200, network, dtype)
    data.X[...], data.y[...] = 1, 0
    given = program(network, optimizer=GradientDescent(learning_rate=1001.0), batch_size=4, epochs=1, dtype=dtype)
    state = State.start(given)
    state.theta[...] = 1
    limit, yhat, expected = math.sqrt(float(np.finfo(dtype).max) * 1e-8), 2.0, 1
    while math.sqrt(2) * yhat < limit:
        yhat *= 2 * 1001.0 - 1
        expected += 1
    diverged, steps = diverge(given, data, state)
    assert diverged.step == steps + 1 == expected
    assert diverged.epoch == 1
    assert np.isfinite(state.theta).all()
    assert str(diverged) == f"diverged at step {expected} (epoch 1): {diverged.what}"


@pytest.mark.parametrize("batch_norm", [None, BATCH_NORM], ids=["plain", "batch_norm"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_bad_weight_of_layer_k(rng, k, activation, value, batch_norm):
    """After 4 good steps; also where tanh, sigmoid or ReLU would swallow an infinity."""
    network = architecture(4, (5, 6), "softmax", 3, activation=activation, batch_norm=batch_norm)
    given, data = program(network, batch_size=10, dtype="float32"), rows(rng, 30, network, "float32")
    state = State.start(given)
    training = fit(given, data, None, state)
    for _ in range(5):
        next(training)
    named(network, state.theta)[f"W{k}"][1, 0] = value
    diverged, steps = diverge(given, data, state)
    assert (steps, diverged.step, diverged.epoch, diverged.layer) == (0, 5, 2, k)


@pytest.mark.parametrize("name", ["b1", "b2", "b3", "gamma1", "beta2"])
def test_other_bad_parameters(rng, name):
    batch_norm = BATCH_NORM if name.startswith(("gamma", "beta")) else None
    network = architecture(4, (5, 6), "softmax", 3, batch_norm=batch_norm)
    given, data = program(network, batch_size=10), rows(rng, 30, network)
    state = State.start(given)
    named(network, state.theta)[name][0] = np.inf
    diverged, _ = diverge(given, data, state)
    assert (diverged.step, diverged.layer) == (1, int(name[-1]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("settings", [{}, {"batch_norm": BATCH_NORM}, {"keep_prob": 0.8}], ids=str)
def test_a_bad_input(rng, settings, value):
    """Of one row, so at the step whose batch holds it; layer 0 is the input."""
    network = architecture(4, (5,), "softmax", 3, activation="relu", **settings)
    given, data = program(network, batch_size=10), rows(rng, 30, network)
    data.X[17, 2] = value
    at = int(np.flatnonzero(permutation(30, given.seed, Purpose.SHUFFLE) == 17)[0]) // 10 + 1
    diverged, steps = diverge(given, data, State.start(given))
    assert (diverged.step, steps, diverged.epoch, diverged.layer) == (at, at - 1, 1, 0)
    assert diverged.what == "the input is not finite"


def test_activations_that_overflow_name_their_layer(rng):
    """Sound parameters of size 1e14 and an input of 1e30: the first layer's product leaves float32."""
    network = architecture(2, (3, 3), "linear", 1, activation="relu")
    given, data = program(network, batch_size=10, dtype="float32"), rows(rng, 10, network, "float32")
    state = State.start(given)
    named(network, state.theta)["W2"][...] = 1e14
    named(network, state.theta)["W1"][...] = 1
    data.X[...] = 1e30
    diverged, _ = diverge(given, data, state)
    assert (diverged.layer, diverged.what) == (2, "the activations of layer 2 are not finite")


def test_a_cost_that_overflows_is_the_output_layers(rng):
    network = architecture(2, (3,), "linear", 1, activation="relu")
    given, data = program(network, batch_size=10, dtype="float32"), rows(rng, 10, network, "float32")
    data.y[...] = 1e30
    diverged, _ = diverge(given, data, State.start(given))
    assert (diverged.step, diverged.layer, diverged.what) == (1, 2, "the cost is inf")


def test_a_gradient_that_overflows_names_its_layer(rng):
    """ŷ − y of 1e15 is fine for the cost, and for the gradient of layer 2; through W2 = 1e14 it is not for 1."""
    network = architecture(2, (3,), "linear", 1, activation="linear")
    given, data = program(network, batch_size=10, dtype="float32"), rows(rng, 10, network, "float32")
    state = State.start(given)
    p = named(network, state.theta)
    p["W1"][...], p["W2"][...] = 0, 1e14
    data.y[...] = 1e12
    diverged, _ = diverge(given, data, state)
    assert (diverged.layer, "gradient of layer 1" in diverged.what) == (1, True)


def test_the_penalty_counts(rng):
    network = architecture(2, (), "linear", 1, regularizer=L2(lambd=1e30))
    given, data = program(network, batch_size=10, dtype="float32"), rows(rng, 10, network, "float32")
    state = State.start(given)
    named(network, state.theta)["W1"][...] = 1e10
    diverged, _ = diverge(given, data, state)
    assert diverged.step == 1


@pytest.mark.parametrize("steps", [1, 2])
def test_the_last_step_of_a_training_is_looked_at_too(rng, steps):
    """A parameter that flies off in the last step has no next step to be caught in; the epoch's end does it."""
    network = architecture(2, (4,), "linear", 1, activation="relu")
    data = rows(rng, 10, network, "float32")
    given = program(
        network, optimizer=GradientDescent(learning_rate=1e30), batch_size=10 // steps, epochs=1, dtype="float32"
    )
    diverged, taken = diverge(given, data, State.start(given))
    assert (diverged.step, taken) == ((1, 1) if steps == 1 else (2, 1))


def test_a_diverged_training_can_be_asked_again(rng):
    """A generator built anew on the same state fails at the same step, in the same way."""
    network = architecture(4, (5,), "softmax", 3)
    given, data = program(network, batch_size=10), rows(rng, 30, network)
    data.X[17, 2] = np.nan
    state = State.start(given)
    first, _ = diverge(given, data, state)
    second, steps = diverge(given, data, state)
    assert steps == 0
    assert (str(first), first.layer) == (str(second), second.layer)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(10))
def test_clean_runs_raise_nothing(rng, activation, seed):
    """50 trainings of many kinds, some of them wild; every one reaches its end with finite numbers."""
    output, n_y = [("sigmoid", 1), ("softmax", 3), ("linear", 1)][seed % 3]
    network = architecture(
        4,
        (6,) * (seed % 4),
        output,
        n_y,
        activation=activation,
        batch_norm=BATCH_NORM if seed % 2 else None,
        keep_prob=(1.0, 0.3)[seed // 5],
    )
    optimizer = [Adam(learning_rate=0.3), Momentum(learning_rate=0.1), GradientDescent(learning_rate=0.05)][seed % 3]
    given = program(network, optimizer=optimizer, batch_size=8, epochs=3, dtype="float32", seed=seed)
    state, _, epochs = train(given, rows(rng, 40, network, "float32"))
    assert len(epochs) == 3
    assert np.isfinite(state.theta).all()
    assert all(math.isfinite(epoch.train.loss) for epoch in epochs)


@pytest.mark.parametrize(("output", "n_y"), [("sigmoid", 1), ("softmax", 2)])
def test_huge_but_finite_logits_are_no_alarm(rng, output, n_y):
    """Separable data far out: logits of 10,000 and more, in float32."""
    network = architecture(2, (), output, n_y)
    data = rows(rng, 20, network, "float32")
    data.X[...] *= 1000
    given = program(network, optimizer=GradientDescent(learning_rate=0.1), batch_size=5, epochs=5, dtype="float32")
    state, _, _ = train(given, data)
    assert np.isfinite(state.theta).all()
