"""Verdicts of gaps by hand, and how many examples settle an open one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dltrain.diagnosis.estimates import Estimate, Measurement, estimate
from dltrain.diagnosis.gaps import Gap, Question, existence_rule, size_rule
from dltrain.diagnosis.intervals import wilson, z_value

SIZE = Question("dev", "train", size_rule, 0.02, 0.95)
EXISTENCE = Question("dev", "train_dev", existence_rule, 0.02, 0.95)


def part(name: str, value: float, n: int | None = None) -> Estimate:
    return estimate(name, Measurement(value, n=n), task="binary", confidence=0.95)


def variance(dev: float, n: int | None, train: float) -> Gap:
    return SIZE.answer(part("dev", dev, n), part("train", train, 1000))


@pytest.mark.parametrize(
    ("low", "high", "size", "existence"),
    [
        (0.03, 0.05, "high", "high"),
        (0.02, 0.05, "undetermined", "high"),
        (0.01, 0.05, "undetermined", "high"),
        (0.001, 0.01, "low", "high"),
        (0.0, 0.05, "undetermined", "undetermined"),
        (-0.01, 0.02, "low", "undetermined"),
        (-0.01, 0.019, "low", "low"),
        (-0.05, -0.01, "low", "low"),
        (0.03, 0.03, "high", "high"),
        (0.02, 0.02, "low", "high"),
    ],
)
def test_the_two_rules(low: float, high: float, size: str, existence: str) -> None:
    assert size_rule(low, high, 0.02) == size
    assert existence_rule(low, high, 0.02) == existence


def test_variance_is_devs_interval_shifted_by_the_exact_training_error() -> None:
    gap = variance(0.11, 1000, 0.01)
    ends = wilson(0.11, 1000, 0.95)
    assert (gap.low, gap.high) == pytest.approx((ends.low - 0.01, ends.high - 0.01))
    assert (gap.value, gap.verdict, gap.point, gap.settle) == (0.1, "high", "high", None)


def test_a_gap_at_the_threshold_is_low_despite_rounding() -> None:
    assert 0.07 - 0.05 > 0.02  # in floating point
    assert variance(0.07, None, 0.05).verdict == "low"
    assert variance(0.03, None, 0.01).verdict == "low"


def test_without_sizes_the_values_decide_and_no_interval_is_claimed() -> None:
    gap = variance(0.11, None, 0.01)
    assert (gap.low, gap.high, gap.verdict, gap.point) == (None, None, "high", "high")
    small = EXISTENCE.answer(part("dev", 0.105), part("train_dev", 0.1, 500))
    assert (small.low, small.verdict) == (None, "low")


def test_settling_a_gap_by_the_formula() -> None:
    """dev 5 %, train 1 %: n* is near z²·p(1 − p)/(gap − threshold)²."""
    gap = variance(0.05, 200, 0.01)
    formula = z_value(0.95) ** 2 * 0.05 * 0.95 / (0.04 - 0.02) ** 2
    assert gap.verdict == "undetermined"
    assert gap.settle is not None
    assert gap.settle["part"] == "dev"
    assert gap.settle["if"] == "the rate stays as observed"
    assert 200 + gap.settle["more"] == pytest.approx(formula, rel=0.4)


def test_a_gap_close_to_the_threshold_is_not_settled() -> None:
    gap = variance(0.0301, 300, 0.01)
    assert gap.settle == {"part": "dev", "more": None, "if": "too close to the threshold to settle"}


def test_mismatch_grows_both_parts_in_their_ratio() -> None:
    gap = EXISTENCE.answer(part("dev", 0.06, 400), part("train_dev", 0.04, 200))
    assert gap.verdict == "undetermined"
    assert gap.settle is not None
    assert gap.settle["part"] == "dev"
    more, also = gap.settle["more"], gap.settle["also"]
    assert also == {"part": "train_dev", "more": math.ceil(more / 2)}
    assert gap.settle["if"] == "the rates stay as observed"
    settled = EXISTENCE.answer(part("dev", 0.06, 400 + more), part("train_dev", 0.04, 200 + also["more"]))
    assert settled.verdict == "high"


@given(
    dev=st.floats(0, 1),
    n=st.integers(1, 10**5),
    place=st.floats(-0.99, 0.99),
    threshold=st.sampled_from([0.005, 0.02, 0.1]),
)
def test_so_many_examples_settle_it_and_one_fewer_does_not(dev: float, n: int, place: float, threshold: float) -> None:
    """The gap lies off the threshold by a part of its interval's width."""
    question = Question("dev", "train", size_rule, threshold, 0.95)
    ends = wilson(dev, n, 0.95)
    width = dev - ends.low if place > 0 else ends.high - dev
    fitted = part("train", dev - threshold - place * width)
    gap = question.answer(part("dev", dev, n), fitted)
    assume(gap.verdict == "undetermined")
    assert gap.settle is not None
    if gap.settle["more"] is None:
        assert question.answer(part("dev", dev, 100 * n), fitted).verdict == "undetermined"
    else:
        enough = n + gap.settle["more"]
        assert n < enough <= 100 * n
        assert question.answer(part("dev", dev, enough), fitted).verdict == gap.point
        assert question.answer(part("dev", dev, enough - 1), fitted).verdict == "undetermined"


@given(a=st.floats(0, 1), n_a=st.integers(1, 10**5), b=st.floats(0, 1), n_b=st.integers(1, 10**5))
def test_a_mismatch_is_consistent_with_its_interval(a: float, n_a: int, b: float, n_b: int) -> None:
    gap = EXISTENCE.answer(part("dev", a, n_a), part("train_dev", b, n_b))
    assert gap.low is not None and gap.high is not None
    assert -1 - 1e-9 <= gap.low <= gap.value <= gap.high <= 1 + 1e-9
    assert gap.verdict == existence_rule(gap.low, gap.high, 0.02)
    assert (gap.settle is None) == (gap.verdict != "undetermined")
    if gap.settle and gap.settle["more"] is not None:
        grown = (n_a + gap.settle["more"], n_b + gap.settle["also"]["more"])
        assert EXISTENCE.answer(part("dev", a, grown[0]), part("train_dev", b, grown[1])).verdict != "undetermined"


def test_the_interval_of_a_mean_settles_as_one_over_root_n(rng: np.random.Generator) -> None:
    errors = rng.standard_normal(100) ** 2 * 0.05
    dev = estimate("dev", Measurement(float(errors.mean()), errors=errors), task="regression", confidence=0.95)
    assert dev.method == "t_skew"
    train = estimate("train", Measurement(dev.value - 0.03), task="regression", confidence=0.95)
    gap = SIZE.answer(dev, train)
    assert gap.verdict == "undetermined"
    assert gap.settle is not None and dev.low is not None
    expected = 100 * ((dev.value - dev.low) / 0.01) ** 2
    assert 100 + gap.settle["more"] == pytest.approx(expected, abs=2)


def test_a_sampled_training_error_has_an_interval_and_can_settle_a_bias() -> None:
    train = estimate("train", Measurement(0.025, n=500, population=2000), task="binary", confidence=0.95)
    assert train.method == "wilson_finite"
    bias = Question("train", "bayes", size_rule, 0.02, 0.95)
    gap = bias.answer(train, part("bayes", 0.0))
    assert gap.verdict == "undetermined"
    assert gap.settle is not None and gap.settle["part"] == "train"
    assert 0 < gap.settle["more"] <= 1500


def test_a_measured_bayes_error_can_be_measured_better() -> None:
    bias = Question("train", "bayes", size_rule, 0.02, 0.95)
    gap = bias.answer(part("train", 0.08, 5000), part("bayes", 0.05, 100))
    assert gap.verdict == "undetermined"
    assert gap.settle is not None and gap.settle["part"] == "bayes"
