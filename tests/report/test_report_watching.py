"""Curves in braille, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.report.braille import BLANK, DOTS, Line, Scale, draw

NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True)


def dots(lines: list[Line], scale: Scale, width: int, height: int) -> set[tuple[int, int]]:
    """{(x, y)} of every dot, from the upper left."""
    found = set()
    for row, text in enumerate(draw(lines, scale, width, height)):
        assert len(text.plain) == width
        for column, char in enumerate(text.plain):
            bits = 0 if char == " " else ord(char) - BLANK
            places = [(x, y) for y in range(4) for x in range(2) if bits & DOTS[y][x]]
            found |= {(2 * column + x, 4 * row + y) for x, y in places}
    return found


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right() -> None:
    assert dots([Line([8, 0])], Scale(0, 8), 2, 1) == {(0, 0), (1, 1), (2, 2), (3, 3)}
    assert dots([Line([0, 8])], Scale(0, 8), 2, 1) == {(0, 3), (1, 2), (2, 1), (3, 0)}


def test_a_gap_is_not_drawn_over() -> None:
    assert dots([Line([1.0, None, 1.0])], Scale(0, 1), 2, 1) == {(0, 0), (3, 0)}
    assert dots([Line([1.0, math.nan, 1.0])], Scale(0, 1), 2, 1) == {(0, 0), (3, 0)}


def test_steps_on_a_logarithmic_scale_are_equal_and_zero_is_its_foot() -> None:
    scale = Scale.of([0, 0.001, 0.01, 0.1, 1.0], log=True)
    assert (scale.low, scale.high, scale.log) == (0.001, 1.0, True)
    assert [scale.share(value) for value in (0, 0.001, 0.01, 0.1, 1.0)] == pytest.approx([0, 0, 1 / 3, 2 / 3, 1])
    assert Scale.of([]).share(7) == 7 and Scale.of([3, 3]).share(3) == 0.5


def test_the_first_line_gives_the_colour_where_two_cross() -> None:
    rows = draw([Line([1, 1], "blue"), Line([1, 0], "red")], Scale(0, 1), 2, 1)
    assert [span.style for span in rows[0].spans] == ["blue"]
    (row,) = draw([Line([1, 1], "blue")], Scale(0, 1), 3, 1, ascii_only=True)
    assert row.plain == "***"


def test_a_dotted_line_has_fewer_dots() -> None:
    whole, dotted = (dots([Line([0, 1], dotted=one)], Scale(0, 1), 30, 4) for one in (False, True))
    assert dotted < whole and len(dotted) < len(whole) / 2


@given(st.lists(NUMBERS, max_size=20), st.integers(1, 12), st.integers(1, 4), st.booleans())
def test_any_values_stay_inside(values: list[float | None], width: int, height: int, log: bool) -> None:
    scale = Scale.of(values, log)
    found = dots([Line(values)], scale, width, height)
    assert all(0 <= x < 2 * width and 0 <= y < 4 * height for x, y in found)
    assert bool(found) == any(value is not None and math.isfinite(value) for value in values)
