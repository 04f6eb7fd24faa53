"""Batch norm: the notes' identity, its averages, test time, and the last batch of one."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, named, program, replace, rows, train

from dltrain.engine.architecture import BatchNorm
from dltrain.engine.binding import initialize
from dltrain.engine.fit import Rows, batch_bounds, model, parameters
from dltrain.engine.network import Network
from dltrain.engine.optimizers import GradientDescent
from dltrain.engine.state import State
from dltrain.engine.streams import Purpose, permutation


def moments(Z):
    return Z.mean(axis=0), ((Z - Z.mean(axis=0)) ** 2).mean(axis=0)


def test_gamma_root_of_variance_and_beta_mean_give_z_back(rng):
    """In training and, with the same averages, at test time the network is then the one without batch norm."""
    normalized = architecture(4, (5,), "linear", 1, batch_norm=BATCH_NORM)
    plain = architecture(4, (5,), "linear", 1)
    data = rows(rng, 12, normalized)
    theta, stats = initialize(normalized, 1, np.float64)
    p = named(normalized, theta)
    mu, var = moments(data.X @ p["W1"])
    p["gamma1"][...] = np.sqrt(var + BATCH_NORM.epsilon)
    p["beta1"][...] = mu
    same = np.concatenate([p["W1"].ravel(), np.zeros(5), p["W2"].ravel(), p["b2"]])
    J, _ = Network(normalized, theta, stats).cost(data.X, data.y, 12)
    without = Network(plain, same, np.zeros(0))
    assert J == pytest.approx(without.cost(data.X, data.y, 12)[0], rel=1e-12)
    at_test = normalized.stats_layout().views(stats)
    at_test["mu1"][...], at_test["var1"][...], at_test["count1"][...] = 0.25 * mu, 0.25 * var, 0.25
    assert Network(normalized, theta, stats).predict(data.X) == pytest.approx(without.predict(data.X), rel=1e-10)


def test_a_batch_comes_out_with_mean_0_and_variance_1(rng):
    network = architecture(4, (5,), "linear", 1, batch_norm=BatchNorm(epsilon=1e-12), activation="linear")
    data = rows(rng, 50, network)
    theta, stats = initialize(network, 1, np.float64)
    net = Network(network, theta, stats)
    net.cost(data.X, data.y, 50)
    mu, var = moments(net.workspace(50).raw[1])
    assert mu == pytest.approx(np.zeros(5), abs=1e-12)
    assert var == pytest.approx(np.ones(5), rel=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.99])
def test_averages_after_two_batches_are_bias_corrected(rng, beta):
    """Day 1: v = (1−β) x1, corrected x1. Day 2: v = β(1−β) x1 + (1−β) x2, corrected (β x1 + x2)/(1 + β)."""
    network = architecture(4, (5,), "sigmoid", 1, batch_norm=BatchNorm(average=beta))
    data = rows(rng, 20, network)
    given = program(network, optimizer=GradientDescent(learning_rate=1e-9), batch_size=10, epochs=1)
    order = permutation(20, given.seed, Purpose.SHUFFLE)
    W1 = named(network, initialize(network, 1, np.float64)[0])["W1"].copy()
    day1, day2 = (moments(data.X[order[rows]] @ W1) for rows in (slice(0, 10), slice(10, 20)))
    one, _, _ = train(replace(given, epochs=None, steps=1), data)
    two, _, _ = train(given, data)
    views = network.stats_layout().views(one.stats)
    assert views["count1"][0] == pytest.approx(1 - beta)
    for name, x in zip(("mu1", "var1"), day1, strict=True):
        assert views[name] / views["count1"] == pytest.approx(x, rel=1e-6, abs=1e-9)
    views = network.stats_layout().views(two.stats)
    assert views["count1"][0] == pytest.approx(1 - beta**2)
    for name, x1, x2 in zip(("mu1", "var1"), day1, day2, strict=True):
        assert views[name] == pytest.approx(beta * (1 - beta) * x1 + (1 - beta) * x2, rel=1e-6, abs=1e-9)
        assert views[name] / views["count1"] == pytest.approx((beta * x1 + x2) / (1 + beta), rel=1e-6, abs=1e-9)


def test_test_time_uses_the_corrected_averages(rng):
    network = architecture(3, (4,), "linear", 1, batch_norm=BATCH_NORM)
    theta, stats = initialize(network, 1, np.float64)
    theta += 0.2 * rng.standard_normal(theta.size)
    data = rows(rng, 30, network)
    net = Network(network, theta, stats, np.empty_like(theta))
    for t in range(3):
        net.gradient(data.X[10 * t :][:10], data.y[10 * t :][:10], 10)
        net.update_averages()
    views, p = network.stats_layout().views(stats), named(network, theta)
    mu, var = views["mu1"] / (1 - 0.9**3), views["var1"] / (1 - 0.9**3)
    Z = p["gamma1"] * (data.X @ p["W1"] - mu) / np.sqrt(var + 1e-5) + p["beta1"]
    assert net.predict(data.X) == pytest.approx(np.tanh(Z) @ p["W2"] + p["b2"], rel=1e-12)
    one_by_one = np.concatenate([net.predict(data.X[i : i + 1]) for i in range(30)])
    assert one_by_one == pytest.approx(net.predict(data.X), rel=1e-12)


def test_before_any_step_test_time_takes_mean_0_and_variance_1(rng):
    network = architecture(3, (4,), "linear", 1, batch_norm=BatchNorm(epsilon=1e-12))
    plain = architecture(3, (4,), "linear", 1)
    theta, stats = initialize(network, 1, np.float64)
    X, p = rng.standard_normal((5, 3)), named(network, theta)
    assert Network(network, theta, stats).predict(X) == pytest.approx(np.tanh(X @ p["W1"]) @ p["W2"] + p["b2"])
    assert plain.stats_layout().size == 0


def test_evaluating_and_predicting_leave_the_averages(rng):
    network = architecture(3, (4,), "sigmoid", 1, batch_norm=BATCH_NORM)
    state, _, _ = train(program(network), data := rows(rng, 40, network))
    before = state.stats.tobytes()
    net = Network(network, state.theta, state.stats)
    net.evaluate(data.X, data.y)
    net.predict(data.X)
    net.cost(data.X, data.y, 16)
    assert state.stats.tobytes() == before


def test_a_constant_unit_does_not_divide_by_zero(rng):
    network = architecture(3, (4,), "sigmoid", 1, batch_norm=BATCH_NORM)
    theta, stats = initialize(network, 1, np.float32)
    named(network, theta)["W1"][...] = 0
    data = rows(rng, 10, network, "float32")
    net = Network(network, theta, stats, np.empty_like(theta))
    J, _ = net.gradient(data.X, data.y, 10)
    assert np.isfinite(J)
    assert np.isfinite(net.g).all()


@pytest.mark.parametrize(
    ("m", "batch_size", "batch_norm", "bounds"),
    [
        (10, 4, False, [0, 4, 8, 10]),
        (9, 4, False, [0, 4, 8, 9]),
        (9, 4, True, [0, 4, 9]),
        (10, 4, True, [0, 4, 8, 10]),
        (8, 4, True, [0, 4, 8]),
        (5, 4, True, [0, 5]),
        (4, 4, True, [0, 4]),
        (3, 1, False, [0, 1, 2, 3]),
        (7, 7, False, [0, 7]),
        (1, 1, False, [0, 1]),
    ],
)
def test_a_last_batch_of_one_joins_the_one_before(m, batch_size, batch_norm, bounds):
    assert batch_bounds(m, batch_size, batch_norm) == bounds


def test_a_joined_last_batch_is_one_step(rng):
    network = architecture(3, (4,), "softmax", 2, batch_norm=BATCH_NORM)
    data = rows(rng, 33, network)
    state, steps, epochs = train(program(network, batch_size=8, epochs=2), data)
    assert len(steps) == 8
    assert [epoch.step for epoch in epochs] == [4, 8]
    plain, steps, _ = train(program(architecture(3, (4,), "softmax", 2), batch_size=8, epochs=2), data)
    assert len(steps) == 10


def test_averages_are_measured_again_under_averaged_parameters(rng):
    """Mean over the batches of one shuffled pass, a short last batch left out."""
    network = architecture(3, (4,), "softmax", 2, batch_norm=BATCH_NORM)
    data = rows(rng, 35, network)
    given = program(network, batch_size=8, epochs=3, parameter_average=0.8)
    state, _, _ = train(given, data)
    theta, stats = parameters(given, data, state)
    order = permutation(35, given.seed, Purpose.SHUFFLE)
    W1 = named(network, theta)["W1"]
    batches = [moments(data.X[order[8 * t : 8 * t + 8]] @ W1) for t in range(4)]
    views = network.stats_layout().views(stats)
    assert views["mu1"] / views["count1"] == pytest.approx(np.mean([mu for mu, _ in batches], axis=0), rel=1e-10)
    assert views["var1"] / views["count1"] == pytest.approx(np.mean([var for _, var in batches], axis=0), rel=1e-10)
    assert np.array_equal(model(given, data, state).stats, stats)


def test_rows_sorted_by_class_do_not_spoil_the_averages(rng):
    """Classes far apart, the rows in class order: a batch of one class would show far too small a variance."""
    network = architecture(1, (2,), "sigmoid", 1, batch_norm=BATCH_NORM)
    X = np.concatenate([rng.normal(-3, 0.1, (64, 1)), rng.normal(3, 0.1, (64, 1))])
    data = Rows(X, np.repeat([0.0, 1.0], 64))
    given = program(network, batch_size=32, epochs=1, parameter_average=0.5)
    state = State.start(given)
    state, _, _ = train(given, data, None, state)
    theta, stats = parameters(given, data, state)
    views = network.stats_layout().views(stats)
    Z = X @ named(network, theta)["W1"]
    assert views["var1"] / views["count1"] == pytest.approx(Z.var(axis=0), rel=0.15)
