"""Inverted dropout in the network: expected value, one mask an example, layer and step, off at evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import BATCH_NORM, architecture, layer, program, replace, rows, train

from dltrain.engine.binding import initialize
from dltrain.engine.fit import fit
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.engine.streams import Purpose, keep_words, permutation


def example(rng, m=40, dtype=np.float64, **settings):
    network = architecture(6, (20, 10), "softmax", 3, **({"keep_prob": 0.8, "input_keep_prob": 0.9} | settings))
    theta, stats = initialize(network, 1, dtype)
    return Network(network, theta, stats, np.empty_like(theta), seed=3), rows(rng, m, network, np.dtype(dtype).name)


def test_activations_are_kept_and_scaled_by_65536_over_k(rng):
    net, data = example(rng)
    net.cost(data.X, data.y, 40, step=1)
    ws = net.workspace(40)
    for l, keep_prob in enumerate((0.9, 0.8, 0.8)):
        scale = 65536 / keep_words(keep_prob)
        before, after = ws.raw[l], ws.A[l][:, :-1]
        dropped = after == 0
        assert 0 < dropped.mean() < 0.5
        assert np.array_equal(after[~dropped], (before * scale)[~dropped])
        assert set(np.unique(ws.mask[l])) == {0.0, scale}
        assert np.array_equal(ws.A[l][:, -1], np.ones(40))


def test_the_expected_value_stays(rng):
    """Over 3,000 steps the mean of each activation is that without dropout, within 5 standard errors."""
    net, data = example(rng, m=5, keep_prob=0.5, input_keep_prob=1.0)
    total, steps = np.zeros((5, 20)), 3000
    for step in range(steps):
        net.cost(data.X, data.y, 5, step=step)
        total += net.workspace(5).A[1][:, :-1]
    clean = net.activations(data.X)[0]
    error = np.abs(clean) / np.sqrt(steps)  # sd of a·mask is |a| √((1 − p)/p)
    assert (np.abs(total / steps - clean) < 5 * error).all()


def test_masks_differ_by_step_layer_and_example(rng):
    net, data = example(rng, keep_prob=0.5, input_keep_prob=1.0)
    replace_layers = tuple(layer(20, keep_prob=0.5) for _ in range(2))
    network = replace(net.architecture, layers=replace_layers)
    theta, stats = initialize(network, 1, np.float64)
    net = Network(network, theta, stats, seed=3)
    seen = []
    for step in (1, 2):
        net.cost(data.X, data.y, 40, step=step)
        seen += [net.workspace(40).mask[l].copy() for l in (1, 2)]
    for i, one in enumerate(seen):
        assert len({row.tobytes() for row in one}) == 40
        for other in seen[i + 1 :]:
            assert 0.4 < (one == other).mean() < 0.6


def test_the_same_for_the_same_seed_step_and_layer(rng):
    net, data = example(rng)
    first = net.cost(data.X, data.y, 40, step=7)
    other_step = net.cost(data.X, data.y, 40, step=8)
    assert first != other_step
    assert net.cost(data.X, data.y, 40, step=7) == first
    other_seed = Network(net.architecture, net.theta, net.stats, seed=4)
    assert other_seed.cost(data.X, data.y, 40, step=7) != first


def test_gradient_and_cost_share_their_mask(rng):
    net, data = example(rng)
    assert net.gradient(data.X, data.y, 40, step=7) == net.cost(data.X, data.y, 40, step=7)


def test_masks_are_the_same_in_both_dtypes(rng):
    wide, data = example(rng)
    narrow, _ = example(rng, dtype=np.float32)
    wide.cost(data.X, data.y, 40, step=7)
    narrow.cost(data.X.astype("f4"), data.y, 40, step=7)
    for l in (0, 1, 2):
        assert np.array_equal(wide.workspace(40).mask[l] > 0, narrow.workspace(40).mask[l] > 0)


@pytest.mark.parametrize("batch_norm", [None, BATCH_NORM])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_off_at_evaluation_and_on_request(rng, activation, batch_norm):
    net, data = example(rng, activation=activation, batch_norm=batch_norm)
    without = replace(
        net.architecture,
        layers=tuple(replace(one, keep_prob=1.0) for one in net.architecture.layers),
        input_keep_prob=1.0,
    )
    plain = Network(without, net.theta, net.stats, np.empty_like(net.theta))
    net.gradient(data.X, data.y, 40, step=1)
    assert np.array_equal(net.predict(data.X), plain.predict(data.X))
    assert net.evaluate(data.X, data.y).loss == plain.evaluate(data.X, data.y).loss
    assert net.gradient(data.X, data.y, 40, dropout=False) == plain.gradient(data.X, data.y, 40)
    assert np.array_equal(net.g, plain.g)


def test_keep_prob_1_draws_no_mask(rng):
    net, _ = example(rng, keep_prob=1.0, input_keep_prob=1.0)
    assert net.workspace(10).mask == {}


def test_training_takes_the_mask_of_its_step(rng):
    """The cost of step t is that of the parameters before it, under the mask of t (from 1)."""
    network = architecture(6, (20,), "softmax", 3, keep_prob=0.7)
    data = rows(rng, 40, network)
    given = program(network, batch_size=40, steps=4)
    state = State.start(given)
    training = fit(given, data, None, state)
    for t in range(1, 5):
        order = permutation(40, given.seed, Purpose.SHUFFLE, t - 1)
        net = Network(network, state.theta.copy(), state.stats, seed=given.seed)
        expected, _ = net.cost(data.X[order], data.y[order], 40, step=t)
        assert next(training).cost == pytest.approx(expected, rel=1e-14)
        next(training)


def test_seeds_change_a_training_with_dropout(rng):
    network = architecture(6, (20,), "softmax", 3, keep_prob=0.7)
    data = rows(rng, 40, network)
    ends = [train(program(network, seed=seed), data)[0].theta.tobytes() for seed in (1, 1, 2)]
    assert ends[0] == ends[1] != ends[2]
