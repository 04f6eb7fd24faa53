"""The `layers` of a metrics line, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import architecture, named, program, rows, train

from dltrain.engine import health
from dltrain.engine.binding import initialize
from dltrain.engine.initializers import Zeros
from dltrain.engine.network import Network
from dltrain.engine.optimizers import GradientDescent
from dltrain.engine.state import State


def test_norms_by_layer():
    network = architecture(1, (2,), "linear", 1)
    vector = np.array([3, 0, 0, 4, 1, 2, 2], np.float32)
    assert health.by_layer(network.layout(), vector).tolist() == [5.0, 3.0]


@pytest.mark.parametrize("clip_norm", [None, 1e-3])
def test_gradient_norm_and_update_ratio_of_the_last_step(rng, clip_norm):
    """Gradient descent moves by α g (clipped: by α c in all), and the norm noted is that before clipping."""
    network = architecture(3, (4,), "linear", 1)
    data = rows(rng, 20, network)
    optimizer = GradientDescent(learning_rate=0.1, clip_norm=clip_norm)
    given = program(network, optimizer=optimizer, batch_size=20, epochs=1)
    start = State.start(given).theta
    state, (step,), (epoch,) = train(given, data)
    norms = np.array([layer["gradient_norm"] for layer in epoch.layers])
    assert np.linalg.norm(norms) == pytest.approx(step.grad_norm)
    alpha = 0.1 * (1 if clip_norm is None else clip_norm / step.grad_norm)
    sizes = health.by_layer(network.layout(), start)
    assert [layer["update_ratio"] for layer in epoch.layers] == pytest.approx(alpha * norms / sizes, rel=1e-6)


def test_a_layer_of_zeros_has_update_ratio_0(rng):
    network = architecture(3, (), "softmax", 3, initializer=Zeros())
    _, _, (epoch,) = train(program(network, batch_size=20, epochs=1), rows(rng, 20, network))
    assert epoch.layers[0]["update_ratio"] == 0.0


def examined(network, theta, X):
    layers = len(network.sizes) - 1
    net = Network(network, theta, np.zeros(network.stats_layout().size))
    return health.examine(net, X, np.zeros(layers), np.zeros(layers))


def test_dead_relu_units_and_activation_norm():
    network = architecture(1, (4,), "linear", 1, activation="relu")
    theta = np.zeros(network.layout().size)
    p = named(network, theta)
    p["W1"][...], p["b1"][...] = [[1, -1, 0, 0]], [0, 0, -1, 2]
    hidden, output = examined(network, theta, np.array([[1.0], [-2.0]]))
    assert hidden["dead"] == 0.25  # −1 is below 0 for both examples, x and −x for one
    assert hidden["saturated"] is None
    assert hidden["activation_norm"] == pytest.approx(np.sqrt(((1 + 4) + (4 + 4)) / 2))
    assert (output["activation_norm"], output["dead"], output["saturated"]) == (None, None, None)


@pytest.mark.parametrize(("kind", "logit"), [("tanh", np.arctanh(0.98)), ("sigmoid", np.log(99))])
def test_saturated_values_lie_within_1_percent_of_the_ends(kind, logit):
    network = architecture(1, (4,), "linear", 1, activation=kind)
    theta = np.zeros(network.layout().size)
    named(network, theta)["b1"][...] = [logit * 1.01, -logit * 1.01, logit * 0.99, 0]
    hidden, _ = examined(network, theta, np.zeros((3, 1)))
    assert hidden["saturated"] == 0.5
    assert hidden["dead"] is None


def test_only_a_sample_is_looked_at(rng, monkeypatch):
    network = architecture(2, (3,), "linear", 1)
    theta, _ = initialize(network, 1, np.float64)
    X = rng.standard_normal((50, 2))
    monkeypatch.setattr(health, "SAMPLE", 10)
    few = examined(network, theta, X)
    X[10:] = 1e6
    assert examined(network, theta, X) == few
