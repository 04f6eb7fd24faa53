"""g and g' of the hidden layers, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from dltrain.engine import activations

Z = [-2.0, 0.0, 0.5]

BY_HAND = [
    # the slope at 0, where ReLU and leaky ReLU have none, is that of the left side
    ("relu", [0, 0, 0.5], [0, 0, 1]),
    ("leaky_relu", [-0.02, 0, 0.5], [0.01, 0.01, 1]),
    ("tanh", np.tanh(Z), 1 / np.cosh(Z) ** 2),
    ("sigmoid", special.expit(Z), special.expit(Z) * special.expit(np.negative(Z))),
    ("linear", Z, [1, 1, 1]),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "g", "slope"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_values_and_slopes(kind, g, slope, dtype):
    A = np.array([Z], dtype)
    activations.apply(kind, A)
    dA = np.full_like(A, 3)
    kept = A.copy()
    activations.backpropagate(kind, A, dA)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    assert A[0] == pytest.approx(g, rel=tolerance)
    assert dA[0] == pytest.approx(3 * np.asarray(slope), rel=tolerance)
    assert np.array_equal(A, kept)
    assert A.dtype == dA.dtype == dtype


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
@given(z=hnp.arrays(np.float32, 5, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_any_number_gives_a_finite_activation_and_slope(kind, z):
    A, dA = z.copy(), np.ones_like(z)
    activations.apply(kind, A)
    activations.backpropagate(kind, A, dA)
    expected = np.tanh(z.astype(float)) if kind == "tanh" else special.expit(z.astype(float))
    assert A == pytest.approx(expected, abs=1e-6)
    assert ((dA >= 0) & (dA <= 1)).all()


def test_those_that_keep_one_do():
    for kind in ("relu", "leaky_relu", "tanh", "sigmoid", "linear"):
        one = np.ones((1, 1))
        activations.apply(kind, one)
        assert (one[0, 0] == 1) == (kind in activations.KEEPS_ONE)
