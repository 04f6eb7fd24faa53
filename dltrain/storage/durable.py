"""Files that are either wholly the old one or wholly the new one, whatever happens in between.

The new bytes go to a temporary file in the same folder, then to the disk (fsync), then the file is renamed
over the old one, then the folder itself goes to the disk. A process killed in between leaves at most a
temporary file (`.NAME.xxxxxxxx.tmp`); an error leaves not even that.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from dltrain.storage import operations
from dltrain.storage.plain import to_json
from dltrain.storage.refusals import plainly

PathLike = str | os.PathLike[str]
_NAME_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


def token(size: int) -> str:
    """As many random bytes in hexadecimal: for names that nobody else has, never for numbers."""
    return os.urandom(size).hex()


def write_bytes(path: PathLike, data: bytes) -> None:
    """Writes the file durably: on return the bytes and the name survive a power loss.

    Raises StorageError (disk full, quota, I/O error) or InputError (no such folder, permission, read-only);
    the old content is then intact (or, if only the folder's last sync failed, the new content is there).
    """
    write_pieces(path, (data,))


def write_pieces(path: PathLike, pieces: Iterable[bytes | memoryview]) -> None:
    """`write_bytes` of several pieces, so that what is large need not be joined first."""
    target = os.fspath(path)
    with plainly("write", target):
        _replace(target, pieces)
        operations.sync_folder(os.path.dirname(target) or ".")


def write_files(folder: PathLike, files: Mapping[str, bytes]) -> None:
    """`write_bytes` of several files of one folder, whose names go to the disk together. Raises as `write_bytes`."""
    place = os.fspath(folder)
    for name, data in files.items():
        with plainly("write", os.path.join(place, name)):
            _replace(os.path.join(place, name), (data,))
    sync_folder(place)


def _replace(target: str, pieces: Iterable[bytes | memoryview]) -> None:
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{token(4)}.tmp")
    try:
        _write_new(temporary, pieces)
        operations.rename(temporary, target)
    except BaseException:
        with suppress(OSError):
            operations.unlink(temporary)
        raise


def _write_new(path: str, pieces: Iterable[bytes | memoryview]) -> None:
    fd = operations.create(path)
    try:
        for piece in pieces:
            operations.write_all(fd, path, piece)
        operations.sync(fd, path)
    finally:
        os.close(fd)


def write_text(path: PathLike, text: str) -> None:
    """`write_bytes` in UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: PathLike, value: Any) -> None:
    """`write_text` of indented JSON; a number that is not finite becomes null."""
    write_text(path, to_json(value, indent=2) + "\n")


def make_folders(path: PathLike) -> None:
    """Makes the folder and those above it, durably; one that is there already is fine."""
    target = os.fspath(path)
    with plainly("make the folder", target):
        _make_folders(target)


def _make_folders(target: str) -> None:
    if os.path.isdir(target):
        return
    above = os.path.dirname(os.path.abspath(target))
    _make_folders(above)
    try:
        operations.make_folder(target)
    except FileExistsError:  # another process was quicker, or a file is in the way
        if not os.path.isdir(target):
            raise
    operations.sync_folder(above)


def fill_folder(path: PathLike, files: Mapping[str, bytes]) -> None:
    """Writes new files into a folder that nobody looks at yet: no renames, and one sync of the folder."""
    folder = os.fspath(path)
    with plainly("write", folder):
        for name, data in files.items():
            _write_new(os.path.join(folder, name), (data,))
        operations.sync_folder(folder)


def publish_folder(path: PathLike, target: PathLike) -> bool:
    """Renames a finished folder onto a name, durably; False when the name is taken. Of many processes that
    try at once exactly one wins: the kernel renames a folder only where nothing, or an empty folder, is."""
    old, new = os.fspath(path), os.fspath(target)
    with plainly("make the folder", new):
        try:
            operations.rename(old, new)
        except OSError as error:
            if error.errno in _NAME_TAKEN and os.path.lexists(new):
                return False
            raise
        operations.sync_folder(os.path.dirname(new) or ".")
    return True


def remove_tree(path: PathLike) -> None:
    """Removes a folder and what is in it, following no link. What cannot be removed stays, silently."""
    folder = os.fspath(path)
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                remove_tree(entry.path)
            else:
                operations.unlink(entry.path)
        operations.remove_folder(folder)


def sync_folder(path: PathLike) -> None:
    """Returns when the folder's names are on the disk. Raises StorageError."""
    with plainly("write", path):
        operations.sync_folder(os.fspath(path))


def remove(path: PathLike) -> None:
    """Removes what has this name, a folder with all that is in it; following no link. Nothing there is fine.

    Raises StorageError or InputError when it cannot be removed.
    """
    target = os.fspath(path)
    with plainly("remove", target):
        try:
            if stat.S_ISDIR(os.lstat(target).st_mode):
                remove_tree(target)
                if os.path.lexists(target):
                    raise OSError(errno.ENOTEMPTY, "")
            else:
                operations.unlink(target)
        except FileNotFoundError:
            pass


def claim(path: PathLike, target: PathLike) -> bool:
    """Renames a file of this folder if it is still there; of several processes one gets it. Raises StorageError."""
    old = os.fspath(path)
    with plainly("rename", old):
        try:
            operations.rename(old, os.fspath(target))
        except FileNotFoundError:
            return False
    return True


def take_back(path: PathLike) -> bool:
    """Removes a file if it is still there. Raises StorageError."""
    target = os.fspath(path)
    with plainly("remove", target):
        try:
            operations.unlink(target)
        except FileNotFoundError:
            return False
    return True


def sweep_temporaries(folder: PathLike) -> None:
    """Removes the temporary files that a killed process left. Only for whoever holds the folder."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if _TEMPORARY.fullmatch(entry.name) and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                with suppress(OSError):
                    operations.unlink(entry.path)
