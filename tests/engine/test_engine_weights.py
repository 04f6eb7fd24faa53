"""Weights of examples and classes: against repeated rows, rows left out, PyTorch's own, and formulas by hand."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, program, replace, rows, train
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.engine.binding import initialize
from dltrain.engine.fit import Rows, fit
from dltrain.engine.network import CHUNK, Network
from dltrain.engine.optimizers import GradientDescent
from dltrain.engine.regularizers import L2
from dltrain.engine.state import State
from dltrain.engine.weights import loss_weights, mean_error

OUTPUTS = [("sigmoid", 1), ("softmax", 3), ("linear", 1)]
LAMBD = L2(lambd=0.7)


@pytest.fixture(scope="module")
def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch is an oracle of the `verify` extra")


def network_of(shape, seed=5):
    theta, stats = initialize(shape, seed, np.float64)
    return Network(shape, theta, stats, np.zeros_like(theta))


def slope(network, data, weights=None, nominal_m=10):
    J, penalty = network.gradient(data.X, data.y, nominal_m, weights=weights)
    return J, penalty, network.g.copy()


def test_both_kinds_multiply_and_either_may_be_absent():
    y = np.array([0, 2, 1, 2])
    weights, of_class = np.array([1.0, 0.5, 2.0, 4.0]), np.array([3.0, 0.0, 0.25])
    assert loss_weights(y, None, None) is None
    assert loss_weights(y, weights, None) is weights
    assert loss_weights(y, None, of_class).tolist() == [3.0, 0.25, 0.0, 0.25]
    assert loss_weights(y.astype(np.float32), weights, of_class).tolist() == [3.0, 0.125, 0.0, 1.0]


def test_the_error_is_weighed_by_examples_alone():
    assert mean_error(np.array([1.0, 0.0, 1.0]), np.array([2.0, 5.0, 1.0])) == 3 / 8
    assert mean_error(np.array([1.0, 0.0]), np.array([0.0, 4.0])) == 0.0
    assert mean_error(np.array([1.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3])) == 1.0


@given(weights=st.lists(st.floats(0, 1e6), min_size=1, max_size=200), bits=st.integers(0))
def test_a_weighted_rate_stays_a_rate(weights, bits):
    errors = np.array([float(bits >> i & 1) for i in range(len(weights))])
    assert 0 <= mean_error(errors, np.array(weights)) <= 1


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
@pytest.mark.parametrize("units", [(), (6, 5)])
def test_a_weight_counts_how_often_a_row_is_there(rng, output, n_y, units):
    """0 is left out, 2 is there twice: the same gradient, once Σ L is divided by the same number."""
    network = network_of(architecture(4, units, output, n_y, regularizer=LAMBD))
    data = rows(rng, 12, network.architecture)
    times = np.array([0, 1, 2, 3, 1, 0, 2, 1, 1, 4, 1, 0])
    repeated = Rows(np.repeat(data.X, times, axis=0), np.repeat(data.y, times))
    J, penalty, g = slope(network, data, times * 12 / times.sum())
    wanted_J, wanted_penalty, wanted = slope(network, repeated)
    assert (J, penalty) == pytest.approx((wanted_J, wanted_penalty), rel=1e-12)
    np.testing.assert_allclose(g, wanted, rtol=1e-9, atol=1e-13)
    ones = slope(network, data, np.ones(12))
    plain = slope(network, data)
    assert ones[0] == plain[0]
    assert np.array_equal(ones[2], plain[2])


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
@pytest.mark.parametrize("batch_norm", [None, BATCH_NORM])
def test_the_weighted_gradient_is_the_slope_of_the_weighted_cost(rng, output, n_y, batch_norm):
    network = network_of(architecture(3, (5,), output, n_y, batch_norm=batch_norm, regularizer=LAMBD))
    data, weights = rows(rng, 9, network.architecture), rng.random(9) * 2
    _, _, g = slope(network, data, weights)
    theta, h = network.theta, 1e-6
    for i in range(theta.size):
        kept = theta[i]
        theta[i] = kept + h
        up = network.cost(data.X, data.y, 10, weights=weights)[0]
        theta[i] = kept - h
        down = network.cost(data.X, data.y, 10, weights=weights)[0]
        theta[i] = kept
        assert g[i] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_the_gradient_is_pytorchs(rng, torch, output, n_y):
    """PyTorch's `weight=` of classes times a weight an example, by automatic differentiation."""
    F = torch.nn.functional
    network = network_of(architecture(4, (6,), output, n_y))
    data, weights = rows(rng, 20, network.architecture), rng.random(20) * 2
    of_class = None if output == "linear" else np.array([0.5, 2.0, 1.2])[: max(2, n_y)]
    p = {n: torch.tensor(v.copy(), requires_grad=True) for n, v in network.layout.views(network.theta).items()}
    X, y, w = (torch.tensor(array) for array in (data.X, data.y, weights))
    Z = torch.tanh(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
    if output == "softmax":
        L = F.cross_entropy(Z, y, weight=torch.tensor(of_class), reduction="none")
    elif output == "sigmoid":  # pos_weight is the weight of class 1 for a weight 1 of class 0
        ratio = torch.tensor(of_class[1] / of_class[0])
        L = of_class[0] * F.binary_cross_entropy_with_logits(Z[:, 0], y, pos_weight=ratio, reduction="none")
    else:
        L = 0.5 * F.mse_loss(Z[:, 0], y, reduction="none")
    J = (w * L).mean()
    J.backward()
    ours, _, g = slope(network, data, loss_weights(data.y, weights, of_class))
    assert ours == pytest.approx(J.item(), rel=1e-12)
    for name, view in network.layout.views(g).items():
        np.testing.assert_allclose(view, p[name].grad.numpy(), rtol=1e-9, atol=1e-14)


def test_the_loss_of_a_part_is_pytorchs_weighted_mean(rng, torch):
    network = network_of(architecture(4, (6,), "softmax", 3))
    data, of_class = rows(rng, 50, network.architecture), np.array([0.2, 3.0, 1.1])
    theirs = torch.nn.functional.nll_loss(
        torch.log(torch.tensor(network.predict(data.X))), torch.tensor(data.y), weight=torch.tensor(of_class)
    )
    measured = network.evaluate(data.X, data.y, None, of_class)
    assert measured.loss == pytest.approx(theirs.item(), rel=1e-9)
    assert measured.error == measured.errors.mean()


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_a_part_is_measured_as_its_rows_repeated(rng, output, n_y):
    """Example weights enter loss and error, class weights the loss alone; in portions too."""
    network = network_of(architecture(600, (7,), output, n_y))
    m = CHUNK // 600 + 300
    data = rows(rng, m, network.architecture)
    times = rng.integers(0, 4, m)
    of_class = None if output == "linear" else np.array([0.5, 0.0, 2.0])[: max(2, n_y)]
    repeated = Rows(np.repeat(data.X, times, axis=0), np.repeat(data.y, times), None, of_class)
    measured = replace(data, weights=times * 0.37, class_weights=of_class).measured_by(network)
    wanted = repeated.measured_by(network)
    assert measured.loss == pytest.approx(wanted.loss, rel=1e-10)
    assert measured.error == pytest.approx(wanted.error, rel=1e-10)
    assert len(measured.errors) == m
    assert measured.errors.tolist() == data.measured_by(network).errors.tolist()


def test_a_part_without_any_weight_measures_0(rng):
    network = network_of(architecture(4, (), "softmax", 3))
    data = rows(rng, 5, network.architecture)
    measured = network.evaluate(data.X, data.y, np.zeros(5))
    assert (measured.loss, measured.error) == (0.0, 0.0)


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_of_one_train_to_the_same_bytes(rng, output, n_y, dtype):
    shape = architecture(4, (6,), output, n_y)
    data, dev = rows(rng, 50, shape, dtype), rows(rng, 20, shape, dtype)
    of_class = None if output == "linear" else np.ones(max(2, n_y))
    asked = program(shape, dtype=dtype)
    plain, _, epochs = train(asked, data, dev)
    weighed = replace(data, weights=np.ones(50), class_weights=of_class)
    state, _, again = train(asked, weighed, replace(dev, weights=np.ones(20)))
    assert state.theta.dtype == dtype
    assert state.theta.tobytes() == plain.theta.tobytes()
    assert [epoch.cost for epoch in again] == [epoch.cost for epoch in epochs]
    assert again[-1].train.loss == pytest.approx(epochs[-1].train.loss, rel=1e-12)


def test_each_row_takes_its_own_weight_into_its_batch(rng):
    """Weight 0 for every row with a wrong label: as if those rows said nothing, whatever batch they fall into."""
    shape = architecture(5, (), "sigmoid", 1)
    data = rows(rng, 64, shape)
    right = rng.random(64) < 0.5
    spoiled = Rows(data.X, np.where(right, data.y, 1 - data.y), right * 2.0)
    other = Rows(data.X, np.where(right, data.y, 1.0), right * 2.0)
    asked = program(shape, epochs=4, optimizer=GradientDescent(learning_rate=0.5))
    assert train(asked, spoiled)[0].theta.tobytes() == train(asked, other)[0].theta.tobytes()
    assert train(asked, spoiled)[0].theta.tobytes() != train(asked, data)[0].theta.tobytes()


def test_metrics_lines_hold_weighted_losses_and_errors(rng):
    shape = architecture(5, (4,), "softmax", 3)
    weights = rng.random(60) + 0.1
    data, dev = replace(rows(rng, 60, shape), weights=weights), rows(rng, 30, shape)
    dev = replace(dev, weights=rng.random(30), class_weights=np.array([0.3, 1.0, 2.0]))
    state, _, epochs = train(program(shape), data, dev)
    record, network = epochs[-1].record(), Network(shape, state.theta, state.stats)
    for part, given_rows in (("train", data), ("dev", dev)):
        measured = network.evaluate(given_rows.X, given_rows.y)
        Yhat = network.predict(given_rows.X)[np.arange(len(given_rows)), given_rows.y]
        of_class = 1.0 if given_rows.class_weights is None else given_rows.class_weights[given_rows.y]
        loss = np.average(-np.log(Yhat), weights=given_rows.weights * of_class)
        assert record[part]["loss"] == pytest.approx(loss, rel=1e-9)
        assert record[part]["error"] == pytest.approx(np.average(measured.errors, weights=given_rows.weights))


@settings(max_examples=15)
@given(stop=st.integers(1, 11))
def test_a_weighted_training_goes_on_to_the_same_bytes(stop):
    rng = np.random.Generator(np.random.Philox(4))
    shape = architecture(4, (5,), "softmax", 3)
    data = replace(rows(rng, 50, shape), weights=rng.random(50) * 2, class_weights=np.array([2.0, 0.5, 1.0]))
    asked = program(shape)
    whole, _, _ = train(asked, data)
    state = State.start(asked)
    for _, event in zip(range(stop), fit(asked, data, None, state), strict=False):
        assert event
    assert train(asked, data, None, state)[0].theta.tobytes() == whole.theta.tobytes()
