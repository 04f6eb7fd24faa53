"""Sizes of the parts, and who is in which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.config.records import Split
from dltrain.data.splitting.sizes import Sizes, settle_sizes
from dltrain.data.splitting.split import draw_limit, draw_parts, proportional
from dltrain.errors import InputError


@pytest.mark.parametrize(
    "shares, n, sizes",
    [
        ({"train": 0.6, "dev": 0.2, "test": 0.2}, 10, (6, 0, 2, 2)),
        ({"train": 0.7, "dev": 0.2, "test": 0.1}, 1797, (1258, 0, 359, 180)),
        ({"train": 50_000, "dev": 10_000, "test": 0}, 60_000, (50_000, 0, 10_000, 0)),
        ({"train": "rest", "dev": 10_000, "test": 10_000}, 1_000_000, (980_000, 0, 10_000, 10_000)),
        ({"train": 0.5, "dev": "rest", "test": 100}, 1000, (500, 0, 400, 100)),
        ({"train": 0.8, "dev": 0.2}, 10, (8, 0, 2, 0)),
        ({"train": 0.8}, 10, (8, 0, 2, 0)),
        ({"dev": 0.2}, 10, (8, 0, 2, 0)),
        ({"train": 0.6, "dev": 0.2, "test": 0.2, "train_dev": 0.05}, 1000, (570, 30, 200, 200)),
        ({"train": 0.6, "dev": 0.2, "test": 0.2, "train_dev": 50}, 1000, (550, 50, 200, 200)),
        ({"train": 550, "dev": 200, "test": 200, "train_dev": 50}, 1000, (550, 50, 200, 200)),
        ({"train": 1.0, "dev": 0, "test": 0}, 7, (7, 0, 0, 0)),
        ({}, 99_999, (59_999, 0, 20_000, 20_000)),
        ({}, 100_000, (98_000, 0, 1_000, 1_000)),
        ({}, 1_000_000, (980_000, 0, 10_000, 10_000)),
        ({}, 2_000_000, (1_990_000, 0, 5_000, 5_000)),
    ],
)
def test_sizes(shares: dict[str, Any], n: int, sizes: tuple[int, ...]) -> None:
    settled = settle_sizes(Split(**shares), n, ())
    assert (settled.train, settled.train_dev, settled.dev, settled.test) == sizes


def test_official_test_rows_leave_90_to_10() -> None:
    settled = settle_sizes(Split(), 60_000, {"test"})
    assert (settled.train, settled.dev, settled.test) == (54_000, 6_000, 0)
    assert "test rows are given" in settled.note
    settled = settle_sizes(Split(train=0.5, dev=0.5), 10, {"test"})
    assert (settled.train, settled.dev, settled.test) == (5, 5, 0)
    settled = settle_sizes(Split(), 10, {"dev", "test"})
    assert (settled.train, settled.dev, settled.test) == (10, 0, 0)


def test_the_default_says_why() -> None:
    assert "60/20/20, since there are fewer than 100,000 rows (500)" in settle_sizes(Split(), 500, ()).note
    assert "99.5/0.25/0.25" in settle_sizes(Split(), 1_000_001, ()).note
    assert settle_sizes(Split(train=0.6, dev=0.4, test=0), 500, ()).note == ""


@pytest.mark.parametrize(
    "shares, given_parts, line",
    [
        ({"train": 0.6, "dev": 0.2, "test": 0.3}, (), "split: ratios must sum to 1: train 0.6 + dev 0.2 + test 0.3 = 1.1"),
        ({"train": 0.6, "dev": 0.2, "test": 0.1}, (), "split: ratios must sum to 1"),
        ({"train": "rest", "dev": "rest", "test": 0.1}, (), "split.dev: only one part can get the rest"),
        ({"train": 0.9, "dev": 0.3, "test": "rest"}, (), "split: ratios sum to 1.2, more than 1"),
        ({"train": 50, "dev": 20, "test": 20}, (), "leave 10 of 100 unused; write `rest` for one part"),
        ({"train": 90, "dev": 20, "test": 0}, (), "train 90 + dev 20 = 110 rows, but there are 100"),
        ({"train": "rest", "dev": 120, "test": 0}, (), "dev 120 = 120 rows, but there are 100"),
        ({"train": 1, "dev": 0, "test": 0}, (), "1 is a count: write 1.0 for all"),
        ({"train": 0.999, "dev": 0.001, "test": 0}, (), "split.dev: 0.001 of 100 rows leaves dev empty"),
        ({"train": 0, "dev": 50, "test": 50}, (), "split.train: 0 of 100 rows leaves train empty"),
        ({"train": 0.8, "dev": 0.1, "test": 0.1}, ("test",), "split.test: is 0.1, but test's rows are given; leave it out"),
        ({"train_dev": "rest"}, (), "split.train_dev: must be a ratio of the training rows or a count"),
        ({"train": 0.5, "dev": 0.5, "test": 0, "train_dev": 60}, (), "rows, but there are 100"),
    ],
)  # fmt: skip
def test_shares_that_cannot_be(shares: dict[str, Any], given_parts: tuple[str, ...], line: str) -> None:
    with pytest.raises(InputError) as caught:
        settle_sizes(Split(**shares), 100, given_parts)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=12),
    st.lists(st.integers(0, 100), min_size=1, max_size=4).filter(any),
)
def test_proportional_is_a_controlled_rounding(classes: list[int], weights: list[int]) -> None:
    counts = np.array(classes, dtype=np.int64)
    n = int(counts.sum())
    ends = np.floor(np.cumsum(weights) * n / sum(weights) + 1e-9).astype(np.int64)
    sizes = np.diff(ends, prepend=0)
    table = proportional(counts, sizes)
    assert (table.sum(axis=1) == counts).all()
    assert (table.sum(axis=0) == sizes).all()
    exact = np.multiply.outer(counts, sizes) / n
    assert (np.abs(table - exact) < 1).all()
    assert (table >= 0).all()


def test_a_rare_class_gets_into_every_part_where_rounding_allows_it() -> None:
    table = proportional(np.array([97, 3]), np.array([60, 20, 20]))
    assert (table[1:] >= 1).all()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 80), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)),
    st.integers(0, 2**40),
    st.integers(0, 5),
)
def test_parts_are_disjoint_exhaustive_and_exact(sizes: tuple[int, int, int, int], seed: int, classes: int) -> None:
    settled = Sizes(*sizes)
    n = sum(sizes)
    codes = np.arange(n) % classes if classes else None
    parts = draw_parts(settled, seed, codes)
    assert [len(parts[part]) for part in ("train", "train_dev", "dev", "test")] == list(sizes)
    together = np.concatenate(list(parts.values()))
    assert (np.sort(together) == np.arange(n)).all()
    again = draw_parts(settled, seed, codes)
    assert all((parts[part] == again[part]).all() for part in parts)
    assert all((np.diff(rows) > 0).all() for rows in parts.values())


def test_another_seed_is_another_split() -> None:
    one, two = (draw_parts(Sizes(60, 0, 20, 20), seed, None) for seed in (0, 1))
    assert not np.array_equal(one["dev"], two["dev"])


@pytest.mark.parametrize("codes", [None, np.arange(100) % 3])
def test_train_dev_changes_neither_dev_nor_test(codes: np.ndarray[Any, Any] | None) -> None:
    without = draw_parts(Sizes(60, 0, 20, 20), 0, codes)
    with_it = draw_parts(Sizes(50, 10, 20, 20), 0, codes)
    assert (without["dev"] == with_it["dev"]).all() and (without["test"] == with_it["test"]).all()
    assert set(with_it["train"]) | set(with_it["train_dev"]) == set(without["train"])


def test_a_random_split_is_uniform() -> None:
    times = np.zeros(10)
    for seed in range(2000):
        times[draw_parts(Sizes(7, 0, 2, 1), seed, None)["test"]] += 1
    assert (np.abs(times - 200) < 5 * np.sqrt(180)).all()


def test_limit_draws_distinct_rows_by_split_seed() -> None:
    rows = draw_limit(1000, 100, 3)
    assert len(set(rows.tolist())) == 100 and (np.diff(rows) > 0).all()
    assert (rows == draw_limit(1000, 100, 3)).all()
    assert not np.array_equal(rows, draw_limit(1000, 100, 4))
