"""In which order an epoch visits the training rows, and how its batches are gathered.

Rows in memory are shuffled anew each epoch. Rows that lie in a file are visited block by block: the blocks in
random order, the rows of some blocks at a time shuffled in memory, so that reading stays sequential and memory
bounded. Both orders are pure functions of (seed, epoch).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dltrain.engine.arrays import Floats, Ints, Table
from dltrain.engine.streams import Purpose, permutation


class Visits(Protocol):
    """The visits of one epoch after another."""

    def begin(self, epoch: int) -> None:
        """Settles the order of an epoch."""

    def gather(self, start: int, stop: int, out: Floats) -> Ints:
        """out := the inputs of the rows visited from place `start` to `stop`. Returns their row numbers."""


def visits(X: Floats | Table, seed: int) -> Visits:
    """The way of visiting that suits X: an array is in memory, a Table is not."""
    return _Shuffled(X, seed) if isinstance(X, np.ndarray) else _Blockwise(X, seed)


class _Shuffled:
    """All rows in one random order."""

    def __init__(self, X: Floats, seed: int) -> None:
        self.X, self.seed = X, seed

    def begin(self, epoch: int) -> None:
        self.order = permutation(len(self.X), self.seed, Purpose.SHUFFLE, epoch)

    def gather(self, start: int, stop: int, out: Floats) -> Ints:
        rows = self.order[start:stop]
        np.take(self.X, rows, axis=0, out=out, mode="clip")
        return rows


class _Blockwise:
    """Blocks in random order; the rows of one window (some blocks after one another) in random order."""

    def __init__(self, X: Table, seed: int) -> None:
        self.X, self.seed = X, seed
        self.blocks = -(-len(X) // X.block)
        self.held: Floats = np.empty((0, X.shape[1]), X.dtype)

    def begin(self, epoch: int) -> None:
        X = self.X
        self.epoch, self.window = epoch, -1
        self.order = permutation(self.blocks, self.seed, Purpose.SHUFFLE, epoch)
        sizes = np.minimum(X.block, len(X) - self.order * X.block)
        self.starts = np.concatenate([[0], np.add.reduceat(sizes, np.arange(0, self.blocks, X.window)).cumsum()])

    def gather(self, start: int, stop: int, out: Floats) -> Ints:
        numbers = np.empty(stop - start, np.int64)
        for window in range(*np.searchsorted(self.starts, [start + 1, stop]) - [1, 0]):
            if window != self.window:
                self._read(window)
            begin = int(self.starts[window])
            first, last = max(start, begin), min(stop, int(self.starts[window + 1]))
            places = self.places[first - begin : last - begin]
            here = slice(first - start, last - start)
            np.take(self.held, places, axis=0, out=out[here], mode="clip")
            numbers[here] = self.numbers[places]
        return numbers

    def _read(self, window: int) -> None:
        """Holds the rows of a window, in the order of its blocks, and settles in which order they are visited."""
        X = self.X
        blocks = self.order[window * X.window : (window + 1) * X.window]
        rows = [slice(first, min(first + X.block, len(X))) for first in (blocks * X.block).tolist()]
        self.numbers = np.concatenate([np.arange(part.start, part.stop) for part in rows])
        if not len(self.held):
            self.held = np.empty((min(X.block * X.window, len(X)), X.shape[1]), X.dtype)
        at = 0
        for part in rows:
            size = part.stop - part.start
            self.held[at : at + size] = X[part]
            at += size
        self.places = permutation(at, self.seed, Purpose.SHUFFLE, self.epoch, window + 1)
        self.window = window
