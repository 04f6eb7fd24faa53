"""theta's table of contents: contiguous, without gaps, W and b of a layer adjacent."""

from __future__ import annotations

import numpy as np
from engine_networks import BATCH_NORM, architecture, layer, replace
from engine_reference import unflatten
from hypothesis import given
from hypothesis import strategies as st

from dltrain.engine.architecture import Architecture
from dltrain.engine.binding import bind, initialize
from dltrain.engine.network import Network


@st.composite
def networks(draw: st.DrawFn) -> Architecture:
    output, n_y = draw(st.sampled_from([("sigmoid", 1), ("softmax", 3), ("linear", 1)]))
    units = draw(st.lists(st.integers(1, 6), max_size=4))
    network = architecture(draw(st.integers(1, 5)), (), output, n_y)
    layers = tuple(layer(n, batch_norm=BATCH_NORM if draw(st.booleans()) else None) for n in units)
    return replace(network, layers=layers)


@given(networks())
def test_blocks_are_contiguous_and_gapless(network):
    for layout in (network.layout(), network.stats_layout()):
        start = 0
        for block in layout.blocks:
            assert block.slice.start == start
            assert block.slice.stop - block.slice.start == np.prod(block.shape)
            start = block.slice.stop
        assert layout.size == start


@given(networks())
def test_names_roles_and_order(network):
    names = [block.name for block in network.layout().blocks]
    expected = []
    for n in range(1, len(network.layers) + 2):
        batch_norm = n <= len(network.layers) and network.layers[n - 1].batch_norm
        expected += [f"W{n}", f"gamma{n}", f"beta{n}"] if batch_norm else [f"W{n}", f"b{n}"]
    assert names == expected
    for block in network.layout().blocks:
        assert block.name.rstrip("0123456789") == {"weight": "W", "bias": "b"}.get(block.role, block.role)
        assert block.name.endswith(str(block.layer))


@given(networks())
def test_views_are_theta_cut_up(network):
    theta = np.arange(network.layout().size, dtype=np.float64)
    views = network.layout().views(theta)
    for name, expected in unflatten(network, theta).items():
        assert np.array_equal(views[name], expected)
        assert np.shares_memory(views[name], theta)


def test_the_bias_is_the_last_row_of_its_weights():
    network = architecture(3, (2,), "linear", 1)
    theta = np.arange(3 * 2 + 2 + 2 * 1 + 1, dtype=np.float64)
    first, last = bind(network.layout(), theta)
    assert np.array_equal(first.Wb, [[0, 1], [2, 3], [4, 5], [6, 7]])
    assert np.array_equal(last.Wb, [[8], [9], [10]])
    assert np.array_equal(first.Wb[:-1], first.W)


def test_with_batch_norm_there_is_no_b():
    network = architecture(3, (2, 2), "softmax", 2, batch_norm=BATCH_NORM)
    layout = network.layout()
    assert [layout.role("bias", n) for n in (1, 2)] == [None, None]
    assert layout.role("bias", 3).name == "b3"
    assert [b.name for b in network.stats_layout().blocks] == ["mu1", "var1", "count1", "mu2", "var2", "count2"]


def test_weights_are_w_alone():
    layout = architecture(3, (2,), "linear", 1, batch_norm=BATCH_NORM).layout()
    assert layout.weights() == [slice(0, 6), slice(10, 12)]


def test_describe_is_plain_data():
    described = architecture(3, (2,), "linear", 1).layout().describe()
    assert described[1] == {"name": "b1", "start": 6, "shape": [2], "layer": 1, "role": "bias"}


@given(networks())
def test_an_architecture_is_described_and_built_again(network):
    again = Architecture.of(network.describe())
    assert again.layout() == network.layout()
    assert again.stats_layout() == network.stats_layout()
    theta, stats = initialize(network, 3, np.float64)
    X = np.linspace(-1, 1, 4 * network.n_x).reshape(4, network.n_x)
    assert np.array_equal(Network(network, theta, stats).predict(X), Network(again, theta, stats).predict(X))
