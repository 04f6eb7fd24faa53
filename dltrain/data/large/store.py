"""Rows of a large table as they come: float32 around an offset a column, in pieces of memory that can be given back.

It is read as an array is, by rows and columns, and gives float64 where an offset is added.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.floating[Any]]
Rows: TypeAlias = npt.NDArray[np.int64]

SEGMENT = 32 * 2**20
"""Bytes of a piece of memory."""
LARGE = 2**24
"""Tables of more values than this are kept in a Store (128 MB as float64)."""
_COLUMNS = 128 * 2**20
"""Bytes of columns that are held at once."""
_SAMPLE = 2**20
"""Values that are looked at to settle how a table is kept."""
_FAR = 16
"""A column whose values lie further from 0 than so many times their spread is stored around its mean."""
_LEAST, MOST = 1e-30, 1e30
"""Greatest absolute values of a column that float32 holds with room to spare."""


class Stored:
    """(n, k) numbers that are kept in stretches of rows, wherever those lie; to be read as a 2-D array is."""

    n: int
    k: int
    kept: np.dtype[Any]
    """The type in which they are kept."""
    offset: npt.NDArray[np.float64] | None
    """(k,): what is added to the numbers kept; None for 0."""
    per: int
    """Rows of a stretch."""

    def release(self, before: int) -> None:
        """Gives back the memory of rows before this one, as far as whole stretches go: they are not read again."""

    def _read(self, start: int, stop: int) -> Values:
        """Rows of one stretch, as they are kept."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, int]:
        return self.n, self.k

    @property
    def ndim(self) -> int:
        return 2

    @property
    def size(self) -> int:
        return self.n * self.k

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.kept if self.offset is None else np.dtype(np.float64)

    def __len__(self) -> int:
        return self.n

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("a table that is kept in pieces is read by rows")

    def __getitem__(self, key: Any) -> Any:
        """Rows by a slice, by their numbers or by a mask; of a pair the second chooses columns."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if isinstance(rows, (int, np.integer)):
            return self._range(int(rows), int(rows) + 1, columns)[0]
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.n)
            if step == 1:
                return self._range(start, max(start, stop), columns)
            rows = np.arange(start, stop, step)
        rows = np.asarray(rows)
        return self._chosen(np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64, copy=False), columns)

    def _range(self, start: int, stop: int, columns: Any) -> Values:
        parts = [self._read(a, b)[:, columns] for a, b in self._cuts(start, stop)]
        if len(parts) == 1:
            return self._raised(parts[0], columns)
        out = self._empty(stop - start, columns)
        at = 0
        for part in parts:
            out[at : at + len(part)] = self._raised(part, columns)
            at += len(part)
        return out

    def _chosen(self, rows: Rows, columns: Any) -> Values:
        out = self._empty(len(rows), columns)
        order = None if bool((rows[1:] >= rows[:-1]).all()) else np.argsort(rows, kind="stable")
        ascending = rows if order is None else rows[order]
        for first, last, a, b in self._runs(ascending):
            found = self._raised(self._read(a, b)[ascending[first:last] - a][:, columns], columns)
            out[slice(first, last) if order is None else order[first:last]] = found
        return out

    def _runs(self, rows: Rows) -> Iterator[tuple[int, int, int, int]]:
        """(first, last, a, b): rows[first:last] all lie from a to b, which are read at once."""
        first = 0
        while first < len(rows):
            a = int(rows[first])
            most = next(self._cuts(a, self.n))[1]
            last = int(np.searchsorted(rows, most, side="left"))
            yield first, last, a, int(rows[last - 1]) + 1
            first = last

    def _empty(self, n: int, columns: Any) -> Values:
        shape = np.empty((0, self.k), np.int8)[:, columns].shape[1:]
        return np.empty((n, *shape), self.dtype)

    def _raised(self, values: Values, columns: Any) -> Values:
        if self.offset is None:
            return values
        wide: Values = values + self.offset[columns]
        return wide

    def _cuts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Where the rows from start to stop lie in one stretch each; one pair at least."""
        while True:
            end = min(stop, (start // self.per + 1) * self.per)
            yield start, max(start, end)
            start = end
            if start >= stop:
                return


class Store(Stored):
    """Numbers in memory. `offset` and `dtype` settle how they are kept, see `settle`."""

    def __init__(self, k: int, offset: npt.NDArray[np.float64] | None = None, dtype: npt.DTypeLike = "f4") -> None:
        self.k = k
        self.offset = offset
        self.kept = np.dtype(dtype)
        self.n = 0
        self.per = max(1, SEGMENT // (max(1, k) * self.kept.itemsize))
        self._segments: list[Values | None] = []

    def append(self, X: Values) -> None:
        """Adds rows (j, k)."""
        if self.kept.itemsize < 8 and not self._holds(X):
            self._widen()
        start = 0
        while start < len(X):
            place = self.n % self.per
            if place == 0:
                self._segments.append(self._new())
            segment = self._segments[-1]
            assert segment is not None
            some = X[start : start + self.per - place]
            here = segment[place : place + len(some)]
            if self.offset is None:
                here[...] = some
            else:
                np.subtract(some, self.offset, out=here, casting="same_kind")
            self.n += len(some)
            start += len(some)

    def release(self, before: int) -> None:
        """Gives back the memory of rows before this one, as far as whole pieces go: they are not read again."""
        for number in range(min(before // self.per, len(self._segments))):
            self._segments[number] = None

    def _new(self) -> Values:
        """A piece of memory that goes back to the system when it is dropped, which malloc does not promise."""
        memory = mmap.mmap(-1, self.per * max(1, self.k) * self.kept.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON)
        return np.frombuffer(memory, self.kept, self.per * self.k).reshape(self.per, self.k)

    def _holds(self, X: Values) -> bool:
        """Whether float32 has room for these."""
        return not len(X) or bool(np.nanmax(np.abs(X), initial=0.0) <= MOST)

    def _widen(self) -> None:
        """Keeps float64 from now on, of what is there already too."""
        old = Store(self.k, None, "f8")
        for start in range(0, self.n, self.per):
            old.append(self[start : min(start + self.per, self.n)])
            self.release(start + self.per)
        self.kept, self.offset, self.per, self._segments = old.kept, None, old.per, old._segments

    def _read(self, start: int, stop: int) -> Values:
        if start == stop:
            return np.empty((0, self.k), self.kept)
        segment = self._segments[start // self.per]
        assert segment is not None, "these rows were released"
        return segment[start % self.per : start % self.per + stop - start]


class Chosen(Stored):
    """Some rows of a stored table, by their numbers, which are ascending."""

    def __init__(self, table: Stored, rows: Rows) -> None:
        self.table, self.rows = table, rows
        self.n, self.k, self.kept, self.offset, self.per = len(rows), table.k, table.kept, table.offset, table.per

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return self.table[self.rows[rows], columns]

    def release(self, before: int) -> None:
        self.table.release(int(self.rows[before - 1]) + 1 if 0 < before <= self.n else self.table.n)


def stored(X: object) -> Stored | None:
    """X, if it is no array."""
    return X if isinstance(X, Stored) else None


def chosen(X: npt.NDArray[Any], rows: Rows) -> npt.NDArray[Any]:
    """Some rows of a table: of one that is stored they are read when they are asked for."""
    table = stored(X)
    return X[rows] if table is None else cast("npt.NDArray[Any]", Chosen(table, rows))


def column_by_column(X: npt.NDArray[Any], rows: Rows | None, columns: Iterable[int]) -> Iterator[npt.NDArray[Any]]:
    """(n,): the chosen rows of each of the columns. Of a stored table several are read in one pass."""
    every, n = list(columns), len(X) if rows is None else len(rows)
    together = 1 if stored(X) is None else max(1, _COLUMNS // (8 * max(1, n)))
    for first in range(0, len(every), together):
        some = every[first : first + together]
        if len(some) == 1:
            yield X[:, some[0]] if rows is None else X[rows, some[0]]
        else:
            yield from (X[:, some] if rows is None else X[rows, some]).T


class Growing:
    """Rows as chunks bring them: a float64 array, which grows in place, while they are few; then a Store.

    With `exact` they stay float64 however many they are.
    """

    def __init__(self, k: int, exact: bool = False) -> None:
        self.k, self.exact = k, exact
        self.rows: Store | None = None
        self._array = np.empty((0, k))
        self._first = 0

    @property
    def bytes(self) -> int:
        """What the rows take."""
        return self._array.nbytes if self.rows is None else self.rows.size * self.rows.kept.itemsize

    def settled(self) -> tuple[npt.NDArray[np.float64] | None, np.dtype[Any]]:
        """How a Store of these rows keeps them. The first chunk decides: it is the same whatever memory there is."""
        return (None, np.dtype(np.float64)) if self.exact else settle(self._array[: self._first])

    def add(self, X: Values) -> None:
        """Takes rows (j, k)."""
        if self.rows is None and self._array.size + X.size > LARGE and not self.exact and len(self._array):
            self.rows = Store(self.k, *self.settled())
            self.rows.append(self._array)
            self._array = np.empty((0, self.k))
        if self.rows is not None:
            self.rows.append(X)
            return
        n = len(self._array)
        self._first = self._first or len(X)
        self._array.resize((n + len(X), self.k), refcheck=False)
        self._array[n:] = X

    def all(self) -> npt.NDArray[np.float64]:
        """All rows so far; a Store, which reads as an array does, where they are many."""
        return self._array if self.rows is None else cast("npt.NDArray[np.float64]", self.rows)


def settle(X: Values) -> tuple[npt.NDArray[np.float64] | None, np.dtype[Any]]:
    """How a table that begins with X: (j, k) is kept: the offset of each column (None for 0 everywhere), the type.

    float32 tells 16 million steps apart: enough for what is spread around 0, not for seconds since 1970, which are
    kept as differences from one of them. Where the values would not fit, all are kept as they are.
    """
    X = X[:: max(1, X.size // _SAMPLE)]
    there = ~np.isnan(X)
    size = np.max(np.abs(X), axis=0, where=there, initial=0.0)
    if ((size > MOST) | ((size > 0) & (size < _LEAST))).any():
        return None, np.dtype(np.float64)
    mean = np.where(there, X, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    distance = np.where(there, np.abs(X - mean), np.inf)
    middle = X[distance.argmin(axis=0), np.arange(X.shape[1])]
    spread = np.sqrt((np.where(there, distance, 0.0) ** 2).sum(axis=0) / np.maximum(there.sum(axis=0), 1))
    far = (np.abs(mean) > _FAR * spread) & there.any(axis=0)
    return (np.where(far, middle, 0.0) if far.any() else None), np.dtype(np.float32)
