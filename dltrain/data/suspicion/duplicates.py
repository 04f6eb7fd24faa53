"""Rows with the same inputs: copies of training rows in other parts make an error look better than it is, and rows
of the training set that differ in the target alone bound what any model can reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.scaling import rows_in_block
from dltrain.data.labels import SettledTask, numbered
from dltrain.data.raw import Labels, Numbers

Hashes = npt.NDArray[np.uint64]

TELLING = 16
"""So many columns of the most different values are looked at first: few rows agree there by chance."""
_SAMPLE = 1_000
FEWEST, SHARE = 30, 0.01
"""So many conflicting rows, and such a share of the training set, are needed for an estimate of the Bayes error: of
fewer, the rest of the rows says nothing."""
_STEP = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def row_hashes(X: Numbers, rows: npt.NDArray[np.int64] | None, dtype: npt.DTypeLike) -> Hashes:
    """A 64-bit hash of the inputs of each chosen row, read as `dtype`: (n,).

    The bytes are taken as 64-bit words, each is mixed as in splitmix64 (Steele, Lea, Flood 2014) and multiplied
    by an odd number of its column's own; the sum is the hash. Equal values have equal hashes: 0 and −0, and gaps.
    """
    n = len(X) if rows is None else len(rows)
    out = np.empty(n, dtype=np.uint64)
    step = rows_in_block(X)
    words = -(-X.shape[1] * np.dtype(dtype).itemsize // 8)
    odd = (np.arange(1, words + 1, dtype=np.uint64) * np.uint64(_STEP)) | np.uint64(1)
    for start in range(0, n, step):
        block = X[start : start + step] if rows is None else X[rows[start : start + step]]
        word = _words(_plain(block.astype(dtype, copy=False)), words)
        word ^= word >> np.uint64(32)
        word *= _MIX
        word ^= word >> np.uint64(29)
        word *= odd
        out[start : start + step] = word.sum(axis=1, dtype=np.uint64)
    return out


def _plain(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values, each in one pattern of bits: 0 for −0, and one NaN."""
    if block.dtype.kind != "f":
        return block
    plain = block + block.dtype.type(0)
    gaps = np.isnan(plain)
    if gaps.any():
        plain[gaps] = np.nan
    return np.asarray(plain)


def _words(block: npt.NDArray[Any], words: int) -> Hashes:
    if block.shape[1] * block.itemsize == 8 * words:
        return np.array(block, order="C", copy=True).view(np.uint64)
    raw = np.ascontiguousarray(block).view(np.uint8).reshape(len(block), -1)
    padded = np.zeros((len(block), 8 * words), dtype=np.uint8)
    padded[:, : raw.shape[1]] = raw
    return padded.view(np.uint64)


Parts = Mapping[str, tuple[Numbers, npt.NDArray[np.int64] | None]]
"""Of each part the table it lies in and the rows of it, all for None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """What rows with the same inputs there are."""

    sizes: dict[str, int]
    copies: dict[str, int] = field(default_factory=dict)
    """Rows of each other part that have the inputs of a training row; parts without any are left out."""
    conflicting: int = 0
    """Training rows whose inputs another training row has with another target."""
    least_error: float = 0.0
    """The least training error that a function of the inputs can have, for those: misclassified rows, or
    mean (y − ŷ)² / Var(y)."""

    @property
    def bound(self) -> float:
        """`least_error` where enough rows conflict to take it for an estimate of the Bayes error, else 0."""
        enough = max(FEWEST, SHARE * self.sizes["train"])
        return self.least_error if self.conflicting >= enough else 0.0

    def notes(self) -> list[str]:
        """A line for what was found."""
        found = []
        if self.copies:
            text = ", ".join(f"{count} of {self.sizes[part]} in {part}" for part, count in self.copies.items())
            found.append(f"duplicates: rows with the same inputs as a training row: {text}; {_BETTER}")
        if self.conflicting:
            text = f"conflicts: {self.conflicting} of {self.sizes['train']} training rows have the inputs of another"
            least = f"{100 * self.least_error:.2g} %" if self.least_error < 0.1 else f"{self.least_error:.0%}"
            found.append(f"{text}, but not its target: no training error below {least} can be reached, {_BOUND}")
        return found


_BETTER = "errors there look better than they are"
_BOUND = "and the Bayes error (diagnosis.bayes_error) is hardly below it"


def duplicates(parts: Parts, y: Labels, task: SettledTask) -> Duplicates:
    """Rows with the same inputs across parts, and with other targets within train.

    Args:
        parts: "train" and the others.
        y: (m,) the targets of the training rows, in their order.
    """
    dtype = np.result_type(*(X.dtype for X, _ in parts.values()))
    hashes = _telling_hashes(parts, dtype)
    train = hashes.pop("train")
    ordered = np.sort(train)
    counts = {part: int(_among(found, ordered).sum()) for part, found in hashes.items()}
    conflicting, least_error = conflicts(train, y, task)
    return Duplicates(
        sizes={"train": len(train)} | {part: len(found) for part, found in hashes.items()},
        copies={part: count for part, count in counts.items() if count},
        conflicting=conflicting,
        least_error=least_error,
    )


def _telling_hashes(parts: Parts, dtype: npt.DTypeLike) -> dict[str, Hashes]:
    """Hashes that are equal where rows of any part are: of all columns for rows that agree with another row in
    those that tell most, of these alone for others."""
    columns = _telling(*parts["train"])
    found = {part: _few_hashes(X, rows, columns, dtype) for part, (X, rows) in parts.items()}
    if len(columns) == parts["train"][0].shape[1]:
        return found
    every = np.sort(np.concatenate(list(found.values())))
    again = every[1:][every[1:] == every[:-1]]
    for part, (X, rows) in parts.items():
        places = np.flatnonzero(_among(found[part], again))
        if len(places):
            found[part][places] = row_hashes(X, places if rows is None else rows[places], dtype)
    return found


def _among(hashes: Hashes, ordered: Hashes) -> npt.NDArray[np.bool_]:
    """Which of the hashes (n,) are among others that are sorted."""
    if not len(ordered):
        return np.zeros(len(hashes), dtype=np.bool_)
    place = np.minimum(np.searchsorted(ordered, hashes), len(ordered) - 1)
    return np.asarray(ordered[place] == hashes)


def _telling(X: Numbers, rows: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    """The columns of most different values in a sample, ascending."""
    n = len(X) if rows is None else len(rows)
    places = np.linspace(0, max(0, n - 1), min(n, _SAMPLE)).astype(np.int64)
    ordered = np.sort(X[places if rows is None else rows[places]], axis=0)
    different = (ordered[1:] != ordered[:-1]).sum(axis=0)
    return np.sort(np.argsort(-different, kind="stable")[:TELLING])


def _few_hashes(
    X: Numbers, rows: npt.NDArray[np.int64] | None, columns: npt.NDArray[np.int64], dtype: npt.DTypeLike
) -> Hashes:
    every = np.arange(len(X)) if rows is None else rows
    step = 2**14
    pieces = [every[start : start + step] for start in range(0, len(every), step)]
    some = [row_hashes(_cells(X, piece, columns), None, dtype) for piece in pieces]
    return np.concatenate(some) if some else np.empty(0, dtype=np.uint64)


def _cells(X: Numbers, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Numbers:
    """Without a copy of whole rows where X is an array."""
    return X[rows[:, None], columns] if isinstance(X, np.ndarray) else X[rows, columns]


def conflicts(hashes: Hashes, y: Labels, task: SettledTask) -> tuple[int, float]:
    """Rows that share their inputs with a row of another target, and the least error on all rows that follows.

    Σ_g (n_g − max_c n_gc) / m for classes; Σ_g Σ_i (y_i − ȳ_g)² / Σ_i (y_i − ȳ)² else ("pure error": Draper and
    Smith, Applied Regression Analysis, section 1.8). Both are on average at most the Bayes error at these inputs,
    since a group's best constant is fitted to it.

    hashes, y: (m,).
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    again = ordered[1:] == ordered[:-1]
    if not again.any():
        return 0, 0.0
    shared = np.concatenate((again, [False])) | np.concatenate(([False], again))
    rows = order[shared]
    values = ordered[shared]
    group = np.concatenate(([0], np.cumsum(values[1:] != values[:-1])))  # they are in order
    if task == "regression":
        return _scattered(group, y[rows].astype(np.float64), y.astype(np.float64))
    return _divided(group, numbered(y[rows])[1], len(y))


def _divided(group: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], m: int) -> tuple[int, float]:
    """Classes: what a group has beside its most frequent one."""
    sizes = np.bincount(group)
    cells, counts = np.unique(group * (int(codes.max()) + 1) + codes, return_counts=True)
    most = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(most, cells // (int(codes.max()) + 1), counts)
    return int(sizes[most < sizes].sum()), float((sizes - most).sum()) / m


def _scattered(
    group: npt.NDArray[np.int64], y: npt.NDArray[np.float64], every: npt.NDArray[np.float64]
) -> tuple[int, float]:
    """A quantity: the variance inside groups."""
    total = float(((every - every.mean()) ** 2).sum())
    if total == 0:
        return 0, 0.0
    sizes = np.bincount(group)
    low, high = np.full(len(sizes), np.inf), np.full(len(sizes), -np.inf)
    np.minimum.at(low, group, y)
    np.maximum.at(high, group, y)
    off = y - (np.bincount(group, weights=y) / sizes)[group]
    apart = high > low
    return int(sizes[apart].sum()), float((off[apart[group]] ** 2).sum()) / total
