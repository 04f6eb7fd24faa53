"""Rates from text, and what a dev set can show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.diagnosis import parse_rate, smallest_gap
from dltrain.diagnosis.intervals import wilson
from dltrain.diagnosis.rates import percent
from dltrain.errors import InputError


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1%", 0.01),
        ("0.11", 0.11),
        ("15 %", 0.15),
        ("0.5%", 0.005),
        (" .1% ", 0.001),
        ("0", 0.0),
        ("-0", 0.0),
        ("1", None),
        ("1.0", None),
        ("100%", 1.0),
        ("1e-3", 0.001),
        ("2.", None),
    ],
)
def test_rates_are_read_exactly(text: str, rate: float | None) -> None:
    if rate is None:
        with pytest.raises(InputError):
            parse_rate(text)
    else:
        assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["abc", "1.1", "-1%", "", "%", "101%", "nan", "inf", "1_0%", "1%%", "0x1", "1e999", "٣%", "0,11", "12"]
)
def test_what_is_no_rate_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_rate(text, "--dev-error")
    (problem,) = refusal.value.problems
    assert problem.key == "--dev-error"
    assert repr(text) in problem.message
    assert "\n" not in problem.line()


@pytest.mark.parametrize(("text", "meant"), [("0,11", "0.11"), ("1,5%", "1.5%"), ("12", "12%")])
def test_a_likely_meaning_is_offered(text: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean {meant}"):
        parse_rate(text)


@given(st.text(max_size=12))
def test_any_text_is_a_rate_or_refused(text: str) -> None:
    try:
        assert 0 <= parse_rate(text) <= 1
    except InputError as refusal:
        assert len(refusal.problems) == 1


@given(st.integers(0, 10_000))
def test_a_percentage_is_the_nearest_number(hundredths: int) -> None:
    assert parse_rate(f"{hundredths / 100}%") == hundredths / 10_000


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0326, "3.3%"), (0.02, "2%"), (0.0042, "0.42%"), (0.5, "50%"), (0.0, "0%"), (-1e-9, "0%")]
)
def test_percent(rate: float, text: str) -> None:
    assert percent(rate) == text


def test_the_sentence_of_a_small_dev_set() -> None:
    reach = smallest_gap(114, 0.02, 0.95)
    assert reach.smallest == pytest.approx(0.0326, abs=5e-5)
    assert reach.needed == 189
    assert not reach.enough
    assert reach.text() == "dev has 114 examples: a gap below 2% cannot be shown; 189 or more are needed"
    assert (
        smallest_gap(360, 0.02, 0.95).text("train_dev") == "train_dev has 360 examples: gaps from 1.1% on can be shown"
    )


@given(threshold=st.floats(1e-4, 2), confidence=st.floats(0.5, 0.999), n=st.integers(1, 10**6))
def test_needed_is_the_smallest_number_that_can_show_the_threshold(threshold: float, confidence: float, n: int) -> None:
    reach = smallest_gap(n, threshold, confidence)
    assert reach.enough == (n >= reach.needed)
    assert threshold >= 1 or wilson(0.0, reach.needed + 1e-6, confidence).high < threshold + 1e-15
    assert reach.needed == 1 or wilson(0.0, reach.needed - 1 - 1e-6, confidence).high > threshold - 1e-15
