"""Rows of one part that are exact copies of training rows: they make an error look better than it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.raw import Numbers
from dltrain.data.scaling import rows_in_block

Hashes = npt.NDArray[np.uint64]

_STEP = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def row_hashes(X: Numbers, rows: npt.NDArray[np.int64] | None, dtype: npt.DTypeLike) -> Hashes:
    """A 64-bit hash of the inputs of each chosen row, read as `dtype`: (n,).

    The bytes are taken as 64-bit words, each is mixed as in splitmix64 (Steele, Lea, Flood 2014) and multiplied
    by an odd number of its column's own; the sum is the hash.
    """
    n = len(X) if rows is None else len(rows)
    out = np.empty(n, dtype=np.uint64)
    step = rows_in_block(X)
    words = -(-X.shape[1] * np.dtype(dtype).itemsize // 8)
    odd = (np.arange(1, words + 1, dtype=np.uint64) * np.uint64(_STEP)) | np.uint64(1)
    for start in range(0, n, step):
        block = X[start : start + step] if rows is None else X[rows[start : start + step]]
        word = _words(block.astype(dtype, copy=False), words)
        word ^= word >> np.uint64(32)
        word *= _MIX
        word ^= word >> np.uint64(29)
        word *= odd
        out[start : start + step] = word.sum(axis=1, dtype=np.uint64)
    return out


def _words(block: npt.NDArray[Any], words: int) -> Hashes:
    raw = np.ascontiguousarray(block).view(np.uint8).reshape(len(block), -1)
    padded = np.zeros((len(block), 8 * words), dtype=np.uint8)
    padded[:, : raw.shape[1]] = raw
    return padded.view(np.uint64)


def copies(parts: dict[str, tuple[Numbers, npt.NDArray[np.int64] | None]]) -> dict[str, int]:
    """How many rows of each other part have the inputs of a training row; parts without any are left out."""
    dtype = np.result_type(*(X.dtype for X, _ in parts.values()))
    train = row_hashes(*parts["train"], dtype)
    counts = {
        part: int(np.isin(row_hashes(X, rows, dtype), train).sum())
        for part, (X, rows) in parts.items()
        if part != "train"
    }
    return {part: count for part, count in counts.items() if count}
