"""Planted mistakes: each is found in its layer and called by its name."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck_planted import Planted

from dltrain.gradcheck import Details, check

PLANTED = {
    "mean missing": ("W4", "mean_missing"),
    "mean twice": ("W4", "mean_twice"),
    "sign": ("W4", "sign"),
    "twice": ("W4", "factor_two"),
    "factor 3.7": ("W4", "constant_factor"),
    "loss": ("W4", "output"),
    "activation 3": ("W3", "propagation"),
    "dA without transpose": ("W1", "propagation"),
    "gamma": ("gamma2", "product"),
    "zero gamma2": ("gamma2", "zero_gradient"),
    "batch norm mean": ("W2", "batch_norm_term"),
    "batch norm variance": ("W2", "batch_norm_term"),
    "batch norm scale": ("W2", "batch_norm_scale"),
    "transposed W2": ("W2", "transposed"),
    "transposed data part of W2": ("W2", "transposed"),
    "layout of W3": ("W3", "transposed"),
    "input of W3": ("W3", "product"),
    "units of W3": ("W3", "unit_factor"),
    "one entry of W3": ("W3", "entries"),
    "nan": ("W3", "not_finite"),
    "zero b3": ("b3", "zero_gradient"),
    "bias of one example": ("b3", "bias_not_summed"),
    "bias over units": ("b3", "bias_not_summed"),
    "bias is m times": ("b1", "mean_missing"),
}
OF_REGULARIZATION = {
    "regularization of W2 missing": ("W2", "regularization_missing"),
    "regularization of W4 doubled": ("W4", "regularization_doubled"),
    "regularization not divided by m": ("W4", "regularization_scaled"),
    "regularization on b4": ("b4", "regularization_extra"),
}


@pytest.mark.parametrize("penalty", ["l2", "l1", "none"])
@pytest.mark.parametrize("details", [True, False])
def test_without_a_mistake_the_network_is_right(penalty: str, details: bool) -> None:
    report = check(Planted("", penalty, details))
    assert (report.verdict, report.culprit) == ("great", None)


@pytest.mark.parametrize("penalty", ["l2", "l1", "none"])
@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_named(mistake: str, penalty: str) -> None:
    report = check(Planted(mistake, penalty))
    assert report.verdict == "not good"
    assert (report.culprit.block, report.culprit.kind) == PLANTED[mistake]
    assert report.culprit.layer == int(report.culprit.block[-1])


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("mistake", OF_REGULARIZATION)
def test_a_mistake_of_regularization_is_named(mistake: str, penalty: str) -> None:
    report = check(Planted(mistake, penalty))
    assert (report.culprit.block, report.culprit.kind) == OF_REGULARIZATION[mistake]


@pytest.mark.parametrize("mistake", PLANTED)
def test_names_of_blocks_are_details_enough(mistake: str) -> None:
    """A user's module tells no layers, roles or shapes; W3, b3 and gamma2 say them."""
    report = check(Planted(mistake, "none", details=False))
    assert (report.culprit.block, report.culprit.kind) == PLANTED[mistake]


def test_missing_regularization_is_found_without_details() -> None:
    assert check(Planted("regularization of W2 missing", "l2", False)).culprit.kind == "regularization_missing"
    assert check(Planted("regularization of W4 doubled", "l2", False)).culprit.kind == "regularization_extra"


@pytest.mark.parametrize("mistake", ["mean missing", "sign", "regularization of W2 missing", "zero b3", "activation 3"])
def test_a_sample_is_enough_for_the_usual_mistakes(mistake: str) -> None:
    report = check(Planted(mistake), samples=30)
    assert report.compared == 30
    assert (report.culprit.block, report.culprit.kind) == (PLANTED | OF_REGULARIZATION)[mistake]


def test_a_parameter_that_the_cost_forgets() -> None:
    problem = Planted("cost leaves out b3")
    problem.theta[dict(problem.blocks)["b3"]] = 0  # so that all else agrees
    report = check(problem)
    assert (report.culprit.block, report.culprit.kind) == ("b3", "constant_cost")


def test_a_known_quantity_is_named_with_the_factor() -> None:
    problem = Planted("factor 3.7")
    problem.details = Details(places=problem.details.places, known=True, quantities={"keep_prob of layer 3": 1 / 3.7})
    assert "keep_prob of layer 3" in check(problem).culprit.explanation


def test_the_mean_and_the_variance_term_are_told_apart() -> None:
    assert "mean" in check(Planted("batch norm mean")).culprit.explanation
    assert "variance" in check(Planted("batch norm variance")).culprit.explanation


def test_a_mistake_in_dZ_says_so() -> None:
    assert "look at its dZ" in check(Planted("mean missing")).culprit.explanation
    assert "dZ" not in check(Planted("bias is m times")).culprit.explanation


def test_the_entry_furthest_off_is_shown() -> None:
    worst = check(Planted("one entry of W3")).culprit.worst
    assert worst.index == (2, 1)
    assert worst.gradient - worst.approx == pytest.approx(0.1, abs=1e-6)


def test_blocks_without_numbers_go_backward_by_their_order() -> None:
    class Named(Planted):
        def __init__(self) -> None:
            super().__init__("activation 3", details=False)
            words = iter(["in", "shift", "inner", "scale", "offset", "middle", "bump", "out", "last"])
            self.blocks = [(next(words), where) for _, where in self.blocks]

    culprit = check(Named()).culprit
    assert culprit.layer is None
    assert culprit.block == "bump"


def test_one_lonely_bias_gets_no_factor_invented() -> None:
    """Any factor fits a single number; only a known one is called by name."""

    class Bias:
        theta, blocks = np.array([0.3]), [("b1", slice(0, 1))]

        def __init__(self, factor: float) -> None:
            self.factor = factor

        def cost(self, theta: np.ndarray) -> float:
            return float(np.sin(theta[0]))

        def gradient(self, theta: np.ndarray) -> np.ndarray:
            return self.factor * np.cos(theta)

    assert check(Bias(-1.0)).culprit.kind == "sign"
    assert check(Bias(1.2345)).culprit.kind not in ("constant_factor", "regularization_scaled")
