"""Rows as they lie in a file, before anything is scaled or encoded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain.data.large.store import chosen
from dltrain.data.readers.columns import Kind
from dltrain.errors import Problem

Numbers: TypeAlias = npt.NDArray[Any]
"""Real numbers of any kind: bool, integers or floats. Those of large tables are `Stored`, and read as an array is."""

Labels: TypeAlias = npt.NDArray[Any]
"""(n,): numbers, or text as an array of str objects; "" is a gap."""

Extra: TypeAlias = Literal["weight", "group", "column"]
"""Columns that are read for other ends than as inputs: data.weight, split.group and split.column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Which line of the file a row stands on: `starts[k]` is the first row of a piece, `firsts[k]` its line."""

    starts: tuple[int, ...] = ()
    firsts: tuple[int | tuple[int, ...], ...] = ()

    def of(self, row: int) -> int | None:
        """The 1-based line of a row, or None where rows have no lines."""
        piece = bisect_right(self.starts, row) - 1
        if piece < 0:
            return None
        first = self.firsts[piece]
        ahead = row - self.starts[piece]
        return first + ahead if isinstance(first, int) else first[ahead]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A table: inputs X, target y and what is known of its columns."""

    X: Numbers
    """(n, n_x), in the dtype of the file where that is smaller than float64. A date is in days since 1970-01-01,
    a category is its place in the column's vocabulary, a gap is NaN."""
    y: Labels | None
    """(n,), or None where no target was asked for."""
    features: tuple[str, ...]
    """Names of X's columns."""
    target: str
    """Name of the target."""
    columns: tuple[str, ...]
    """Names of all columns of the file, in its order."""
    header: bool = False
    """The file itself names its columns."""
    ids: list[str] | None = None
    image_shape: tuple[int, ...] | None = None
    """Shape of a row, where the file says it."""
    place: str = ""
    """The file, for messages."""
    doubt: str = ""
    """What may be wrong with how it was read."""
    places: tuple[tuple[int, str], ...] = ()
    """(first row, file) of each, where several files are one table."""
    lines: Lines = field(default_factory=Lines)
    kinds: tuple[Kind, ...] = ()
    """What each column of X holds; () where all hold numbers."""
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the categories of each such column, by code."""
    extras: Mapping[Extra, Labels] = field(default_factory=dict)
    """(n,) each."""
    dated: bool = False
    """extras["column"] holds days since 1970-01-01."""
    origin: npt.NDArray[np.int64] | None = None
    """(n,) row numbers in the file, where rows were left out; None where none was."""

    @property
    def n(self) -> int:
        return int(self.X.shape[0])

    def kind(self, column: int) -> Kind:
        return self.kinds[column] if self.kinds else "number"

    def only(self, rows: npt.NDArray[np.int64]) -> Raw:
        """The chosen rows alone; their numbers and lines in the file stay known."""
        lines = tuple(line for row in rows.tolist() if (line := self.lines.of(row)) is not None)
        return replace(
            self,
            X=chosen(self.X, rows),
            y=None if self.y is None else self.y[rows],
            ids=None if self.ids is None else [self.ids[row] for row in rows],
            extras={role: values[rows] for role, values in self.extras.items()},
            lines=Lines(starts=(0,), firsts=(lines,)) if lines else Lines(),
            origin=rows if self.origin is None else self.origin[rows],
        )

    def where(self, row: int) -> str:
        """`file:line` of a row, or `file, row N` (from 0) where the file has no lines."""
        line = self.lines.of(row)
        number = row if self.origin is None else int(self.origin[row])
        piece = bisect_right(self.places, number, key=lambda place: place[0]) - 1
        place = self.places[piece][1] if piece >= 0 else self.place
        return f"{place}:{line}" if line is not None else f"{place}, row {number} (from 0)"

    def problem(self, message: str, row: int, key: str) -> Problem:
        """A problem with one row: at its line, or under the config's key where rows have no lines."""
        if self.lines.of(row) is None:
            return Problem(f"{message} ({self.where(row)})", key)
        return Problem(message, where=self.where(row))


def as_text(values: list[str]) -> Labels:
    """A (n,) array of str objects."""
    text = np.empty(len(values), dtype=object)
    text[:] = values
    return text


def is_text(y: Labels) -> bool:
    return y.dtype.kind in "OUS"
