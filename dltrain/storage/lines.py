"""A file of lines that grows at its end, as metrics.jsonl and events.jsonl do."""

from __future__ import annotations

import os

from dltrain.errors import StorageError
from dltrain.storage import operations
from dltrain.storage.locks import take
from dltrain.storage.refusals import plainly, shown

PathLike = str | os.PathLike[str]
_PIECE = 65536


class Lines:
    """Appends whole lines. A line is there wholly or not at all: what a killed process left of one is cut
    off on opening, and a write that fails is taken back.

    One process at a time: the caller holds a lock, or asks for one here with `patience` (seconds).
    """

    def __init__(self, path: PathLike, *, patience: float | None = None) -> None:
        self.path = os.fspath(path)
        with plainly("write", self.path):
            new = not os.path.lexists(self.path)
            self._fd = operations.open_to_append(self.path)
        try:
            if patience is not None:
                take(self._fd, self.path, patience=patience)
            with plainly("write", self.path):
                self._length = self._cut_torn_line()
                if new:
                    operations.sync_folder(os.path.dirname(self.path) or ".")
        except BaseException:
            self.close()
            raise

    def append(self, line: str) -> None:
        """Adds the line. It survives the process at once, and a power loss after the next `sync`."""
        self._check()
        data = line.encode() + b"\n"
        with plainly("write", self.path):
            try:
                operations.write_all(self._fd, self.path, data)
            except BaseException:
                self._take_back()
                raise
        self._length += len(data)

    def _take_back(self) -> None:
        """Cuts off what was written of a line. Where even that fails no line may follow the torn one."""
        try:
            operations.truncate(self._fd, self.path, self._length)
        except OSError:
            self.close()

    def sync(self) -> None:
        """Returns when every line is on the disk. After a failure the file is given up: nothing more is
        written to it, since the kernel may have forgotten what it could not write."""
        self._check()
        try:
            with plainly("write", self.path):
                operations.sync(self._fd, self.path)
        except BaseException:
            self.close()
            raise

    @property
    def length(self) -> int:
        """How many bytes there are, every one of them part of a whole line."""
        return self._length

    def cut(self, length: int) -> None:
        """Takes back every line after the first `length` bytes, which must end with a line, or be 0."""
        self._check()
        with plainly("write", self.path):
            whole = length == 0 or (0 < length <= self._length and os.pread(self._fd, 1, length - 1) == b"\n")
            if not whole:
                raise ValueError(f"no line of {self.path} ends at byte {length}")
            if length < self._length:
                operations.truncate(self._fd, self.path, length)
        self._length = length

    def read(self) -> bytes:
        """Everything in the file so far."""
        self._check()
        with plainly("read", self.path):
            starts = range(0, self._length, _PIECE)
            return b"".join(os.pread(self._fd, _PIECE, start) for start in starts)[: self._length]

    def close(self) -> None:
        """Closes the file (and frees its lock); a second time does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _check(self) -> None:
        if self._fd < 0:
            raise StorageError(f"cannot write {shown(self.path)}: it was given up after an error, or closed")

    def _cut_torn_line(self) -> int:
        """The length up to the end of the last whole line, after cutting off what follows it."""
        size = os.fstat(self._fd).st_size
        length = size
        while length > 0:
            start = max(0, length - _PIECE)
            newline = os.pread(self._fd, length - start, start).rfind(b"\n")
            if newline >= 0:
                length = start + newline + 1
                break
            length = start
        if length < size:
            operations.truncate(self._fd, self.path, length)
        return length
