"""Gradients and curvatures against finite differences, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dltrain.autodiff import FUNCTIONS, Cost, parse

SMOOTH = st.sampled_from(["cos({})", "sin({})", "tanh({})", "sigmoid({})", "exp(sin({}))", "log(1 + ({})**2)"])
LEAVES = st.sampled_from(["w", "v", "2", "0.3", "-1.5"])
TEXTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: "({}{}{})".format(*parts)),
        st.tuples(inner, inner).map(lambda parts: "({}/(2 + cos({})))".format(*parts)),
        st.tuples(SMOOTH, inner).map(lambda parts: parts[0].format(parts[1])),
    ),
    max_leaves=8,
)
PLACES = st.tuples(st.floats(-2, 2), st.floats(-2, 2))


def differences(function, theta: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    """Two-sided, one a variable: error O(epsilon^2)."""
    steps = np.eye(theta.size) * epsilon
    return np.array([(function(theta + step) - function(theta - step)) / (2 * epsilon) for step in steps])


@given(TEXTS, PLACES)
def test_gradient_and_curvature_of_any_expression(text: str, at: tuple[float, float]) -> None:
    cost = Cost(parse(f"{text} + 0*w + 0*v"))
    theta = np.array(at)
    value, gradient = cost.with_gradient(theta)
    assume(abs(value) < 1e3 and np.abs(gradient).max() < 1e3)
    assert value == cost(theta)
    H = cost.curvature(theta)
    assume(np.abs(H).max() < 1e3)
    assert gradient == pytest.approx(differences(cost, theta), rel=1e-4, abs=1e-4)
    assert H == pytest.approx(differences(lambda near: cost.with_gradient(near)[1], theta), rel=1e-3, abs=1e-3)
    assert (H == H.T).all()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_gradient_of_each_function(name: str) -> None:
    arguments = ["w", "v", "w*v"][: FUNCTIONS[name].most or 3]
    cost = Cost(parse(f"{name}({', '.join(arguments)}) + w + v"))
    theta = np.array([0.7, 1.9])
    assert cost.with_gradient(theta)[1] == pytest.approx(differences(cost, theta), rel=1e-7)


@pytest.mark.parametrize(
    "text, at, wanted",
    [
        ("w**2 - 10*w + 25", 0.0, -10.0),
        ("abs(w)", 0.0, 0.0),
        ("abs(w)", -2.0, -1.0),
        ("relu(w)", 0.0, 0.0),
        ("relu(w)", 1.0, 1.0),
        ("max(w, 2*w)", 0.0, 1.5),
        ("2**w", 3.0, 8 * np.log(2)),
        ("w**w", 2.0, 4 * (np.log(2) + 1)),
        ("1/w", 4.0, -1 / 16),
        ("w**0", 3.0, 0.0),
        ("w - w", 3.0, 0.0),
        ("5 + 0*w", 3.0, 0.0),
        ("max(w, 3)", 1.0, 0.0),
    ],
)
def test_derivatives_by_hand(text: str, at: float, wanted: float) -> None:
    assert Cost(parse(text)).with_gradient(np.array([at]))[1][0] == pytest.approx(wanted, rel=1e-14)


def test_curvature_of_the_saddle_and_the_plateau() -> None:
    assert Cost(parse("saddle(a, b)")).curvature(np.zeros(2)).tolist() == [[2.0, 0.0], [0.0, -1.0]]
    assert Cost(parse("plateau(a, b)")).curvature(np.array([3.0, 3.0])).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    gradient = Cost(parse("plateau(a, b)")).with_gradient(np.zeros(2))[1]
    assert gradient == pytest.approx(np.full(2, -3 * np.exp(-9)))


def test_what_is_not_finite_comes_back() -> None:
    with np.errstate(all="raise"):
        assert Cost(parse("log(w)"))(np.zeros(1)) == -np.inf
        assert not np.isfinite(Cost(parse("sqrt(w)")).with_gradient(np.zeros(1))[1]).any()
        assert np.isnan(Cost(parse("(w - 2)**0.5"))(np.zeros(1)))
