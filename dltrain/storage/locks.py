"""Locks that the kernel frees when their process ends, however it ends: none is ever stale.

They are flock locks: they hold between processes of one host, and between hosts where the file system
carries them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from dltrain.errors import InputError, RunHeld
from dltrain.storage import operations
from dltrain.storage.refusals import plainly, shown

PathLike = str | os.PathLike[str]
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)


class Lock:
    """A held lock. It lasts until `release`, the end of a `with`, or the end of the process."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd

    def release(self) -> None:
        """Frees the lock; a second time does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def hold(path: PathLike, *, patience: float = 0.5, shared: bool = False) -> Lock:
    """Takes the lock on a file (made if need be, its content untouched) for the process's life. A shared one keeps
    out only those who want it for themselves.

    It tries for `patience` seconds, since whoever asks `held` has the lock for an instant.
    Raises RunHeld when another live process has it, InputError where the file system has no locks.
    """
    target = os.fspath(path)
    with plainly("lock", target):
        fd = operations.open_to_append(target)
    try:
        take(fd, target, patience=patience, shared=shared)
    except BaseException:
        os.close(fd)
        raise
    return Lock(target, fd)


def take(fd: int, path: str, *, patience: float, shared: bool = False) -> None:
    """Locks an open file for this process alone, or for it and others; raises as `hold`. Closing the file frees it."""
    end = time.monotonic() + patience
    while not _try(fd, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
        if time.monotonic() >= end:
            raise RunHeld(f"{shown(path)} is held by another live process")
        time.sleep(0.01)


def held(path: PathLike) -> bool:
    """Whether a live process holds the lock on this file. Where that cannot be found out, yes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        return not _try(fd, os.fspath(path), fcntl.LOCK_SH)
    except InputError:
        return True
    finally:
        os.close(fd)


def _try(fd: int, path: str, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        if error.errno in _NO_LOCKS:
            raise InputError(
                f"cannot lock {shown(path)}: its file system has no locks; choose a folder on another one"
            ) from error
        with plainly("lock", path):
            raise
    return True
