"""mu and sigma of the training rows, block by block, so that no scaled or widened copy of them is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dltrain.data.large.store import Stored
from dltrain.data.raw import Numbers
from dltrain.errors import InputError

Vector = npt.NDArray[np.float64]
_BLOCK = 2**18
"""Values in a block: 2 MB as float64, which a cache holds."""


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
    n = len(X) if rows is None else len(rows)
    step = rows_in_block(X)
    for start in range(0, n, step):
        block = X[start : start + step] if rows is None else X[rows[start : start + step]]
        block = block if columns is None else block[:, columns]
        block = block.astype(np.float64, copy=False)
        yield block if fills is None else np.where(np.isnan(block), fills, block)


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
    chosen = partial(blocks, X, rows, columns, fills)
    low, high = _range(chosen())
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
    mean, variance = _moments(chosen(), low, span)
    return Scale(low + span * mean, span * np.sqrt(variance), constant)


def _range(chosen: Iterator[Vector]) -> tuple[Vector, Vector]:
    """Least and greatest value of each column."""
    low: Vector = np.array(np.inf)
    high: Vector = np.array(-np.inf)
    for block in chosen:
        low = np.minimum(low, block.min(axis=0))
        high = np.maximum(high, block.max(axis=0))
    return low, high


def _moments(chosen: Iterator[Vector], low: Vector, span: Vector) -> tuple[Vector, Vector]:
    """Mean and population variance of u = (x − low)/span for each group of columns; u is 0 where span is."""
    groups = len(low)
    divisor = np.where(span > 0, span, 1.0)
    n = 0
    mean = np.zeros(groups)
    squares = np.zeros(groups)
    for block in chosen:
        u = (block.reshape(-1, groups) - low) / divisor
        k = len(u)
        block_mean = u.mean(axis=0)
        u -= block_mean
        difference = block_mean - mean
        squares += np.einsum("ij,ij->j", u, u) + difference**2 * (n * k / (n + k))
        mean += difference * (k / (n + k))
        n += k
    return mean, squares / n
