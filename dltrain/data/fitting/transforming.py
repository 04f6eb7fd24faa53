"""Parts as the network takes them, all that lie in one table in a single pass over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.preparation import Preparation
from dltrain.data.fitting.scaling import rows_in_block
from dltrain.data.large.store import Stored, stored
from dltrain.data.raw import Raw
from dltrain.data.splitting.dealing import Drawn
from dltrain.engine.arrays import Floats

Rows = npt.NDArray[np.int64]
_THREADS = 2
_TOGETHER = 16
"""Blocks after which memory is given back."""


def transform_parts(drawn: Mapping[str, Drawn], preparation: Preparation, release: bool = False) -> dict[str, Floats]:
    """(n, n_x) of each part. With `release` large tables give their memory back behind the pass, and are empty after.

    Raises InputError as `Preparation.transform`.
    """
    out: dict[str, Floats] = {}
    for raw, parts in by_table(drawn):
        table = stored(raw.X)
        if table is not None:
            for part, rows in parts.items():
                out[part] = np.empty((len(rows), preparation.n_x), preparation.dtype)
            _fill(out, preparation, table, parts, raw.vocabularies, release)
        else:
            for part, rows in parts.items():
                out[part] = preparation.transform(raw.X, rows, raw.vocabularies)
    return {part: out[part] for part in drawn}


def _fill(
    out: Mapping[str, Floats],
    preparation: Preparation,
    X: Stored,
    parts: Mapping[str, Rows],
    vocabularies: Mapping[str, Sequence[str]],
    release: bool,
) -> None:
    """Writes the parts, some blocks at a time: NumPy works on them outside the GIL."""
    write = preparation.writer(vocabularies)
    step = rows_in_block(X)

    def one(start: int) -> None:
        block = X[start : start + step].astype(np.float64, copy=False)
        for part, rows in parts.items():
            first, last = np.searchsorted(rows, (start, start + len(block))).tolist()
            if first < last:
                write(block if last - first == len(block) else block[rows[first:last] - start], out[part][first:last])

    with ThreadPoolExecutor(_THREADS) as pool:
        starts = range(0, len(X), step)
        for some in range(0, len(starts), _TOGETHER):
            list(pool.map(one, starts[some : some + _TOGETHER]))
            if release:
                X.release(starts[min(some + _TOGETHER, len(starts)) - 1] + step)


def by_table(drawn: Mapping[str, Drawn]) -> list[tuple[Raw, dict[str, Rows]]]:
    """Each table once, with the rows of the parts that lie in it."""
    tables: dict[int, tuple[Raw, dict[str, Rows]]] = {}
    for part, one in drawn.items():
        tables.setdefault(id(one.raw), (one.raw, {}))[1][part] = one.rows
    return list(tables.values())


class Writing(Protocol):
    """What makes inputs of raw rows, as a Preparation does."""

    @property
    def n_x(self) -> int: ...

    @property
    def dtype(self) -> Any: ...

    def writer(self, vocabularies: Mapping[str, Sequence[str]] | None) -> Callable[[Any, Floats], None]: ...


@dataclass(frozen=True, slots=True)
class AsTheyAre:
    """Leaves raw rows what they are."""

    n_x: int
    dtype: Any

    def writer(self, vocabularies: Mapping[str, Sequence[str]] | None) -> Callable[[Any, Floats], None]:
        return lambda block, out: np.copyto(out, block, casting="same_kind")


def blocks_of_parts(
    preparation: Writing,
    X: Stored,
    parts: Mapping[str, Rows],
    vocabularies: Mapping[str, Sequence[str]] | None,
) -> Iterator[tuple[str, int, Floats]]:
    """(part, place of its first row in the part, (k, n_x)): each part's rows, which are ascending, in their order."""
    write = preparation.writer(vocabularies)
    step = rows_in_block(X)
    for start in range(0, len(X), step):
        block = X[start : start + step].astype(np.float64, copy=False)
        for part, rows in parts.items():
            first, last = np.searchsorted(rows, (start, start + len(block))).tolist()
            if first < last:
                out = np.empty((last - first, preparation.n_x), preparation.dtype)
                write(block if last - first == len(block) else block[rows[first:last] - start], out)
                yield part, first, out
