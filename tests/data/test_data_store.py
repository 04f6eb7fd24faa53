"""Rows of large tables: read as an array is, to float32's precision around each column's offset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.data.large import store
from dltrain.data.large.store import Growing, Store, settle


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(store, "SEGMENT", 96)  # 8 rows of 3 float32


def filled(X, sizes=(5, 1, 0, 11), **how):
    kept = Store(X.shape[1], **how)
    start = 0
    while start < len(X):
        for size in sizes:
            kept.append(X[start : start + size])
            start += size
    return kept


def table(n=50, seed=0):
    return np.random.Generator(np.random.PCG64(seed)).normal(size=(n, 3)).astype("f4")


index = st.one_of(
    st.slices(50),
    st.integers(0, 49),
    st.lists(st.integers(0, 49), max_size=60).map(lambda rows: np.array(rows, dtype=np.int64)),
    st.lists(st.booleans(), min_size=50, max_size=50).map(np.array),
)
columns = st.one_of(st.none(), st.integers(0, 2), st.just([2, 0]), st.just(np.array([1])), st.slices(3))


@settings(deadline=None)
@given(index, columns, st.booleans())
def test_it_is_indexed_as_an_array_is(rows, chosen, shifted):
    store.SEGMENT = 96
    X = table()
    offset = np.array([1.0, 0.0, -2.0]) if shifted else None
    kept = filled(X.astype("f8"), offset=offset)
    if isinstance(rows, int) and chosen is not None and not isinstance(chosen, int):
        chosen = None
    key = rows if chosen is None else (rows, chosen)
    expected, found = (X[rows] if chosen is None else X[rows][..., chosen]), kept[key]  # rows and columns, no pairs
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 if shifted else 0)
    assert np.asarray(found).dtype == kept.dtype == ("f8" if shifted else "f4")


def test_what_it_says_of_itself():
    kept = filled(table())
    assert (len(kept), kept.shape, kept.ndim, kept.size, kept.dtype) == (50, (50, 3), 2, 150, np.dtype("f4"))
    with pytest.raises(TypeError):
        np.asarray(kept)


def test_released_rows_are_gone_and_the_others_stay():
    X = table()
    kept = filled(X)
    kept.release(20)  # whole pieces of 8 rows: 16 of them
    assert (kept[16:] == X[16:]).all()
    with pytest.raises(AssertionError, match="released"):
        kept[15]
    kept.release(50)


def test_values_too_large_for_float32_widen_it():
    X = table().astype("f8")
    X[33, 1] = 1e300
    kept = filled(X, offset=np.array([0.5, 0.0, 0.0]))
    assert kept.dtype == np.dtype("f8") and kept.offset is None
    np.testing.assert_allclose(kept[:33], X[:33], atol=1e-6)
    assert (kept[33:] == X[33:]).all()


def test_gaps_stay():
    X = table()
    X[[3, 20], 1] = np.nan
    assert np.array_equal(filled(X)[:], X, equal_nan=True)


def test_seconds_since_1970_keep_their_seconds():
    seconds = np.stack([1.7e9 + np.arange(50.0), np.arange(50.0), np.full(50, 12345678.9)], axis=1)
    offset, dtype = settle(seconds[:20])
    assert dtype == np.dtype("f4") and offset is not None
    assert offset[0] in seconds[:20, 0] and offset[1] == 0 and offset[2] == 12345678.9
    kept = filled(seconds, offset=offset, dtype=dtype)
    assert (kept[:] == seconds).all()


@pytest.mark.parametrize("value", [1e-40, 1e200])
def test_scales_that_float32_lacks(value):
    X = np.zeros((20, 3))
    X[4, 1] = value
    assert settle(X) == (None, np.dtype("f8"))


def test_a_column_of_gaps_settles_nothing():
    X = table().astype("f8")
    X[:, 1] = np.nan
    assert settle(X) == (None, np.dtype("f4"))


def test_few_rows_stay_an_exact_array(monkeypatch):
    X = np.random.Generator(np.random.PCG64(1)).normal(size=(40, 3))
    growing = Growing(3)
    for start in range(0, 40, 7):
        growing.add(X[start : start + 7])
    assert isinstance(growing.all(), np.ndarray) and (growing.all() == X).all()
    monkeypatch.setattr(store, "LARGE", 60)
    growing = Growing(3)
    for start in range(0, 40, 7):
        growing.add(X[start : start + 7])
    many = growing.all()
    assert isinstance(many, Store) and len(many) == 40
    assert (many[:] == X.astype("f4")).all()


def test_a_single_chunk_may_be_large(monkeypatch):
    monkeypatch.setattr(store, "LARGE", 60)
    growing = Growing(3)
    growing.add(table(40))
    assert (growing.all()[:] == table(40)).all()
