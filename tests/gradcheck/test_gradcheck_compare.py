"""The ratio, its bands, and the floor of round-off (contract: the gradient check)."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dltrain.errors import InputError
from dltrain.gradcheck import check
from dltrain.gradcheck.compare import Comparison, band, best, relative_difference, round_off
from dltrain.gradcheck.result import BlockResult


class Given:
    """J = c·θ + offset, with any gradient one likes."""

    def __init__(self, slope: list[float], gradient: list[float], offset: float = 0.0) -> None:
        self.slope, self.given, self.offset = np.array(slope), np.array(gradient), offset
        self.theta = np.full(len(slope), 0.5)
        self.blocks = [("first", slice(0, 1)), ("second", slice(1, len(slope)))]

    def cost(self, theta: np.ndarray) -> float:
        return float(self.slope @ (theta - 0.5)) + self.offset

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return self.given


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0, "great"),
        (1e-7, "great"),
        (9.9e-7, "great"),
        (1e-6, "okay, double check"),
        (1e-5, "okay, double check"),
        (9.9e-5, "okay, double check"),
        (1e-4, "not good"),
        (1e-3, "not good"),
        (math.inf, "not good"),
        (math.nan, "not good"),
    ],
)
def test_bands(ratio: float, expected: str) -> None:
    assert band(ratio) == expected


def test_the_ratio_by_hand() -> None:
    # ‖(3, 4) − (0, 0)‖/(5 + 0) = 1; ‖(0, 2)‖/(√2 + √10)
    assert relative_difference(np.array([3.0, 4.0]), np.zeros(2)) == 1
    ratio = relative_difference(np.array([1.0, 1.0]), np.array([1.0, 3.0]))
    assert ratio == pytest.approx(2 / (math.sqrt(2) + math.sqrt(10)))
    assert relative_difference(np.zeros(3), np.zeros(3)) == 0
    assert relative_difference(np.array([1.0]), np.array([np.nan])) == math.inf


_vectors = arrays(float, 4, elements=st.floats(-1e6, 1e6, width=32))


@settings(deadline=None)
@given(_vectors, _vectors, st.floats(1e-3, 1e3))
def test_the_ratio_is_symmetric_between_0_and_1_and_without_scale(a: np.ndarray, b: np.ndarray, c: float) -> None:
    ratio = relative_difference(a, b)
    assert 0 <= ratio <= 1 + 1e-12
    assert ratio == pytest.approx(relative_difference(b, a))
    assert relative_difference(c * a, c * b) == pytest.approx(ratio, abs=1e-9)


def test_the_floor_by_hand() -> None:
    # 10 · 2.22e-16 · 1 · √4 / 1e-7 = 4.44e-8
    assert round_off(0.3, 4, 1e-7) == pytest.approx(4.440892098500626e-8)
    assert round_off(-5.0, 4, 1e-7) == pytest.approx(5 * 4.440892098500626e-8)


def test_the_worst_block_decides_although_theta_as_a_whole_is_fine() -> None:
    """A small bias that is wholly wrong hides behind a large W in the ratio over theta."""
    slope = [1e-3, *[1e3] * 50]
    report = check(Given(slope, [2e-3, *slope[1:]]))
    assert report.ratio < 1e-6
    assert (report.worst.name, report.verdict, report.exit_code) == ("first", "not good", 4)
    assert report.worst.ratio == pytest.approx(1 / 3, rel=1e-6)


@pytest.mark.parametrize(
    ("factor", "verdict", "code"),
    [(1.0, "great", 0), (1 + 2e-5, "okay, double check", 0), (1 + 1e-3, "not good", 4)],
)
def test_the_three_verdicts(factor: float, verdict: str, code: int) -> None:
    report = check(Given([1.0, 2.0, -3.0], [factor, 2.0, -3.0]))
    assert (report.verdict, report.exit_code) == (verdict, code)
    assert (report.culprit is None) == (code == 0)


def test_round_off_is_measured_again_and_the_best_epsilon_counts() -> None:
    """Round-off of a J of about 100 spoils ε = 1e-7 (about 1e-14/1e-7 of slopes near 0.01), not ε = 1e-4."""
    slope = [0.012345, 0.013456, -0.014567]
    report = check(Given(slope, slope, offset=100.12345))
    for block in report.blocks:
        assert block.at_round_off
        assert block.best.epsilon > 1e-7
        assert block.ratio < 1e-7
    assert report.ratio_at_epsilon > 1e-7 > report.ratio
    assert report.verdict == "great"


def test_a_mistake_is_not_taken_for_round_off() -> None:
    """At ε = 1e-7 the wrong 1e-9 lies below the floor; over wider ε it does not go away."""
    report = check(Given([1e-9, 1.0], [3e-9, 1.0]))
    assert report.blocks[0].at_round_off
    assert report.verdict == "not good"


def test_two_zero_blocks_give_0() -> None:
    report = check(Given([0.0, 1.0], [0.0, 1.0]))
    assert report.blocks[0].ratio == 0
    assert report.verdict == "great"


def test_what_cannot_be_told_from_zero_counts_as_zero() -> None:
    """A true gradient of exactly 0 comes out of backward propagation as 1e-18, and out of J as round-off."""
    report = check(Given([0.0, 1.0], [1e-18, 1.0]))
    assert (report.blocks[0].ratio, report.verdict) == (0, "great")


def _comparison(epsilon: float, difference: float, floor: float, norm: float = 1.0, n: int = 10) -> Comparison:
    return Comparison(epsilon, n, 10 - n, difference, norm, norm, floor)


def test_a_vanished_gradient_is_never_worse_than_okay() -> None:
    """Round-off explains the difference at every ε: there is no proof of a mistake, nor of none."""
    vanished = [_comparison(e, 0.1 * f, f, norm=1.5 * f) for e, f in ((1e-7, 1e-8), (1e-4, 1e-11))]
    assert BlockResult("W1", 10, tuple(vanished)).band == "okay, double check"
    shown = [vanished[0], _comparison(1e-4, 2e-11, 1e-11)]
    assert BlockResult("W1", 10, (shown[0], _comparison(1e-4, 2e-2, 1e-11))).band == "not good"
    assert BlockResult("W1", 10, tuple(shown)).band == "great"


def test_a_wide_epsilon_that_lost_most_coordinates_to_kinks_does_not_speak_for_the_block() -> None:
    narrow, wide = _comparison(1e-7, 1e-3, 1e-2), _comparison(1e-4, 0.0, 1e-5, n=2)
    assert best([narrow, wide]) is narrow
    assert best([narrow, _comparison(1e-4, 0.0, 1e-5, n=5)]).epsilon == 1e-4


def test_the_report_as_json() -> None:
    report = check(Given([1.0, 2.0], [1.0, 5.0]), samples=2)
    plain = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert plain["verdict"] == "not good"
    assert plain["worst"] == "second"
    assert plain["at"] == "initialization"
    assert (plain["epsilon"], plain["samples"], plain["size"], plain["compared"], plain["kinks"]) == (1e-7, 2, 2, 2, 0)
    assert [block["band"] for block in plain["blocks"]] == ["great", "not good"]
    assert plain["blocks"][1]["ratio"] == pytest.approx(3 / 7)
    assert plain["culprit"]["block"] == "second"
    assert plain["culprit"]["worst"] == {"index": [0], "approx": pytest.approx(2.0), "gradient": 5.0}


def test_nan_in_the_gradient_is_not_good_and_null_in_json() -> None:
    report = check(Given([1.0, 2.0, 3.0], [1.0, np.nan, 3.0]))
    assert (report.verdict, report.culprit.kind) == ("not good", "not_finite")
    plain = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert plain["ratio"] is None and plain["blocks"][1]["ratio"] is None


@pytest.mark.parametrize("epsilon", [0.0, -1e-7, 1.0, math.nan])
def test_epsilon_out_of_range_is_refused(epsilon: float) -> None:
    with pytest.raises(InputError, match="epsilon"):
        check(Given([1.0, 2.0], [1.0, 2.0]), epsilon=epsilon)


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        check(Given([1.0, 2.0], [1.0, 2.0]), epsilon=0, samples=0)
    assert len(caught.value.problems) == 2


def test_a_cost_that_changes_by_itself_is_refused() -> None:
    class Dice(Given):
        calls = 0

        def cost(self, theta: np.ndarray) -> float:
            self.calls += 1
            return super().cost(theta) + self.calls

    with pytest.raises(InputError, match="dropout"):
        check(Dice([1.0, 2.0], [1.0, 2.0]))


def test_a_cost_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="nan"):
        check(Given([1.0, 2.0], [1.0, 2.0], offset=math.nan))


def test_a_stationary_point_is_no_failure() -> None:
    """sinh x − x has gradient 0 at 0; at ε = 1e-4 the formula's own error is above round-off."""

    class Flat(Given):
        def cost(self, theta: np.ndarray) -> float:
            return float(np.sinh(theta - 0.5).sum() - (theta - 0.5).sum() + 0.7)

    report = check(Flat([1.0, 1.0], [1e-17, 0.0]))
    assert report.blocks[0].comparisons[1].approx_norm > report.blocks[0].comparisons[1].floor
    assert (report.ratio, report.verdict) == (0, "great")
