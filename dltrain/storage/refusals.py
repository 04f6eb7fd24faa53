"""From an OSError to one plain line: which path, what happened, what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from dltrain.errors import InputError, StorageError

_FULL = "the disk is full; free some space, then run the same command again"
_CAUSES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: "your disk quota is used up; free some space, then run the same command again",
    errno.EFBIG: "the file is larger than is allowed here (ulimit -f)",
    errno.EIO: "input/output error: the disk or its connection failed; see the system's log",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission denied; choose another folder, or change the permissions",
    errno.EPERM: "operation not permitted; choose another folder, or change the permissions",
    errno.ENOENT: "no such file or folder",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.EISDIR: "it is a folder, a file was expected",
    errno.EEXIST: "it exists already",
    errno.ENOTEMPTY: "it exists already",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "a link that leads nowhere or round in a circle",
    errno.EINVAL: "not a regular file",
}
_USERS_CHOICE = frozenset(
    (
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENOTEMPTY,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EINVAL,
    )
)


def shown(path: str | os.PathLike[str]) -> str:
    """The path in one line, whatever characters it holds."""
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)


def refusal(error: OSError, doing: str, path: str | os.PathLike[str]) -> InputError:
    """The error to raise: InputError (exit 2) where another path would do, else StorageError (exit 74)."""
    number = error.errno or 0
    cause = _CAUSES.get(number) or (os.strerror(number).lower() if number else str(error) or "unknown error")
    kind = InputError if number in _USERS_CHOICE else StorageError
    return kind(f"cannot {doing} {shown(path)}: {cause}")


@contextmanager
def plainly(doing: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns an OSError of the block into its one line: `with plainly("write", path): ...`."""
    try:
        yield
    except OSError as error:
        raise refusal(error, doing, path) from error
