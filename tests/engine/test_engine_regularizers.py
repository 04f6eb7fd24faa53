"""Penalties and their gradients, by hand; where they work; λ/m."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import BATCH_NORM, NONE, architecture, named, program, replace, rows, train

from dltrain.engine.binding import initialize, regularized
from dltrain.engine.fit import Rows
from dltrain.engine.network import Network
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent
from dltrain.engine.regularizers import L1, L1L2, L2
from dltrain.engine.streams import Purpose, permutation

W = np.array([3.0, -4.0, 0.0])

BY_HAND = [
    (NONE, 0.0, [0, 0, 0]),
    (L2(lambd=0.7), 0.7 / 20 * 25, [0.07 * 3, 0.07 * -4, 0]),
    (L1(lambd=0.7), 0.7 / 20 * 7, [0.035, -0.035, 0]),
    (L1L2(lambd_l1=0.2, lambd_l2=0.7), 0.2 / 20 * 7 + 0.7 / 20 * 25, [0.01 + 0.21, -0.01 - 0.28, 0]),
    (L2(lambd=0.0), 0.0, [0, 0, 0]),
]


@pytest.mark.parametrize(("regularizer", "penalty", "gradient"), BY_HAND, ids=repr)
def test_by_hand_with_ten_examples(regularizer, penalty, gradient):
    g = np.array([1.0, 1.0, 1.0])
    assert regularizer.penalty(W, 10) == pytest.approx(penalty)
    regularizer.add_gradient(W, g, 10)
    assert g == pytest.approx(1 + np.array(gradient))


def j_and_g(network, theta, data, nominal_m):
    g = np.empty_like(theta)
    J, penalty = Network(network, theta, np.zeros(network.stats_layout().size), g).gradient(*data, nominal_m)
    return J, penalty, g


def test_a_network_adds_up_its_layers(rng):
    """Layer 1: L2 with b; layer 2: nothing; output: L1 without b."""
    plain = architecture(3, (4, 2), "softmax", 3)
    first, second = plain.layers
    penalized = replace(
        plain,
        layers=(replace(first, regularizer=L2(lambd=0.5, include_bias=True)), second),
        regularizer=L1(lambd=0.3),
    )
    theta = rng.standard_normal(plain.layout().size)
    data = rows(rng, 8, plain)
    J0, none, g0 = j_and_g(plain, theta, (data.X, data.y), 20)
    J, penalty, g = j_and_g(penalized, theta, (data.X, data.y), 20)
    p = named(plain, theta)
    expected = 0.5 / 40 * ((p["W1"] ** 2).sum() + (p["b1"] ** 2).sum()) + 0.3 / 40 * np.abs(p["W3"]).sum()
    assert none == 0.0
    assert penalty == pytest.approx(expected, rel=1e-12)
    assert J == pytest.approx(J0 + expected, rel=1e-12)
    added = named(plain, g - g0)
    assert added["W1"] == pytest.approx(0.5 / 20 * p["W1"])
    assert added["b1"] == pytest.approx(0.5 / 20 * p["b1"])
    assert added["W3"] == pytest.approx(0.3 / 40 * np.sign(p["W3"]))
    for untouched in ("W2", "b2", "b3"):
        assert not added[untouched].any()


@pytest.mark.parametrize("include_bias", [False, True])
def test_gamma_and_beta_are_never_penalized(include_bias):
    network = architecture(
        3, (4,), "softmax", 3, batch_norm=BATCH_NORM, regularizer=L2(lambd=1, include_bias=include_bias)
    )
    layout = network.layout()
    touched = np.zeros(layout.size, bool)
    for where, _ in regularized(network, layout):
        touched[where] = True
    expected = {"W1", "W2"} | ({"b2"} if include_bias else set())
    assert {block.name for block in layout.blocks if touched[block.slice].all()} == expected
    assert touched.sum() == sum(np.prod(layout.block(name).shape) for name in expected)


def test_m_is_nominal_for_a_short_last_batch(rng):
    """10 rows in batches of 8: the last batch of 2 still divides λ by 8."""
    network = architecture(3, (), "linear", 1, regularizer=L2(lambd=2.0))
    given = program(network, optimizer=GradientDescent(learning_rate=0.1), batch_size=8, epochs=1)
    data = rows(rng, 10, network)
    theta = initialize(network, given.seed, np.float64)[0]
    _, steps, epochs = train(given, data)
    order, penalties = permutation(10, given.seed, Purpose.SHUFFLE), []
    for batch, step in zip((order[:8], order[8:]), steps, strict=True):
        w, b = theta[:3], theta[3]
        residual = data.X[batch] @ w + b - data.y[batch]
        penalties.append(2.0 / 16 * w @ w)
        assert step.cost == pytest.approx(0.5 * (residual**2).mean() + penalties[-1], rel=1e-12)
        grad = np.append(data.X[batch].T @ residual / len(batch) + 2.0 / 8 * w, residual.mean())
        theta = theta - 0.1 * grad
    assert epochs[0].penalty == pytest.approx((8 * penalties[0] + 2 * penalties[1]) / 10, rel=1e-12)
    assert epochs[0].cost == pytest.approx((8 * steps[0].cost + 2 * steps[1].cost) / 10, rel=1e-12)


def trained(network, optimizer, data):
    state, _, _ = train(program(network, optimizer=optimizer, batch_size=10, steps=20), data)
    return named(network, state.theta)


def test_l2_is_weight_decay_for_gradient_descent(rng):
    """W := (1 − αλ/m) W − α (from backprop), the notes' second form."""
    plain = architecture(3, (4,), "softmax", 3)
    penalized = architecture(3, (4,), "softmax", 3, regularizer=L2(lambd=0.7))
    data, alpha, m = rows(rng, 40, plain), 0.2, 10
    got = trained(penalized, GradientDescent(learning_rate=alpha), data)

    theta, stats = initialize(plain, 1, np.float64)
    g = np.empty_like(theta)
    network = Network(plain, theta, stats, g)
    for step in range(20):
        batch = permutation(40, 1, Purpose.SHUFFLE, step // 4)[step % 4 * m :][:m]
        network.gradient(data.X[batch], data.y[batch], m)
        for where in plain.layout().weights():
            theta[where] *= 1 - alpha * 0.7 / m
        theta -= alpha * g
    for name, values in named(plain, theta).items():
        assert got[name] == pytest.approx(values, abs=1e-13), name


def test_l2_is_not_weight_decay_for_adam(rng):
    plain = architecture(3, (4,), "softmax", 3)
    penalized = architecture(3, (4,), "softmax", 3, regularizer=L2(lambd=0.7))
    data = rows(rng, 40, plain)
    by_penalty = trained(penalized, Adam(learning_rate=0.01), data)
    by_decay = trained(plain, AdamW(learning_rate=0.01, weight_decay=0.07), data)
    assert np.abs(by_penalty["W1"] - by_decay["W1"]).max() > 1e-2


def test_l1_makes_weights_sparse(rng):
    """λ/(2m) = 0.1 is taken off a weight that says something, and all of one that does not."""
    network = architecture(2, (), "linear", 1, regularizer=L1(lambd=80.0))
    X = rng.standard_normal((400, 2))
    y = X[:, 0] + 0.05 * rng.standard_normal(400)
    given = program(network, optimizer=GradientDescent(learning_rate=0.01), batch_size=400, epochs=600)
    state, _, _ = train(given, Rows(X, y))
    W1 = named(network, state.theta)["W1"][:, 0]
    assert abs(W1[1]) <= 0.01 * 0.1
    assert 0.8 < W1[0] < 0.95
