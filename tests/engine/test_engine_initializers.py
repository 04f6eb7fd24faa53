"""How parameters start."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture
from scipy import stats

from dltrain.engine.binding import initialize
from dltrain.engine.initializers import Glorot, He, Random, Xavier, Zeros, automatic

CASES = [
    (Zeros(), 0.0),
    (Random(), 0.01**2),
    (Random(scale=0.5), 0.25),
    (He(), 2 / 300),
    (He(scale=1.5), 1.5 / 300),
    (Xavier(), 1 / 300),
    (Xavier(scale=3.0), 3 / 300),
    (Glorot(), 2 / (300 + 200)),
    (Glorot(scale=2.0), 4 / (300 + 200)),
]


@pytest.mark.parametrize(("initializer", "variance"), CASES, ids=repr)
def test_variance_of_the_weights(initializer, variance):
    network = architecture(300, (200,), "softmax", 3, initializer=initializer)
    theta, _ = initialize(network, 1, np.float64)
    W, b = (network.layout().block(name).view(theta) for name in ("W1", "b1"))
    assert initializer.sd(300, 200) == pytest.approx(math.sqrt(variance))
    assert np.array_equal(b, np.zeros(200))
    if variance == 0:
        assert not W.any()
        return
    low, high = stats.chi2.ppf([0.0005, 0.9995], W.size) / W.size
    assert low < (W**2).mean() / variance < high
    assert abs(W.mean()) < 4 * math.sqrt(variance / W.size)


@pytest.mark.parametrize(
    ("activation", "kind"),
    [("relu", He()), ("leaky_relu", He()), ("tanh", Xavier()), ("sigmoid", Xavier()), ("linear", Xavier())],
)
def test_auto_is_he_for_relu_kinds(activation, kind):
    assert automatic(activation) == kind


def test_batch_norm_starts_with_gamma_1_and_beta_0():
    network = architecture(4, (3,), "sigmoid", 1, batch_norm=BATCH_NORM)
    theta, averages = initialize(network, 1)
    views = network.layout().views(theta)
    assert np.array_equal(views["gamma1"], np.ones(3))
    assert np.array_equal(views["beta1"], np.zeros(3))
    assert not averages.any()
    assert theta.dtype == averages.dtype == np.float32


def test_seeds_differ_and_repeat():
    network = architecture(4, (3,), "sigmoid", 1)
    start = [initialize(network, seed, np.float32)[0].tobytes() for seed in (1, 1, 2)]
    assert start[0] == start[1] != start[2]


def test_layers_of_one_shape_start_differently():
    network = architecture(4, (4, 4), "softmax", 4)
    views = network.layout().views(initialize(network, 1)[0])
    assert not np.array_equal(views["W1"], views["W2"])
    assert not np.array_equal(views["W2"], views["W3"])
