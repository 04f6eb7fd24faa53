"""Tables that lie in files and are read as they are asked for: the pieces of a raw table, and the parts of a cache."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.large.store import Stored, Values
from dltrain.errors import StorageError
from dltrain.storage import plainly, shown

BLOCK = 2 * 2**20
"""Bytes of a block of rows: they are read together, and stay neighbours for good."""
WINDOW = 16
"""Blocks whose rows an epoch mixes."""


def bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """The bytes of a contiguous array, in place."""
    return array.data.cast("B") if array.size else memoryview(b"")


def read_into(fd: int, path: Path, offset: int, out: npt.NDArray[Any]) -> None:
    """Fills a contiguous array with the bytes at an offset. Raises StorageError if there are too few."""
    rest = bytes_of(out)
    with plainly("read", path):
        while rest:
            taken = os.preadv(fd, [rest], offset)
            if taken == 0:
                raise StorageError(f"{shown(path)} ends too early: it was changed while it was read")
            rest, offset = rest[taken:], offset + taken


class Mapped(Stored):
    """The array of an NPY file, (n, k), of which only what is asked for is read. It is a Table of the engine's."""

    offset = None

    def __init__(self, path: Path) -> None:
        self.path = path
        with plainly("read", path), path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            (self.n, self.k), _, self.kept = read(file)
            self._start = file.tell()
            self._fd = os.dup(file.fileno())
        self.block = rows_in_block(self.k, self.kept)
        self.window = WINDOW
        self.per = self.block

    def __del__(self) -> None:
        fd, self._fd = getattr(self, "_fd", -1), -1
        if fd >= 0:
            os.close(fd)

    def _range(self, start: int, stop: int, columns: Any) -> Values:
        return self._read(start, stop)[:, columns]

    def _read(self, start: int, stop: int) -> Values:
        out = np.empty((stop - start, self.k), self.kept)
        read_into(self._fd, self.path, self._start + start * self.k * self.kept.itemsize, out)
        return out


def rows_in_block(k: int, dtype: npt.DTypeLike) -> int:
    """So many rows of k numbers are a block."""
    return max(1, BLOCK // (max(1, k) * np.dtype(dtype).itemsize))


def npy_header(shape: tuple[int, ...], dtype: npt.DTypeLike) -> bytes:
    """What an NPY file of such an array begins with."""
    from io import BytesIO

    head = BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, described)
    return head.getvalue()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a raw table in a file of their own: nothing but the numbers."""

    path: Path
    rows: int
    dtype: str


class Pieces(Stored):
    """The pieces one after another. Those in float64 are without the offset."""

    def __init__(self, k: int, pieces: Sequence[Piece], offset: npt.NDArray[np.float64] | None) -> None:
        self.k, self.pieces = k, list(pieces)
        self.kept = np.result_type(*(piece.dtype for piece in pieces))
        mixed = len({piece.dtype for piece in pieces}) > 1
        self._inside = offset if mixed else None
        self.offset = None if mixed or self.kept.itemsize == 8 else offset
        self._bounds = np.cumsum([0, *(piece.rows for piece in pieces)])
        self.n = int(self._bounds[-1])
        self.per = max(1, self.n)

    def _cuts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        while True:
            number = min(int(np.searchsorted(self._bounds, start, side="right")), len(self.pieces))
            end = min(stop, int(self._bounds[number]))
            yield start, max(start, end)
            start = end
            if start >= stop:
                return

    def _read(self, start: int, stop: int) -> Values:
        if start == stop:
            return np.empty((0, self.k), self.kept)
        number = int(np.searchsorted(self._bounds, start, side="right")) - 1
        piece = self.pieces[number]
        out = np.empty((stop - start, self.k), piece.dtype)
        with plainly("read", piece.path):
            fd = os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            at = (start - int(self._bounds[number])) * self.k * out.itemsize
            read_into(fd, piece.path, at, out)
        finally:
            os.close(fd)
        if self._inside is not None and out.itemsize == 4:
            return np.asarray(out + self._inside)
        return out.astype(self.kept, copy=False)
