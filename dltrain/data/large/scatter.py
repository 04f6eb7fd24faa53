"""Rows to a file in another order than they come in, with sequential reads and writes and in bounded memory.

Rows go to buckets, by the stretch of the file to which they belong; then bucket after bucket is put in order.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dltrain import storage
from dltrain.data.large.filed import bytes_of, npy_header, read_into
from dltrain.engine.arrays import Floats, Ints

BUCKET = 32 * 2**20
"""Bytes of a bucket, and of the rows that are held before they go to their buckets."""


class Npy:
    """An NPY file whose rows come block after block."""

    def __init__(self, file: storage.Arriving, n: int, k: int, dtype: npt.DTypeLike) -> None:
        self.file, self.n, self.dtype = file, n, np.dtype(dtype)
        head = npy_header((n, k), dtype)
        file.write(head)
        self.crc32 = zlib.crc32(head)
        self.rows = 0

    def add(self, block: Floats) -> None:
        """The next rows."""
        data = bytes_of(np.ascontiguousarray(block, dtype=self.dtype))
        self.file.write(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.rows += len(block)


@contextmanager
def npy_file(path: Path, n: int, k: int, dtype: npt.DTypeLike) -> Iterator[Npy]:
    """An NPY file of (n, k) numbers, written durably: under its name it is whole or not there."""
    with storage.arriving(path) as file:
        npy = Npy(file, n, k, dtype)
        yield npy
        if npy.rows != n:
            raise ValueError(f"{npy.rows} rows of {n} came for {path}")


class Scatter:
    """Takes n rows of k numbers in order; row i goes to place destination[i]."""

    def __init__(self, folder: Path, destination: Ints, k: int, dtype: npt.DTypeLike) -> None:
        self.folder, self.destination, self.k, self.dtype = folder, destination, k, np.dtype(dtype)
        self.n = len(destination)
        self.per = max(1, BUCKET // (k * self.dtype.itemsize))
        self.buckets = -(-self.n // self.per)
        self._bucket = (destination // self.per).astype(np.uint32)
        self._held: Floats = np.empty((min(self.per, self.n), k), self.dtype)
        self._first = self._count = 0
        self.crc32 = 0
        storage.remove(folder)
        storage.make_folders(folder)

    def add(self, block: Floats) -> None:
        """The next rows."""
        while len(block):
            some = block[: len(self._held) - self._count]
            self._held[self._count : self._count + len(some)] = some
            self._count += len(some)
            block = block[len(some) :]
            if self._count == len(self._held):
                self._flush()

    def _flush(self) -> None:
        numbers = self._bucket[self._first : self._first + self._count]
        order = np.argsort(numbers, kind="stable")
        ends = np.searchsorted(numbers[order], np.arange(self.buckets + 1))
        for bucket in range(self.buckets):
            rows = order[ends[bucket] : ends[bucket + 1]]
            if len(rows):
                storage.append(self._path(bucket), [bytes_of(self._held[rows])])
        self._first += self._count
        self._count = 0

    def _path(self, bucket: int) -> Path:
        return self.folder / f"bucket-{bucket:05d}"

    def finish(self, path: Path, done: Callable[[int], None]) -> None:
        """Writes the NPY file and removes the buckets. `done` is told how many rows are there."""
        self._flush()
        self._held = np.empty((0, self.k), self.dtype)
        with npy_file(path, self.n, self.k, self.dtype) as npy:
            for block in self._ordered(done):
                npy.add(block)
        storage.remove(self.folder)
        self.crc32 = npy.crc32

    def _ordered(self, done: Callable[[int], None]) -> Iterator[Floats]:
        rows = np.argsort(self._bucket, kind="stable")
        for bucket in range(self.buckets):
            first, last = bucket * self.per, min((bucket + 1) * self.per, self.n)
            came = np.empty((last - first, self.k), self.dtype)
            with self._path(bucket).open("rb") as file:
                read_into(file.fileno(), self._path(bucket), 0, came)
            out = np.empty_like(came)
            out[self.destination[rows[first:last]] - first] = came
            yield out
            storage.remove(self._path(bucket))
            done(last)
