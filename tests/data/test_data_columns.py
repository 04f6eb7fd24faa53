"""Cells as numbers: category codes and days, against the standard library's own calendar."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.data.readers.columns import Vocabulary, days


def test_codes_are_places_in_order_of_first_appearance() -> None:
    words = Vocabulary(["b"])
    assert words.codes(["a", "b", "a", "c"]) == [1.0, 0.0, 1.0, 2.0]
    assert words.codes(["c", "d"]) == [2.0, 3.0]
    assert words.names == ("b", "a", "c", "d") and len(words) == 4


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_a_code_leads_back_to_its_name(known: list[str], cells: list[str]) -> None:
    words = Vocabulary(known)
    before = words.names
    codes = words.codes(cells)
    assert [words.names[int(code)] for code in codes] == cells
    assert words.names[: len(before)] == before == tuple(dict.fromkeys(known))


@given(st.dates())
def test_a_date_is_a_whole_number_of_days(day: dt.date) -> None:
    assert days(day.isoformat()) == (day - dt.date(1970, 1, 1)).days


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))


@given(st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1)), st.none() | ZONES | st.just(dt.UTC))
def test_a_time_is_a_fraction_of_its_day(moment: dt.datetime, zone: dt.timezone | None) -> None:
    moment = moment.replace(tzinfo=zone)
    since = moment.replace(tzinfo=zone or dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    exact = since / dt.timedelta(days=1)
    for text in (moment.isoformat(), moment.isoformat(" ")):
        assert days(text) == pytest.approx(exact, rel=1e-15, abs=1e-9)


def test_forms() -> None:
    assert days("1970-01-02T12:00") == days("1970-01-02 12:00:00.000Z") == 1.5
    assert days("1970-01-02T00:00+12:00") == 0.5
    assert days("1970-01-01T12:00-12:00") == 1.0
    assert days("1970-01-02T00:00+1200") == days("1970-01-02 00:00 +12") == days("1970-01-02 00:00:00 +12:00") == 0.5
    assert days("1970-01-01T10:30-0130") == 0.5


@pytest.mark.parametrize(
    "cell",
    ["", "2024", "2024-1-2", "20240102", "2024-W01-1", "2023-02-29", "2024-13-01", "0000-01-01", "2024-01-01 24:00"]
    + ["2024-01-01T", "2024-01-01 10", "2024-01-01T10:60", "2024-01-01T10:00:60", " 2024-01-01", "2024-01-01 "]
    + ["2024-01-01T10:00:00.", "2024-01-01+01:00", "2024-01-01T10:00 Z", "2024-01-01\n", "٢٠٢٤-01-01", "01/02/2024"],
)
def test_what_is_no_date(cell: str) -> None:
    assert days(cell) is None
