"""Files for the time of a computation: they need not survive a power loss, and grow at their end."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dltrain.storage import operations
from dltrain.storage.refusals import plainly

PathLike = str | os.PathLike[str]


def append(path: PathLike, pieces: Iterable[bytes | memoryview]) -> None:
    """Adds the pieces at the end of the file, which is made if need be. Raises as `write_bytes`."""
    target = os.fspath(path)
    with plainly("write", target):
        fd = operations.open_to_append(target)
        try:
            for piece in pieces:
                operations.write_all(fd, target, piece)
        finally:
            os.close(fd)
