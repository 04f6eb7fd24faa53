"""A settled split draws the same rows again, and settling it again changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.config.records import Data, Experiment, Split
from dltrain.config.shares import settled_split
from dltrain.data.raw import as_text
from dltrain.data.splitting.sizes import settle_apart, settle_sizes
from dltrain.data.splitting.split import draw

PARTS = ("train", "train_dev", "dev", "test")
N = 500
TIMES = np.arange(N) * 37 % 101 / 2
KEYS = as_text([f"k{number}" for number in range(N)])
SAID = as_text([("train", "dev", "train", "test", "train_dev")[number % 5] for number in range(N)])
CLASSES = np.arange(N) * 7 % 11 % 3
GROUPS = np.arange(N) * 13 % 61 // 2

KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "random": ({}, {}),
    "stratified": ({}, {"classes": CLASSES}),
    "grouped": ({"group": "g"}, {"groups": GROUPS}),
    "stratified and grouped": ({"group": "g"}, {"groups": GROUPS, "classes": CLASSES}),
    "time": ({"by": "time", "column": "c"}, {"column": TIMES}),
    "hash": ({"by": "hash", "column": "c"}, {"column": KEYS}),
}
SHARES: list[dict[str, Any]] = [
    {},
    {"train_dev": 0.1},
    {"dev": 0.3},
    {"train": 0.7, "dev": 0.1, "test": 0.2, "train_dev": 0.25},
    {"train": 1.0, "dev": 0, "test": 0},
]
COUNTED: list[dict[str, Any]] = [
    {"train": 300, "dev": 150, "test": 50},
    {"train": "rest", "dev": 100, "test": 0.2, "train_dev": 40},
]


def again(split: Split, values: dict[str, Any]) -> tuple[Split, dict[str, Any], dict[str, Any]]:
    """The settled split; what was drawn, and what it draws."""
    stratify = "classes" in values
    first = draw(split, settle_sizes(split, N, ()), N, **values).rows
    parts = {part: len(rows) for part, rows in first.items() if len(rows)}
    settled = settled_split(Experiment(data=Data(source="a.csv"), split=split), parts, stratify)
    second = draw(settled, settle_sizes(settled, N, ()), N, **values).rows
    assert settled_split(Experiment(data=Data(source="a.csv"), split=settled), parts, stratify) == settled
    return settled, first, second


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.sampled_from([*SHARES, *COUNTED]), st.integers(0, 2**62))
def test_a_settled_split_draws_the_same_rows(kind: str, shares: dict[str, Any], seed: int) -> None:
    fixed, values = KINDS[kind]
    if kind == "hash" and shares in COUNTED:
        shares = SHARES[0]
    settled, first, second = again(Split(**fixed, **shares, seed=seed), values)
    assert all(np.array_equal(first[part], second[part]) for part in PARTS)
    assert None not in (settled.train, settled.dev, settled.test)
    assert settled.stratify is (values.get("classes") is not None)


def test_what_a_column_says_is_not_written_as_shares() -> None:
    settled, first, second = again(Split(by="column", column="c"), {"column": SAID})
    assert (settled.train, settled.dev, settled.test, settled.train_dev) == (None, None, None, 0)
    assert all(np.array_equal(first[part], second[part]) for part in PARTS)


@pytest.mark.parametrize(
    ("kind", "shares", "written"),
    [
        ("random", {}, (300, 0, 100, 100)),
        ("time", {"train_dev": 0.1}, (270, 30, 98, 102)),
        ("hash", {}, (0.6, 0, 0.2, 0.2)),
        ("hash", {"dev": 0.3, "train_dev": 0.1}, (0.7, 0.1, 0.3, 0)),
        ("grouped", {}, (0.6, 0, 0.2, 0.2)),
        ("grouped", {"train": "rest", "dev": 100, "test": 0, "train_dev": 20}, ("rest", 20, 100, 0)),
    ],
)
def test_what_is_written(kind: str, shares: dict[str, Any], written: tuple[Any, ...]) -> None:
    fixed, values = KINDS[kind]
    settled, first, _ = again(Split(**fixed, **shares), values)
    if kind == "time":
        written = tuple(len(first[part]) for part in PARTS)
        assert sum(written) == N
    assert (settled.train, settled.train_dev, settled.dev, settled.test) == written


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("shares", [{}, {"dev": 0.25, "train_dev": 0.1}, {"test": 0.5}])
def test_two_sources_are_settled_too(kind: str, shares: dict[str, Any]) -> None:
    fixed, values = KINDS[kind]
    split = Split(**fixed, **shares)
    data = Data(source="a.csv", dev_test_source="b.csv")

    def both(split: Split) -> dict[str, Any]:
        source, other = (draw(split, sizes, N, **values).rows for sizes in settle_apart(split, N, N))
        return {"train": source["train"], "train_dev": source["train_dev"], "dev": other["dev"], "test": other["test"]}

    first = both(split)
    parts = {part: len(rows) for part, rows in first.items()}
    settled = settled_split(Experiment(data=data, split=split), parts, "classes" in values)
    assert settled.train is None and settled.dev is not None and settled.test is not None
    second = both(settled)
    assert all(np.array_equal(first[part], second[part]) for part in PARTS)


def test_parts_with_rows_of_their_own_are_not_written() -> None:
    data = Data(source="a.csv", arrays={"train": ["x", "y"], "test": ["u", "v"]})
    split = Split(by="hash", column="c")
    settled = settled_split(Experiment(data=data, split=split), {"train": 90, "dev": 11, "test": 50}, False)
    assert (settled.train, settled.dev, settled.test) == (0.9, 0.1, None)
    data = Data(source="a.csv", arrays={"train": ["x", "y"], "dev": ["x", "y"], "test": ["u", "v"]})
    settled = settled_split(Experiment(data=data, split=Split(train_dev=0.1)), {"train": 90, "train_dev": 10}, True)
    assert (settled.train, settled.dev, settled.test, settled.train_dev) == (None, None, None, 10)
