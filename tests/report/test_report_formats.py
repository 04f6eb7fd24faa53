"""How numbers, names, bars and sparklines are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dltrain.report import bars, formats


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.0278, 1, "2.8%"), (0.11, 1, "11.0%"), (1.0, 1, "100.0%"), (-0.0001, 1, "0.0%"), (-0.003, 1, "-0.3%")],
)
def test_percent(value: float, decimals: int, text: str) -> None:
    assert formats.percent(value, decimals) == text


def test_percent_of_nothing() -> None:
    assert formats.percent(None) == formats.percent(math.nan) == formats.NOTHING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (12.345, "12.35"),
        (1234567.0, "1,235,000"),
        (53100.0, "53,100"),
        (999.96, "1,000"),
        (3.2e-8, "3.20e-08"),
        (math.inf, "inf"),
        (None, "—"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (10925, "3:02:05"), (math.inf, "-:--")]
)
def test_duration(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_decimals_follow_the_number_of_examples() -> None:
    assert formats.rate_decimals([359, None], [0.0278]) == 1
    assert formats.rate_decimals([10_000], [0.0278]) == 2
    assert formats.rate_decimals([None], [0.005, 0.01]) == 1
    assert formats.rate_decimals([None], [0.00125]) == 3
    assert formats.rate_decimals([], []) == 1


def test_control_characters_are_made_visible() -> None:
    assert formats.clean("a\x1b[31mred\x07\nb") == "a\\x1b[31mred\\x07 b"
    assert formats.clean("naïve 数字") == "naïve 数字"


@given(st.floats(0, 1), st.floats(0, 1), st.integers(4, 60))
def test_a_bar_never_leaves_its_width(value: float, more: float, width: int) -> None:
    drawn = bars.bar(value, min(1.0, value + more), width)
    assert len(drawn) <= width
    assert (drawn == "") == (value == 0 and round(min(1.0, value + more) * width) == 0)


def test_longer_bars_are_longer() -> None:
    assert bars.bar(0.5, 0.5, 8) == "████"
    assert bars.bar(0.5, 1.0, 8) == "████───┤"
    assert bars.bar(1 / 64, 0, 8) == "▏"
    assert bars.bar(1.0, 1.0, 8, clipped=True) == "███████▶"


@example([1.9e307, -1.6e308], 2)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50), st.integers(2, 30))
def test_a_sparkline_fits_and_skips_what_is_not_finite(values: list[float], width: int) -> None:
    line = bars.sparkline(values, width)
    assert len(line) == min(width, sum(math.isfinite(value) for value in values))


def test_a_sparkline_rises_with_its_values() -> None:
    assert bars.sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert bars.sparkline([3, 3], 8) == "▁▁"
