"""Rows as they lie in a file, before anything is scaled or encoded."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain.errors import Problem

Numbers: TypeAlias = npt.NDArray[Any]
"""Real numbers of any kind: bool, integers or floats."""

Labels: TypeAlias = npt.NDArray[Any]
"""(n,): numbers, or text as an array of str objects."""


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
    """(n, n_x), in the dtype of the file where that is smaller than float64."""
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
    lines: Lines = field(default_factory=Lines)

    @property
    def n(self) -> int:
        return int(self.X.shape[0])

    def where(self, row: int) -> str:
        """`file:line` of a row, or `file, row N` (from 0) where the file has no lines."""
        line = self.lines.of(row)
        return f"{self.place}:{line}" if line is not None else f"{self.place}, row {row}"

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
