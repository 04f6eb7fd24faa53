"""Optimizers: by hand, on two surfaces, at their limits, in stretches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_networks import replace

from dltrain.engine import optimizers
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Momentum, Nesterov, RMSprop

ALL = [GradientDescent(), Momentum(), Nesterov(), RMSprop(), Adam(), AdamW()]
KINDS = [optimizer.kind for optimizer in ALL]


def run(optimizer, theta, gradients, weights=(), alpha=None, dtype=np.float64):
    """theta after one update for each of `gradients` (arrays, or functions of theta)."""
    theta = np.array(theta, dtype)
    slots = {name: np.zeros_like(theta) for name in optimizer.slots}
    for t, gradient in enumerate(gradients, start=1):
        g = gradient(theta) if callable(gradient) else np.array(gradient, dtype)
        optimizer.update(theta, g.astype(dtype), slots, alpha or optimizer.learning_rate, t, weights)
    return theta


# theta = (1, −2), W is its first number; first gradient (0.5, −4), second (1, 2); α = 0.1.
BY_HAND = [
    # 1 − 0.1·0.5, −2 + 0.1·4; then −0.1·1, −0.1·2
    (GradientDescent(), (0.95, -1.6), (0.85, -1.8)),
    # v = 0.1 g: (0.05, −0.4); then 0.9 v + 0.1 g = (0.145, −0.16)
    (Momentum(beta=0.9), (1 - 0.005, -2 + 0.04), (1 - 0.005 - 0.0145, -2 + 0.04 + 0.016)),
    # 0.9 v + 0.1 g: 0.9·0.05 + 0.05 = 0.095, 0.9·−0.4 − 0.4 = −0.76; then 0.9·0.145 + 0.1, 0.9·−0.16 + 0.2
    (Nesterov(beta=0.9), (1 - 0.0095, -2 + 0.076), (1 - 0.0095 - 0.02305, -2 + 0.076 - 0.0056)),
    # s = 0.25 g²: (0.0625, 4), root (0.25, 2), with ε 0.5: 0.5/0.75, −4/2.5; then s = 0.75 s + 0.25 g² = (0.296875, 4)
    (
        RMSprop(beta2=0.75, epsilon=0.5),
        (1 - 0.1 * 2 / 3, -2 + 0.16),
        (1 - 0.1 * 2 / 3 - 0.1 / (math.sqrt(0.296875) + 0.5), -2 + 0.16 - 0.1 * 2 / 2.5),
    ),
    # first step: v̂ = g, ŝ = g²: g/(|g| + 0.5) = 0.5, −4/4.5.
    # second: v = 0.5·0.25 + 0.5 = 0.625, v̂ = 0.625/0.75; s = 0.75·0.0625 + 0.25 = 0.296875, ŝ = s/0.4375;
    #         v = 0.5·−2 + 1 = 0; so the second number stays
    (
        Adam(beta1=0.5, beta2=0.75, epsilon=0.5),
        (0.95, -2 + 0.4 / 4.5),
        (0.95 - 0.1 * (0.625 / 0.75) / (math.sqrt(0.296875 / 0.4375) + 0.5), -2 + 0.4 / 4.5),
    ),
    # W alone shrinks first, by 1 − 0.1·0.2, in each step
    (
        AdamW(beta1=0.5, beta2=0.75, epsilon=0.5, weight_decay=0.2),
        (0.98 - 0.05, -2 + 0.4 / 4.5),
        (0.98 * 0.93 - 0.1 * (0.625 / 0.75) / (math.sqrt(0.296875 / 0.4375) + 0.5), -2 + 0.4 / 4.5),
    ),
]


@pytest.mark.parametrize(("optimizer", "first", "second"), BY_HAND, ids=KINDS)
def test_two_steps_by_hand(optimizer, first, second):
    gradients = [(0.5, -4), (1, 2)]
    assert run(optimizer, (1, -2), gradients[:1], [slice(0, 1)], 0.1) == pytest.approx(first, rel=1e-14)
    assert run(optimizer, (1, -2), gradients, [slice(0, 1)], 0.1) == pytest.approx(second, rel=1e-14)


def test_adams_first_step_is_alpha_whatever_the_gradient():
    for size in (1e-3, 1.0, 1e6):
        assert run(Adam(learning_rate=0.01), [0.0], [[size]]) == pytest.approx([-0.01], rel=1e-4)


def test_defaults_are_those_of_the_notes():
    assert (Momentum().beta, Nesterov().beta, RMSprop().beta2, RMSprop().epsilon) == (0.9, 0.9, 0.999, 1e-8)
    assert (Adam().learning_rate, Adam().beta1, Adam().beta2, Adam().epsilon) == (0.001, 0.9, 0.999, 1e-8)
    assert AdamW().weight_decay == 0.01


def bowl(x):
    return np.array([1.0, 25.0]) * (x - np.array([3.0, -1.0]))


def rosenbrock(x):
    """Gradient of (1 − a)² + 100 (b − a²)²."""
    a, b = x
    return np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])


# optimizer, surface, steps. RMSprop circles around the minimum within about α.
TABLE = [
    (GradientDescent(learning_rate=0.05), bowl, 500, 1e-8),
    (Momentum(learning_rate=0.2), bowl, 500, 1e-8),
    (Nesterov(learning_rate=0.1), bowl, 500, 1e-8),
    (RMSprop(learning_rate=0.002, beta2=0.99), bowl, 4000, 0.003),
    (Adam(learning_rate=0.05), bowl, 3000, 1e-6),
    (AdamW(learning_rate=0.05, weight_decay=1e-6), bowl, 3000, 1e-4),
    (GradientDescent(learning_rate=0.002), rosenbrock, 12000, 2e-2),
    (Momentum(learning_rate=0.01), rosenbrock, 4000, 1e-3),
    (Nesterov(learning_rate=0.005), rosenbrock, 8000, 1e-3),
    (RMSprop(learning_rate=0.0005, beta2=0.99), rosenbrock, 12000, 0.02),
    (Adam(learning_rate=0.02), rosenbrock, 8000, 1e-3),
    (AdamW(learning_rate=0.02, weight_decay=1e-7), rosenbrock, 8000, 1e-2),
]


@pytest.mark.parametrize(
    ("optimizer", "surface", "steps", "tolerance"), TABLE, ids=lambda x: getattr(x, "kind", getattr(x, "__name__", ""))
)
def test_each_optimizer_finds_the_minimum(optimizer, surface, steps, tolerance):
    start, end = ([0.0, 0.0], [3.0, -1.0]) if surface is bowl else ([-1.2, 1.0], [1.0, 1.0])
    assert run(optimizer, start, [surface] * steps, [slice(0, 2)]) == pytest.approx(end, abs=tolerance)


def test_the_table_has_every_optimizer():
    for surface in (bowl, rosenbrock):
        assert [row[0].kind for row in TABLE if row[1] is surface] == KINDS


@pytest.fixture
def gradients(rng):
    return list(rng.standard_normal((30, 40)))


@pytest.mark.parametrize("optimizer", [Momentum(beta=0.0), Nesterov(beta=0.0)], ids=lambda o: o.kind)
def test_without_memory_momentum_is_gradient_descent(optimizer, gradients):
    expected = run(GradientDescent(learning_rate=0.01), np.ones(40), gradients)
    assert np.array_equal(run(optimizer, np.ones(40), gradients), expected)


def test_adam_with_beta1_0_is_bias_corrected_rmsprop(gradients):
    theta, s = np.ones(40), np.zeros(40)
    for t, g in enumerate(gradients, start=1):
        s = 0.99 * s + 0.01 * g**2
        theta = theta - 0.01 * g / (np.sqrt(s / (1 - 0.99**t)) + 1e-8)
    got = run(Adam(beta1=0.0, beta2=0.99, learning_rate=0.01), np.ones(40), gradients)
    assert got == pytest.approx(theta, rel=1e-12)


def test_adam_with_beta2_0_and_beta1_0_is_sign_descent(gradients):
    theta = np.ones(40)
    for g in gradients:
        theta = theta - 0.01 * np.sign(g)
    assert run(Adam(beta1=0.0, beta2=0.0, learning_rate=0.01), np.ones(40), gradients) == pytest.approx(theta, rel=1e-5)


def test_adam_with_a_huge_epsilon_is_bias_corrected_momentum(gradients):
    """α v̂/(√ŝ + ε) with α = ε tends to v̂."""
    theta, v = np.ones(40), np.zeros(40)
    for t, g in enumerate(gradients, start=1):
        v = 0.9 * v + 0.1 * g
        theta = theta - 0.01 * v / (1 - 0.9**t)
    got = run(Adam(epsilon=1e9, learning_rate=0.01 * 1e9), np.ones(40), gradients)
    assert got == pytest.approx(theta, rel=1e-7)


def test_adamw_without_decay_is_adam(gradients):
    weights = [slice(0, 10), slice(12, 40)]
    adam = run(Adam(), np.ones(40), gradients, weights)
    assert np.array_equal(run(AdamW(weight_decay=0.0), np.ones(40), gradients, weights), adam)


def test_adamw_shrinks_weights_alone():
    theta = run(AdamW(learning_rate=0.1, weight_decay=0.5), np.ones(6), [np.zeros(6)] * 3, [slice(1, 3), slice(4, 5)])
    assert theta == pytest.approx([1, 0.95**3, 0.95**3, 1, 0.95**3, 1])


def test_a_small_beta2_near_1_loses_nothing_to_the_scaled_moments(gradients):
    theta, v, s = np.ones(40), np.zeros(40), np.zeros(40)
    for t, g in enumerate(gradients, start=1):
        v, s = 0.999 * v + 0.001 * g, 0.9999999 * s + 1e-7 * g**2
        theta = theta - 0.01 * (v / (1 - 0.999**t)) / (np.sqrt(s / (1 - 0.9999999**t)) + 1e-8)
    got = run(Adam(learning_rate=0.01, beta1=0.999, beta2=0.9999999), np.ones(40), gradients)
    assert got == pytest.approx(theta, rel=1e-6)


@pytest.mark.parametrize("optimizer", ALL, ids=KINDS)
@pytest.mark.parametrize("extra", [-1, 0, 1, 7])
def test_in_stretches_equals_all_at_once(optimizer, extra, rng, monkeypatch):
    size = 3 * 64 + extra
    gradients = list(rng.standard_normal((4, size)))
    start, weights = rng.standard_normal(size), [slice(10, 100), slice(120, size)]
    whole = run(optimizer, start, gradients, weights)
    monkeypatch.setattr(optimizers, "STRETCH", 64)
    assert np.array_equal(run(optimizer, start, gradients, weights), whole)


@pytest.mark.parametrize("optimizer", ALL, ids=KINDS)
def test_a_large_theta_equals_its_parts(optimizer, rng):
    """Elements do not see each other: the large vector moves as its halves do."""
    size = 2 * optimizers.STRETCH + 1001
    gradients = [rng.standard_normal(size).astype(np.float32) for _ in range(2)]
    start = rng.standard_normal(size).astype(np.float32)
    whole = run(optimizer, start, gradients, [slice(0, size)], dtype=np.float32)
    for part in (slice(0, 1000), slice(optimizers.STRETCH - 500, optimizers.STRETCH + 500), slice(size - 1000, size)):
        alone = run(optimizer, start[part], [g[part] for g in gradients], [slice(0, 1000)], dtype=np.float32)
        assert np.array_equal(whole[part], alone)


@pytest.mark.parametrize("optimizer", ALL, ids=KINDS)
def test_update_is_in_place_and_keeps_the_gradient_and_the_type(optimizer, rng):
    theta, g = (rng.standard_normal(50).astype(np.float32) for _ in range(2))
    slots = {name: np.zeros_like(theta) for name in optimizer.slots}
    before, kept, view = theta.copy(), g.copy(), theta[10:20]
    optimizer.update(theta, g, slots, 0.1, 1, [slice(0, 50)])
    assert np.array_equal(g, kept)
    assert not np.array_equal(view, before[10:20])
    assert {theta.dtype, g.dtype, *(slot.dtype for slot in slots.values())} == {np.dtype(np.float32)}
    assert all(slot.any() for slot in slots.values())


@pytest.mark.parametrize("optimizer", ALL, ids=KINDS)
def test_the_rate_is_the_one_handed_in(optimizer):
    other = replace(optimizer, learning_rate=123.0)
    assert np.array_equal(run(optimizer, [1.0], [[2.0]], alpha=0.1), run(other, [1.0], [[2.0]], alpha=0.1))
