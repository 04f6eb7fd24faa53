"""Reading whole files and hashing them. Regular files only: a FIFO or a device would never end."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress

from dltrain.storage.refusals import plainly, refusal

PathLike = str | os.PathLike[str]


def read_if_there(path: PathLike, *, last: int | None = None) -> bytes | None:
    """The file's bytes (only the `last` so many, if given), or None if there is no such file.

    Raises StorageError (I/O error) or InputError (permission, a folder, not a regular file).
    """
    try:
        fd = _open(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, "read", path) from error
    try:
        return _read(fd, last)
    except OSError as error:
        raise refusal(error, "read", path) from error
    finally:
        os.close(fd)


def read_bytes(path: PathLike) -> bytes:
    """The file's bytes; a missing file is an InputError too."""
    data = read_if_there(path)
    if data is None:
        raise refusal(FileNotFoundError(errno.ENOENT, ""), "read", path)
    return data


def read_first(path: PathLike, size: int) -> bytes:
    """The file's first `size` bytes, or all of fewer. Raises as `read_bytes`."""
    with plainly("read", path):
        fd = _open(path)
        with os.fdopen(fd, "rb") as file:
            return file.read(size)


def read_from(path: PathLike, start: int) -> bytes:
    """The file's bytes from `start` on. Raises as `read_bytes`."""
    with plainly("read", path):
        fd = _open(path)
        with os.fdopen(fd, "rb") as file:
            file.seek(start)
            return file.read()


def sha256_file(path: PathLike, *, from_disk: bool = False) -> str:
    """The SHA-256 of the file's bytes in hexadecimal, read a piece at a time.

    from_disk: not from the system's memory, where it lets us choose: what was written is then proven to be there.
    """
    with plainly("read", path):
        fd = _open(path)
        with os.fdopen(fd, "rb") as file:
            if from_disk and hasattr(os, "posix_fadvise"):
                with suppress(OSError):
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: PathLike) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, "not a regular file")
    return fd


def _read(fd: int, last: int | None) -> bytes:
    size = os.fstat(fd).st_size
    if last is not None and size > last:
        os.lseek(fd, size - last, os.SEEK_SET)
    pieces = []
    while piece := os.read(fd, max(65536, min(size, 1 << 26))):
        pieces.append(piece)
    return b"".join(pieces)
