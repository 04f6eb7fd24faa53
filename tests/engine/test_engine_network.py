"""Forward, backward and clean measurement against the plain network, HIPS autograd and finite differences."""

from __future__ import annotations

import itertools

import engine_reference as reference
import numpy as np
import pytest
from engine_networks import BATCH_NORM, NONE, architecture, layer, named, program, replace, rows, train

from dltrain.engine import network as network_module
from dltrain.engine.binding import initialize
from dltrain.engine.fit import Rows
from dltrain.engine.network import Network
from dltrain.engine.optimizers import GradientDescent
from dltrain.engine.regularizers import L1, L1L2, L2
from dltrain.engine.state import State

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "linear")
OUTPUTS = (("sigmoid", 1), ("softmax", 3), ("linear", 1))
REGULARIZERS = (NONE, L2(lambd=0.7), L1(lambd=0.3, include_bias=True), L1L2(lambd_l1=0.2, lambd_l2=0.5))


def example(rng, network, m=7):
    """A network at a random place (b, gamma and beta too), with a batch."""
    data = rows(rng, m, network)
    theta, stats = initialize(network, 4, np.float64)
    theta += 0.3 * rng.standard_normal(theta.size)
    g = np.full_like(theta, np.nan)
    return Network(network, theta, stats, g, seed=9), data


def masks_of(net, m):
    """The dropout masks of the last training pass: 0 or 1/keep_prob."""
    return {l: mask.astype(np.float64) for l, mask in net.workspace(m).mask.items()}


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=lambda r: r.kind)
@pytest.mark.parametrize("batch_norm", [None, BATCH_NORM], ids=["plain", "batch_norm"])
@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_cost_and_gradient_against_autograd(rng, activation, output, n_y, batch_norm, regularizer):
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp

    network = architecture(
        4, (5, 3), output, n_y, activation=activation, batch_norm=batch_norm, regularizer=regularizer
    )
    net, data = example(rng, network)
    J, penalty = net.gradient(data.X, data.y, 10)
    oracle = lambda theta: reference.cost(anp, network, theta, data.X, data.y, 10)  # noqa: E731
    assert J == pytest.approx(oracle(net.theta), rel=1e-13)
    assert penalty == pytest.approx(reference.penalty(np, network, named(network, net.theta), 10), rel=1e-13)
    assert net.cost(data.X, data.y, 10) == (J, penalty)
    assert net.g == pytest.approx(autograd.grad(oracle)(net.theta), abs=1e-13, rel=1e-10)


@pytest.mark.parametrize("batch_norm", [None, BATCH_NORM], ids=["plain", "batch_norm"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dropouts_gradient_with_its_masks_frozen(rng, activation, batch_norm):
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp

    network = architecture(
        6, (8, 7), "softmax", 3, activation=activation, batch_norm=batch_norm, keep_prob=0.6, input_keep_prob=0.8
    )
    net, data = example(rng, network)
    J, _ = net.gradient(data.X, data.y, 10, step=5)
    masks = masks_of(net, len(data))
    oracle = lambda theta: reference.cost(anp, network, theta, data.X, data.y, 10, masks)  # noqa: E731
    assert J == pytest.approx(oracle(net.theta), rel=1e-13)
    assert net.g == pytest.approx(autograd.grad(oracle)(net.theta), abs=1e-13, rel=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_the_gradient_is_the_slope_of_the_cost(rng, activation, output, n_y):
    """Central differences along random directions: needs no other library."""
    network = architecture(3, (4,), output, n_y, activation=activation, batch_norm=BATCH_NORM, regularizer=L2(lambd=1))
    net, data = example(rng, network)
    net.gradient(data.X, data.y, 7)
    start, g, h = net.theta.copy(), net.g.copy(), 1e-6
    for direction in rng.standard_normal((5, net.theta.size)):
        net.theta[...] = start + h * direction
        above, _ = net.cost(data.X, data.y, 7)
        net.theta[...] = start - h * direction
        below, _ = net.cost(data.X, data.y, 7)
        assert g @ direction == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kinds", list(itertools.permutations(("relu", "tanh", "sigmoid"))))
def test_layers_of_different_kinds_widths_and_settings(rng, kinds):
    """Dropout, batch norm and no b beside layers without; buffers of different widths."""
    autograd = pytest.importorskip("autograd")
    import autograd.numpy as anp

    wide, thin, middle = (layer(n, activation=kind) for n, kind in zip((9, 2, 5), kinds, strict=True))
    hidden = (replace(wide, keep_prob=0.7), replace(thin, batch_norm=BATCH_NORM, regularizer=L2(lambd=0.5)), middle)
    network = replace(architecture(4, (), "softmax", 3), layers=hidden)
    net, data = example(rng, network, 6)
    net.gradient(data.X, data.y, 6, step=3)
    masks = masks_of(net, 6)
    oracle = lambda theta: reference.cost(anp, network, theta, data.X, data.y, 6, masks)  # noqa: E731
    assert net.g == pytest.approx(autograd.grad(oracle)(net.theta), abs=1e-13, rel=1e-10)


def test_batches_of_other_sizes_leave_nothing_behind(rng):
    network = architecture(4, (5, 3), "softmax", 3, activation="sigmoid", batch_norm=BATCH_NORM, keep_prob=0.8)
    net, data = example(rng, network, 30)
    expected = {}
    for m in (30, 7, 12, 1, 30, 12, 7):
        fresh = Network(network, net.theta, net.stats.copy(), np.empty_like(net.theta), seed=9)
        J, _ = fresh.gradient(data.X[:m], data.y[:m], 10, step=2)
        got, _ = net.gradient(data.X[:m], data.y[:m], 10, step=2)
        net.evaluate(data.X[:m], data.y[:m])
        assert got == J
        assert np.array_equal(net.g, fresh.g)
        assert expected.setdefault(m, J) == J


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predict_and_evaluate_against_the_plain_network(rng, activation, output, n_y):
    network = architecture(4, (5, 3), output, n_y, activation=activation, keep_prob=0.5, input_keep_prob=0.5)
    net, data = example(rng, network, 20)
    clean = replace(network, layers=tuple(replace(one, keep_prob=1.0) for one in network.layers), input_keep_prob=1.0)
    Z = reference.logits(np, clean, named(network, net.theta), data.X)
    T = np.exp(Z)
    Yhat = {"softmax": T / T.sum(axis=1, keepdims=True), "sigmoid": 1 / (1 + np.exp(-Z)), "linear": Z}[output]
    assert net.predict(data.X) == pytest.approx(Yhat, rel=1e-10)
    measured = net.evaluate(data.X, data.y)
    assert measured.loss == pytest.approx(reference.mean_loss(np, output, Z, data.y), rel=1e-12)
    if output == "linear":
        assert measured.predicted == pytest.approx(Z[:, 0])
        assert measured.errors == pytest.approx((Z[:, 0] - data.y) ** 2)
    else:
        decided = Z.argmax(axis=1) if output == "softmax" else (Z[:, 0] > 0).astype(int)
        assert np.array_equal(measured.predicted, decided)
        assert np.array_equal(measured.errors, (decided != data.y).astype(float))
    assert measured.error == pytest.approx(measured.errors.mean())


@pytest.mark.parametrize("m", [1, 63, 64, 65, 200])
def test_portions_do_not_show(rng, m, monkeypatch):
    network = architecture(4, (5,), "softmax", 3, batch_norm=BATCH_NORM)
    net, data = example(rng, network, m)
    whole, measured = net.predict(data.X), net.evaluate(data.X, data.y)
    monkeypatch.setattr(network_module, "CHUNK", 1)
    assert net.predict(data.X) == pytest.approx(whole, rel=1e-12)
    again = net.evaluate(data.X, data.y)
    assert (again.loss, again.error) == pytest.approx((measured.loss, measured.error), rel=1e-12)
    assert np.array_equal(again.errors, measured.errors)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_logits_of_ten_thousand_give_finite_cost_and_gradient(output, n_y, dtype):
    """X = ±1 and weights of 10,000: both signs, for right and wrong labels."""
    network = architecture(1, (), output, n_y)
    theta = np.zeros(network.layout().size, dtype)
    theta[: max(1, n_y - 1)] = 1e4
    g = np.empty_like(theta)
    net = Network(network, theta, np.zeros(0, dtype), g)
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]], dtype)
    y = np.array([0, 0, 1, 1], np.int64 if output == "softmax" else dtype)
    J, _ = net.gradient(X, y, 4)
    assert np.isfinite(J)
    assert J > 1
    assert np.isfinite(g).all()
    assert np.isfinite(net.predict(X)).all()


def test_softmax_of_two_classes_is_logistic_regression(rng):
    """w = w1 − w2: the same predictions, and along training the same trajectory. Each of the two weight vectors
    takes half of what w takes, so softmax needs half the rate."""
    softmax, logistic = architecture(5, (), "softmax", 2), architecture(5, (), "sigmoid", 1)
    data = rows(rng, 60, logistic)
    settings = {"batch_size": 16, "epochs": 5}
    two = program(softmax, optimizer=GradientDescent(learning_rate=0.2), **settings)
    one = program(logistic, optimizer=GradientDescent(learning_rate=0.4), **settings)
    start_two, start_one = State.start(two), State.start(one)

    def difference(theta):
        W, b = named(softmax, theta).values()
        return np.append(W[:, 1] - W[:, 0], b[1] - b[0])

    start_one.theta[...] = difference(start_two.theta)
    two_state, two_steps, two_epochs = train(two, Rows(data.X, data.y.astype(np.int64)), None, start_two)
    one_state, one_steps, one_epochs = train(one, data, None, start_one)
    assert difference(two_state.theta) == pytest.approx(one_state.theta, rel=1e-12)
    assert [s.cost for s in two_steps] == pytest.approx([s.cost for s in one_steps], rel=1e-12)
    assert [e.train.error for e in two_epochs] == [e.train.error for e in one_epochs]
    P = Network(softmax, two_state.theta, two_state.stats).predict(data.X)
    p = Network(logistic, one_state.theta, one_state.stats).predict(data.X)
    assert P[:, 1] == pytest.approx(p[:, 0], rel=1e-12)


def test_active_says_where_a_kink_was_passed(rng):
    network = architecture(3, (4, 2), "sigmoid", 1, activation="relu")
    net, data = example(rng, network)
    net.cost(data.X, data.y, 7)
    p = named(network, net.theta)
    Z1 = data.X @ p["W1"] + p["b1"]
    Z2 = np.maximum(Z1, 0) @ p["W2"] + p["b2"]
    assert [mask.tolist() for mask in net.active()] == [(Z1 > 0).tolist(), (Z2 > 0).tolist()]
    smooth = Network(architecture(3, (4, 2), "sigmoid", 1), net.theta, net.stats)
    smooth.cost(data.X, data.y, 7)
    assert smooth.active() == []


def test_float32_is_near_float64(rng):
    network = architecture(6, (8, 5), "softmax", 3, activation="tanh", batch_norm=BATCH_NORM, regularizer=L2(lambd=0.1))
    net, data = example(rng, network, 40)
    J, _ = net.gradient(data.X, data.y, 40)
    small = Network(network, net.theta.astype("f4"), net.stats.astype("f4"), np.empty(net.theta.size, "f4"))
    j, _ = small.gradient(data.X.astype("f4"), data.y, 40)
    assert j == pytest.approx(J, rel=1e-6)
    assert small.g == pytest.approx(net.g, abs=2e-6)
