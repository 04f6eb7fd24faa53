"""A file whose bytes are handed over a piece at a time, as a download's are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dltrain.storage import operations
from dltrain.storage.durable import token
from dltrain.storage.refusals import plainly

PathLike = str | os.PathLike[str]


class Arriving:
    """Takes the pieces of a new file. It has the two methods of a binary file that downloaders call."""

    __slots__ = ("_fd", "_path", "_target")

    def __init__(self, target: str, path: str, fd: int) -> None:
        self._target = target
        self._path = path
        self._fd = fd

    def write(self, data: bytes | memoryview) -> int:
        """Adds the bytes. Raises as `storage.write_bytes`."""
        with plainly("write", self._target):
            operations.write_all(self._fd, self._path, data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back; the end of `arriving` brings all of it to the disk."""


@contextmanager
def arriving(path: PathLike) -> Iterator[Arriving]:
    """`with arriving(path) as file: file.write(piece)`: a durable write whose content comes piece by piece.

    The pieces go to a temporary file beside `path`, which gets its name when the block ends, and goes when the block
    raises: under its own name the file is whole or not there. A killed process leaves a temporary file at most, which
    `sweep_temporaries` removes. Raises as `storage.write_bytes`.
    """
    target = os.fspath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{token(4)}.tmp")
    with plainly("write", target):
        fd = operations.create(temporary)
    try:
        try:
            yield Arriving(target, temporary, fd)
            with plainly("write", target):
                operations.sync(fd, temporary)
        finally:
            os.close(fd)
        with plainly("write", target):
            operations.rename(temporary, target)
    except BaseException:
        with suppress(OSError):
            operations.unlink(temporary)
        raise
    with plainly("write", target):
        operations.sync_folder(folder or ".")
