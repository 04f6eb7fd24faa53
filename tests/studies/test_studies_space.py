"""The scales of a search's space: places and values, boxes, conditions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.studies.space import KINDS, Linear, Log, LogWhole, OneMinusLog, Space, Values, Whole

UNITS = st.floats(0, 1)
POSITIVE = st.floats(1e-8, 1e8)
NUMBERS = st.floats(-1e6, 1e6)


@st.composite
def ranges(draw: Any) -> Any:
    kind = draw(st.sampled_from([Linear, Log, OneMinusLog, Whole, LogWhole, Values]))
    if kind is Values:
        return Values(tuple(draw(st.lists(st.integers(), min_size=1, max_size=6, unique=True))))
    numbers = {
        Linear: NUMBERS,
        Log: POSITIVE,
        OneMinusLog: st.floats(-10, 1 - 1e-7),
        Whole: st.integers(0, 10**6),
        LogWhole: st.integers(1, 10**6),
    }[kind]
    low, high = sorted((draw(numbers), draw(numbers)))
    return kind(low, high)


@given(ranges(), UNITS)
def test_every_place_has_a_value_of_the_range(one: Any, u: float) -> None:
    value = one.at(u)
    if one.scale == "choice":
        assert value in one.values
    else:
        assert one.low <= value <= one.high
        assert isinstance(value, int) == (type(one) in (Whole, LogWhole))


@given(ranges(), UNITS, UNITS)
def test_values_grow_with_their_places(one: Any, first: float, second: float) -> None:
    if one.scale != "choice" and first <= second:
        assert one.at(first) <= one.at(second)


@given(ranges(), UNITS)
def test_places_and_values_agree(one: Any, u: float) -> None:
    value = one.at(u)
    place = one.place(value)
    assert 0 <= place <= 1
    again = one.at(place)
    if type(one) in (Linear, Log, OneMinusLog):
        span = one.high - one.low
        assert again == pytest.approx(value, rel=2e-4, abs=2e-4 * span + 1e-12)
    else:
        assert again == value


@given(ranges(), UNITS, UNITS, UNITS)
def test_a_box_holds_what_is_drawn_in_it(one: Any, first: float, second: float, u: float) -> None:
    ends = [one.at(first), one.at(second)]
    if one.scale == "choice":
        assert one.within(ends).at(u) in ends
    else:
        box = one.within(sorted(ends))
        assert min(ends) <= box.at(u) <= max(ends)
        assert one.low <= box.at(u) <= one.high


def test_ends_are_exact() -> None:
    for one in (Linear(0.1, 0.7), Log(3e-5, 0.7), OneMinusLog(0.9, 0.999), Whole(3, 9), LogWhole(3, 900)):
        assert (one.at(0.0), one.at(1.0)) == (one.low, one.high)


def test_shares_of_the_decades() -> None:
    """Notes, 3.2: r uniform on [-4, 0] gives 10^r as many values in each decade; a linear scale 90 % in the top one."""
    us = (np.arange(4000) + 0.5) / 4000
    log = np.array([Log(1e-4, 1.0).at(u) for u in us])
    linear = np.array([Linear(1e-4, 1.0).at(u) for u in us])
    decades = [(1e-4, 1e-3), (1e-3, 1e-2), (1e-2, 1e-1), (1e-1, 1.0)]
    assert [np.mean((log >= low) & (log < high)) for low, high in decades] == pytest.approx([0.25] * 4, abs=0.001)
    assert np.mean(linear >= 0.1) == pytest.approx(0.9, abs=0.001)


def test_beta_moves_by_factors_of_what_it_averages() -> None:
    """The middle of 0.9 ... 0.999 is where 1/(1 - β) is the geometric mean of 10 and 1000: β = 0.99."""
    assert OneMinusLog(0.9, 0.999).at(0.5) == pytest.approx(0.99)
    windows = [1 / (1 - OneMinusLog(0.9, 0.999).at(u)) for u in (0, 0.25, 0.5, 0.75, 1)]
    assert np.diff(np.log(windows)) == pytest.approx([math.log(100) / 4] * 4, rel=1e-3)


def test_whole_numbers_have_equal_shares() -> None:
    values = [Whole(3, 6).at((n + 0.5) / 400) for n in range(400)]
    assert np.bincount(values).tolist() == [0, 0, 0, 100, 100, 100, 100]
    logs = [LogWhole(1, 3).at((n + 0.5) / 1000) for n in range(1000)]
    assert np.bincount(logs)[1:] / 1000 == pytest.approx(np.log([2, 3 / 2, 4 / 3]) / math.log(4), abs=0.001)


def settings(**more: Any) -> dict[str, dict[str, Any]]:
    return {
        "optimizer.kind": {"kind": "choice", "values": ["adam", "momentum"]},
        "optimizer.beta1": {"kind": "uniform", "low": 0.5, "high": 0.9, "when": {"optimizer.kind": "adam"}},
        "architecture.layers.1.units": {"kind": "int", "low": 4, "high": 8},
        "architecture.layers.count": {"kind": "int", "low": 1, "high": 2},
        **more,
    }


def test_what_does_not_count_is_not_drawn() -> None:
    space = Space.of(settings())
    assert space.sample([0.1, 0.0, 0.0, 0.9]) == {
        "optimizer.kind": "adam",
        "architecture.layers.count": 2,
        "optimizer.beta1": 0.5,
        "architecture.layers.1.units": 4,
    }
    assert space.sample([0.9, 0.0, 0.0, 0.1]) == {"optimizer.kind": "momentum", "architecture.layers.count": 1}


def test_kinds_and_numbers_of_layers_come_first() -> None:
    assert list(Space.of(settings()).sample([0.1, 0.0, 0.0, 0.9]))[:2] == [
        "optimizer.kind",
        "architecture.layers.count",
    ]


def test_a_condition_on_what_does_not_count_is_not_met() -> None:
    more = {"training.epochs": {"kind": "int", "low": 1, "high": 2, "when": {"optimizer.beta1": [0.5]}}}
    space = Space.of(settings(**more))
    assert "training.epochs" in space.sample([0.1, 0.0, 0.5, 0.1, 0.0])
    assert "training.epochs" not in space.sample([0.9, 0.0, 0.5, 0.1, 0.0])


def test_boxes_of_a_space() -> None:
    space = Space.of(settings())
    assert space.box["optimizer.kind"] == ["adam", "momentum"]
    assert space.box["architecture.layers.1.units"] == [4, 8]
    inside = space.within({"architecture.layers.1.units": [5, 6], "optimizer.kind": ["momentum"]})
    assert {inside["architecture.layers.1.units"].values.at(u / 10) for u in range(11)} == {5, 6}
    assert inside["optimizer.kind"].values.at(0.0) == "momentum"
    assert inside.box["optimizer.beta1"] == [0.5, 0.9]


def test_all_kinds_of_the_config_are_known() -> None:
    from dltrain.config.hints import kinds
    from dltrain.config.records_search import RangeChoice

    assert {*KINDS, "choice"} == set(kinds(RangeChoice))


def test_a_narrow_range_has_many_values_and_a_wide_one_short_numbers() -> None:
    narrow = [Linear(0.99999, 1.0), Log(1.000001, 1.000002), OneMinusLog(0.999990, 0.999991)]
    for one in narrow:
        assert len({one.at(step / 100) for step in range(100)}) == 100
    assert Log(1e-4, 1.0).at(1 / 7) == 0.00037276
