"""The output layer: the notes' numbers, naive formulas in float64, and logits of ±10,000."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from dltrain.engine import losses
from dltrain.engine.losses import target_dtype

OUTPUTS = [("sigmoid", 1), ("softmax", 4), ("linear", 1)]
LOGITS = st.floats(-20, 20, width=32)


def targets(rng, output, n_y, m, dtype):
    if output == "softmax":
        return rng.integers(0, n_y, m)
    return (rng.integers(0, 2, m) if output == "sigmoid" else rng.standard_normal(m)).astype(dtype)


def test_softmax_of_the_notes():
    Z = np.array([[5.0], [2.0], [-1.0], [3.0]])
    losses.activate("softmax", Z)
    assert Z[:, 0] == pytest.approx([0.842, 0.042, 0.002, 0.114], abs=5e-4)
    total = sum(math.exp(z) for z in (5, 2, -1, 3))
    assert Z[:, 0] == pytest.approx([math.exp(z) / total for z in (5, 2, -1, 3)], rel=1e-14)
    hardmax = np.zeros(4)
    hardmax[losses.decide("softmax", Z)[0]] = 1
    assert hardmax.tolist() == [1, 0, 0, 0]


def test_losses_by_hand():
    """softmax: −log of the true class's share; sigmoid of 0 is ½; linear ½ (3 − 1)²."""
    Z = np.log([[0.2, 0.7], [0.3, 0.1], [0.5, 0.2]])
    assert losses.losses("softmax", Z, np.array([2, 0])) == pytest.approx([-math.log(0.5), -math.log(0.7)])
    Z = np.array([[0.0, math.log(3), math.log(3)]])
    loss = losses.losses("sigmoid", Z, np.array([1.0, 1.0, 0.0]))
    assert loss == pytest.approx([math.log(2), -math.log(0.75), -math.log(0.25)])
    assert losses.losses("linear", np.array([[3.0, -1.0]]), np.array([1.0, -1.0])).tolist() == [2.0, 0.0]


@given(hnp.arrays(np.float64, (3, 7), elements=LOGITS), hnp.arrays(np.int64, 7, elements=st.integers(0, 2)))
def test_softmax_against_the_naive_formula(Z, y):
    T = np.exp(Z)
    Yhat = T / T.sum(axis=0)
    work = Z.copy()
    assert losses.losses("softmax", work, y) == pytest.approx(-np.log(Yhat[y, range(7)]), rel=1e-9, abs=1e-9)
    assert work == pytest.approx(Yhat, rel=1e-9)
    assert work.sum(axis=0) == pytest.approx(np.ones(7))


@given(hnp.arrays(np.float64, (1, 7), elements=LOGITS), hnp.arrays(np.int64, 7, elements=st.integers(0, 1)))
def test_sigmoid_against_the_naive_formula(Z, y):
    yhat = 1 / (1 + np.exp(-Z[0]))
    other = 1 / (1 + np.exp(Z[0]))  # 1 − ŷ, without the cancellation
    work = Z.copy()
    naive = -y * np.log(yhat) - (1 - y) * np.log(other)
    assert losses.losses("sigmoid", work, y.astype(float)) == pytest.approx(naive, rel=1e-9, abs=1e-12)
    assert work[0] == pytest.approx(yhat, abs=1e-15)


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_dz_is_yhat_minus_y_over_m(rng, output, n_y):
    Z = rng.standard_normal((n_y, 6))
    y = targets(rng, output, n_y, 6, np.float64)
    Yhat = {
        "softmax": lambda: special.softmax(Z, axis=0),
        "sigmoid": lambda: special.expit(Z),
        "linear": lambda: Z.copy(),
    }[output]()
    Y = np.eye(n_y)[:, y] if output == "softmax" else y
    losses.gradient(output, dZ := Yhat.copy(), y)
    assert dZ == pytest.approx((Yhat - Y) / 6, abs=1e-15)


@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_dz_is_the_slope_of_the_mean_loss(rng, output, n_y):
    Z = rng.standard_normal((n_y, 5))
    y = targets(rng, output, n_y, 5, np.float64)
    work = Z.copy()
    losses.losses(output, work, y)
    if output == "linear":
        assert np.array_equal(work, Z)
    losses.gradient(output, work, y)
    h = 1e-6
    for i, j in np.ndindex(Z.shape):
        step = np.zeros_like(Z)
        step[i, j] = h
        slope = (losses.losses(output, Z + step, y) - losses.losses(output, Z - step, y)).mean() / (2 * h)
        assert work[i, j] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("output", "n_y"), OUTPUTS)
def test_logits_of_ten_thousand_stay_finite(output, n_y, dtype):
    big = np.array([1e4, -1e4])
    Z = np.array(np.meshgrid(*[big] * n_y)).reshape(n_y, -1).astype(dtype)
    for label in range(max(n_y, 2)):
        y = np.full(Z.shape[1], label, target_dtype(output, np.dtype(dtype)))
        work = Z.copy()
        loss = losses.losses(output, work, y)
        losses.gradient(output, work, y)
        assert loss.dtype == work.dtype == dtype
        assert np.isfinite(loss).all()
        assert np.isfinite(work).all()
        if output == "sigmoid":
            assert loss.tolist() == ([0.0, 1e4] if label else [1e4, 0.0])
        if output == "softmax":
            assert loss == pytest.approx(special.logsumexp(Z.astype(float), axis=0) - Z[label], rel=1e-6)


def test_decisions():
    assert losses.decide("softmax", np.array([[0.4, 0.2], [0.4, 0.5], [0.2, 0.3]])).tolist() == [0, 1]
    assert losses.decide("sigmoid", np.array([[0.5, 0.500001, 0.2]])).tolist() == [0, 1, 0]
    assert losses.decide("linear", np.array([[0.5, -3.0]])).tolist() == [0.5, -3.0]


def test_target_types():
    assert target_dtype("softmax", np.dtype(np.float32)) == np.int64
    assert target_dtype("sigmoid", np.dtype(np.float32)) == np.float32
    assert target_dtype("linear", np.dtype(np.float64)) == np.float64
