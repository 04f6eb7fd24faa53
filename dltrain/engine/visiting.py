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


class Making(Protocol):
    """How training batches are made, anew at every visit, of rows that are not yet what the network sees."""

    rows: Floats | Table
    """(m, k): row i is what becomes example i."""
    portion: int
    """Rows that are made at once: of a larger batch one portion after another, so that memory stays bounded."""

    def make(self, rows: Floats, epoch: int, place: int, out: Floats) -> None:
        """out := the inputs (j, n_x) of rows (j, k), the first of which is visited at `place` of the epoch. What is
        drawn depends on the epoch and the place alone."""


def visits(X: Floats | Table, seed: int, making: Making | None = None) -> Visits:
    """The way of visiting that suits X: an array is in memory, a Table is not. With `making` the inputs are made of its
    rows in place of X, in the order that they would have."""
    if making is not None:
        return _Made(making, visits(making.rows, seed))
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


class _Made:
    """The rows of `making` in the order of `visits`, each batch made when it is gathered."""

    def __init__(self, making: Making, visits: Visits) -> None:
        self.making, self.visits = making, visits
        self.held: Floats = np.empty((0, making.rows.shape[1]), making.rows.dtype)

    def begin(self, epoch: int) -> None:
        self.epoch = epoch
        self.visits.begin(epoch)

    def gather(self, start: int, stop: int, out: Floats) -> Ints:
        if len(self.held) < stop - start:
            self.held = np.empty((stop - start, self.held.shape[1]), self.held.dtype)
        rows = self.held[: stop - start]
        numbers = self.visits.gather(start, stop, rows)
        for first in range(0, len(rows), self.making.portion):
            some = slice(first, first + self.making.portion)
            self.making.make(rows[some], self.epoch, start + first, out[some])
        return numbers
