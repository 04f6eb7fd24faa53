"""Whether a part from a file of its own looks like train."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain.data.suspicion.alike import Alikeness, alike, auc

REAL = os.environ.get("DLTRAIN_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder of real data sets")


def compare(train: np.ndarray, other: np.ndarray) -> Alikeness:
    found = alike(train, other, [f"x{j}" for j in range(train.shape[1])])
    assert found is not None
    return found


def test_unshifted_rows_raise_no_alarm() -> None:
    alarms = 0
    for seed in range(100):
        rng = np.random.Generator(np.random.Philox(seed))
        n, k = int(rng.integers(40, 400)), int(rng.integers(1, 40))
        draw = rng.standard_t(3, size=(500 + n, k)) if seed % 2 else rng.normal(size=(500 + n, k))
        alarms += compare(draw[:500], draw[500:]).differ
    assert alarms <= 1


@pytest.mark.parametrize("k", (1, 20))
@pytest.mark.parametrize("shift", ("place", "spread", "a little everywhere"))
def test_shifts_are_found_and_named(rng: np.random.Generator, k: int, shift: str) -> None:
    train, test = rng.normal(size=(2000, k)), rng.normal(size=(800, k))
    if shift == "place":
        test[:, 0] += 1
    elif shift == "spread":
        test[:, 0] *= 2.5
    else:
        test += 0.5
    found = compare(train.astype(np.float32), test.astype(np.float32))
    assert found.differ and found.spread == (shift == "spread")
    assert found.column == "x0" or shift == "a little everywhere"
    said = "the spread of x0" if shift == "spread" else found.column
    assert f"tells their rows apart in {found.accuracy:.0%} of the cases (chance 50%), most by {said};" in found.note(
        "test"
    )


def test_the_auc_of_two_normals(rng: np.random.Generator) -> None:
    """P(a < b) = Φ(1/√2) for normals one standard deviation apart."""
    found = compare(rng.normal(size=(5000, 1)), rng.normal(size=(5000, 1)) + 1)
    assert found.auc == pytest.approx(0.7602, abs=0.02) and found.accuracy == pytest.approx(0.6915, abs=0.02)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    score, other = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    if other.all() or not other.any():
        return
    pairs = [(a, b) for a in score[~other] for b in score[other]]
    share = sum((b > a) + 0.5 * (b == a) for a, b in pairs) / len(pairs)
    assert auc(score, other) == pytest.approx(share)


def test_p_is_that_of_mann_and_whitney(rng: np.random.Generator) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = compare(rng.normal(size=(300, 1)), rng.normal(size=(300, 1)) + 0.3)
    expected = 0.5 + (300 + 1) ** 0.5 / (12 * 150 * 150) ** 0.5 * stats.norm.isf(found.p)
    assert found.auc == pytest.approx(expected)


def test_too_few_rows_say_nothing_and_odd_columns_break_nothing(rng: np.random.Generator) -> None:
    assert alike(rng.normal(size=(39, 2)), rng.normal(size=(500, 2)) + 9, ["a", "b"]) is None
    assert alike(np.zeros((50, 0)), np.zeros((50, 0)), []) is None
    X = np.column_stack([np.zeros(200), np.full(200, 1e38), rng.normal(size=200)]).astype(np.float32)
    assert not compare(X[:100], X[100:]).differ
    assert not compare(np.zeros((100, 3)), np.zeros((100, 3))).differ


def test_it_is_the_same_every_time(rng: np.random.Generator) -> None:
    X = rng.normal(size=(9000, 4))
    assert compare(X[:8000], X[8000:]) == compare(X[:8000], X[8000:])


@needs_real
def test_other_writers_and_the_same_digits() -> None:
    folder = Path(REAL or "")
    train, test = (
        np.loadtxt(folder / f"pendigits/pendigits_{part}.csv", delimiter=",", skiprows=1) for part in ("train", "test")
    )
    found = compare(train[:, :-1], test[:, :-1])
    assert found.differ and 0.6 < found.auc < 0.7
    with np.load(folder / "mnist/mnist.npz") as arrays:
        parts = [arrays[f"x_{part}"].reshape(-1, 784).astype(np.float32) for part in ("train", "test")]
    assert not compare(*parts).differ


@needs_real
def test_a_random_split_of_adult() -> None:
    folder = Path(REAL or "") / "adult"
    parts = [np.loadtxt(folder / f"adult-{part}.csv", delimiter=",", usecols=(0, 2, 4, 10, 11, 12)) for part in
             ("train", "test")]  # fmt: skip
    assert not compare(*parts).differ
