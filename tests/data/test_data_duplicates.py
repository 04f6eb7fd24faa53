"""Rows with the same inputs: across parts, and in train with other targets."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.data.raw import as_text
from dltrain.data.suspicion.duplicates import Parts, duplicates, row_hashes

ROW = st.tuples(st.sampled_from((0.0, -0.0, 1.5, np.nan)), st.integers(0, 2), st.integers(0, 1))
ROWS = st.lists(ROW, min_size=1, max_size=30)


def inputs(rows: list[Any]) -> np.ndarray:
    return np.array([[row[0], row[1]] for row in rows], dtype=np.float64)


def copies(parts: Parts) -> dict[str, int]:
    return duplicates(parts, np.zeros(len(parts["train"][0])), "regression").copies


def keys(rows: list[Any]) -> list[str]:
    """Equal for equal inputs: −0 is 0, and a gap is a gap."""
    return [f"{row[0] + 0.0} {row[1]}" for row in rows]


@given(ROWS, ROWS)
def test_copies_are_counted_as_one_would_by_hand(train: list[Any], dev: list[Any]) -> None:
    known = set(keys(train))
    expected = sum(key in known for key in keys(dev))
    assert copies({"train": (inputs(train), None), "dev": (inputs(dev), None)}).get("dev", 0) == expected


@given(ROWS)
def test_conflicts_are_counted_as_one_would_by_hand(rows: list[Any]) -> None:
    groups = defaultdict(list)
    for key, row in zip(keys(rows), rows, strict=True):
        groups[key].append(row[2])
    mixed = [group for group in groups.values() if len(set(group)) > 1]
    wrong = sum(len(group) - max(Counter(group).values()) for group in mixed)
    y = np.array([row[2] for row in rows])
    for labels, task in ((y, "binary"), (as_text([("no", "yes")[label] for label in y]), "binary")):
        found = duplicates({"train": (inputs(rows), None)}, labels, task)  # type: ignore[arg-type]
        assert found.conflicting == sum(map(len, mixed)) and found.least_error == pytest.approx(wrong / len(rows))
    found = duplicates({"train": (inputs(rows), None)}, y.astype(float), "regression")
    inside = sum(float(np.var(group)) * len(group) for group in groups.values())
    assert found.conflicting == sum(map(len, mixed))
    assert found.least_error == pytest.approx(inside / (np.var(y) * len(y)) if np.var(y) else 0.0)


def test_what_is_said_of_them() -> None:
    X = np.array([[1, 2], [1, 2], [1, 2], [3, 4], [5, 6]])
    found = duplicates({"train": (X, np.arange(4)), "dev": (X, np.array([4])), "test": (X, np.array([0, 4]))},
                       np.array([0, 0, 1, 1]), "binary")  # fmt: skip
    assert found.notes() == [
        "duplicates: rows with the same inputs as a training row: 1 of 2 in test; errors there look better than they "
        "are",
        "conflicts: 3 of 4 training rows have the inputs of another, but not its target: no training error below 25% "
        "can be reached, and the Bayes error (diagnosis.bayes_error) is hardly below it",
    ]
    assert duplicates({"train": (X, np.array([0, 3, 4]))}, np.arange(3), "multiclass").notes() == []


def test_tables_of_different_types_and_of_bytes(rng: np.random.Generator) -> None:
    X = rng.integers(0, 256, size=(40, 13)).astype(np.uint8)
    assert copies({"train": (X, None), "test": (X[5:10].astype(np.float32), None)}) == {"test": 5}
    assert len(set(row_hashes(X, None, np.uint8).tolist())) == len(np.unique(X, axis=0))


def test_wide_rows_that_agree_in_the_columns_that_tell_most(rng: np.random.Generator) -> None:
    """Only the last column of 40 tells the rows of each pair apart, and it has two values."""
    X = np.repeat(rng.normal(size=(200, 40)), 2, axis=0)
    X[:, 39] = np.arange(400) % 2
    y = np.arange(400) % 3
    assert duplicates({"train": (X, None)}, y, "multiclass").conflicting == 0
    found = duplicates({"train": (X, np.arange(300)), "dev": (np.vstack([X, X[:7]]), np.arange(300, 407))}, y[:300], "multiclass")  # fmt: skip
    assert found.copies == {"dev": 7}
    X[300:, 39] = 0
    assert duplicates({"train": (X, None)}, np.arange(400) % 2, "binary").conflicting == 100
