"""mu and sigma of the training rows, block by block, so that no scaled or widened copy of them is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from dltrain.data.large.store import Stored, stored
from dltrain.data.raw import Numbers
from dltrain.errors import InputError

T = TypeVar("T")
Vector = npt.NDArray[np.float64]
_BLOCK = 2**18
"""Values in a block: 2 MB as float64, which a cache holds."""
_THREADS = 2
_TOGETHER = 16
"""Blocks that are given to the threads at once."""


@dataclass(frozen=True, slots=True)
class Scale:
    """x ← (x − mu)/sigma. One entry a column, or one a channel for images; sigma is 0 where all is constant."""

    mu: Vector
    sigma: Vector
    constant: npt.NDArray[np.bool_]
    """(n_x,): columns with one value in all training rows."""


def blocks(
    X: Numbers,
    rows: npt.NDArray[np.int64] | None,
    columns: npt.NDArray[np.int64] | None = None,
    fills: Vector | None = None,
) -> Iterator[Vector]:
    """The chosen rows and columns of X (all for None) in order, in blocks of float64; fills stand for gaps."""
    return of_blocks(lambda block: block, X, rows, columns, fills)


def of_blocks(
    found: Callable[[Vector], T],
    X: Numbers,
    rows: npt.NDArray[np.int64] | None,
    columns: npt.NDArray[np.int64] | None = None,
    fills: Vector | None = None,
) -> Iterator[T]:
    """What is found of each block of `blocks`, in their order; of large tables two blocks at a time."""
    step = rows_in_block(X)

    def one(start: int) -> T:
        block = X[start : start + step] if rows is None else X[rows[start : start + step]]
        block = block if columns is None else block[:, columns]
        block = block.astype(np.float64, copy=False)
        return found(block if fills is None else np.where(np.isnan(block), fills, block))

    starts = range(0, len(X) if rows is None else len(rows), step)
    if stored(X) is None:
        yield from map(one, starts)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for first in range(0, len(starts), _TOGETHER):
            yield from pool.map(one, starts[first : first + _TOGETHER])


def rows_in_block(X: npt.NDArray[Any] | Stored) -> int:
    columns: int = X.shape[1]
    return max(1, _BLOCK // max(1, columns))


def fit_scale(
    X: Numbers,
    rows: npt.NDArray[np.int64] | None,
    normalize: Literal["standard", "minmax", "none"],
    channels: int | None = None,
    columns: npt.NDArray[np.int64] | None = None,
    fills: Vector | None = None,
) -> Scale:
    """Fits mu and sigma on the chosen rows and columns of X: (n, n_x), with `fills` for gaps.

    standard: mu = (1/m) Σ x, sigma² = (1/m) Σ (x − mu)². minmax: mu the least value, sigma the range.
    none: 0 and 1. `channels` is None for columns of their own, else column j belongs to channel j mod channels.

    The sums run over u = (x − low)/(high − low), so that values as large as 1e300 or as close as 1e-300 neither
    overflow nor vanish, and blocks are merged as Chan, Golub and LeVeque (1979) do.
    """
    low, high = _range(of_blocks(_ends, X, rows, columns, fills))
    constant = low == high
    if normalize == "none" or not len(low):
        groups = channels or len(low)
        return Scale(np.zeros(groups), np.ones(groups), constant)
    if channels is not None:
        low, high = low.reshape(-1, channels).min(axis=0), high.reshape(-1, channels).max(axis=0)
    with np.errstate(over="ignore"):
        span = high - low
    if not np.isfinite(span).all():
        column = int(np.argmin(np.isfinite(span)))
        raise InputError(f"input {column + 1} runs from {low[column]:g} to {high[column]:g}: too far to be scaled")
    if normalize == "minmax":
        return Scale(low, span, constant)
    found = partial(_sums, low=low, divisor=np.where(span > 0, span, 1.0))
    mean, variance = _moments(of_blocks(found, X, rows, columns, fills), len(low))
    return Scale(low + span * mean, span * np.sqrt(variance), constant)


def _ends(block: Vector) -> tuple[Vector, Vector]:
    return block.min(axis=0), block.max(axis=0)


def _range(ends: Iterator[tuple[Vector, Vector]]) -> tuple[Vector, Vector]:
    """Least and greatest value of each column."""
    low: Vector = np.array(np.inf)
    high: Vector = np.array(-np.inf)
    for least, most in ends:
        low = np.minimum(low, least)
        high = np.maximum(high, most)
    return low, high


def _sums(block: Vector, low: Vector, divisor: Vector) -> tuple[int, Vector, Vector]:
    """Of u = (x − low)/divisor in each group of columns: how many, their mean, and Σ (u − mean)²."""
    u = (block.reshape(-1, len(low)) - low) / divisor
    mean = u.mean(axis=0)
    u -= mean
    return len(u), mean, np.einsum("ij,ij->j", u, u)


def _moments(sums: Iterator[tuple[int, Vector, Vector]], groups: int) -> tuple[Vector, Vector]:
    """Mean and population variance of u for each group of columns."""
    n = 0
    mean = np.zeros(groups)
    squares = np.zeros(groups)
    for k, block_mean, block_squares in sums:
        difference = block_mean - mean
        squares += block_squares + difference**2 * (n * k / (n + k))
        mean += difference * (k / (n + k))
        n += k
    return mean, squares / n
