"""The operations of which durable writing is made, one system call each.

This is the only module that opens files for writing or changes a folder, so that a test can stand in front
of every operation (`hook`): count them, record them, make one fail, or kill the process there. All of them
raise a plain OSError; the modules above turn it into one line.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "create", "open", "write", "sync", "truncate", "rename", "sync folder", "make folder", "unlink", "remove folder"
]


@dataclass(frozen=True, slots=True)
class Operation:
    """What is about to happen: enough to replay it, and so to build what a crash would leave on the disk."""

    kind: Kind
    path: str
    target: str = ""
    """The new name, for a rename."""
    data: bytes = b""
    """The bytes about to be written (fewer may be)."""
    length: int = 0
    """The new length, for a truncate."""


hook: Callable[[Operation], None] | None = None
"""Called before each operation when set. For tests."""


def _before(kind: Kind, path: str, *, target: str = "", data: bytes | memoryview = b"", length: int = 0) -> None:
    if hook is not None:
        hook(Operation(kind, path, target, bytes(data), length))


def create(path: str) -> int:
    """Opens a new file; FileExistsError if there is one already, or a link in its place."""
    _before("create", path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def open_to_append(path: str) -> int:
    """Opens a file whose writes go to its end, creating it if need be. Regular files only."""
    _before("open", path)
    # O_NONBLOCK: a FIFO in its place must not hang us before it is refused.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file")
    return fd


def write_all(fd: int, path: str, data: bytes | memoryview) -> None:
    """Writes every byte, however few the system takes at a time."""
    rest = memoryview(data)
    while rest:
        _before("write", path, data=rest)
        taken = os.write(fd, rest)
        if taken == 0:
            raise OSError(errno.EIO, "the file takes no more bytes")
        rest = rest[taken:]


def sync(fd: int, path: str) -> None:
    """Returns when the file's bytes are on the disk. After it fails the bytes may be lost even if a second
    call succeeds (the kernel forgets what it could not write), so the file is to be given up."""
    _before("sync", path)
    _flush(fd)


def _flush(fd: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        try:  # there, fsync leaves the bytes in the drive's own memory
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
        except OSError:
            pass
    os.fsync(fd)


def sync_folder(path: str) -> None:
    """Returns when the folder's names are on the disk."""
    _before("sync folder", path)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _flush(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that has no such thing
            raise
    finally:
        os.close(fd)


def truncate(fd: int, path: str, length: int) -> None:
    _before("truncate", path, length=length)
    os.ftruncate(fd, length)


def rename(path: str, target: str) -> None:
    """Gives a file its name, over what has that name; a folder only where nothing (or an empty folder) is."""
    _before("rename", path, target=target)
    os.rename(path, target)


def make_folder(path: str) -> None:
    _before("make folder", path)
    os.mkdir(path)


def unlink(path: str) -> None:
    _before("unlink", path)
    os.unlink(path)


def remove_folder(path: str) -> None:
    _before("remove folder", path)
    os.rmdir(path)
