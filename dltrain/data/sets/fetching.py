"""Bringing a named set to this machine: from a mirror or its public addresses, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from dltrain import storage
from dltrain.data.sets.named import folder_of
from dltrain.data.sets.named_sets import Named, Remote
from dltrain.errors import InputError, RunHeld

MIRROR = "DLTRAIN_DATA_MIRROR"
PAUSES = (0.5, 2.0)
"""Seconds before each further attempt at an address that failed in a way that may pass."""
TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and between two pieces."""
PATIENCE = 3600.0
"""Seconds to wait for another process that fetches the same set."""
PIECE = 1 << 16
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""HTTP codes that ask to try again."""

Watch: TypeAlias = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that came so far, and all of them."""

_REASONS = {
    "SSLError": "its certificate is not trusted",
    "ProxyError": "the proxy refuses, or can't be reached",
    "Timeout": "no answer in time",
    "ChunkedEncodingError": "the connection broke off",
    "InvalidSchema": "no http, https or file address",
    "InvalidURL": "no valid address",
    "MissingSchema": "no valid address",
    "ConnectionError": "no connection",
}
"""By the class of the error, or one that it derives from."""


class _Refused(Exception):
    """An address did not give the file; why."""


def fetch(named: Named, watch: Watch | None = None, tell: Callable[[str], None] | None = None) -> tuple[str, ...]:
    """Brings the files of the set that are not here yet, or not as published; their names. Nothing if all are here.

    `watch` is told of the progress, `tell` what a user should know while waiting. Several processes may fetch at once:
    one does. Raises InputError when no address gives a file, StorageError when the disk is full or fails.
    """
    folder = folder_of(named)
    if not _wanted(named, folder):
        return ()
    storage.make_folders(folder)
    with _alone(named, folder, tell):
        storage.sweep_temporaries(folder)
        wanted = _wanted(named, folder)  # another process may have been quicker
        for remote in wanted:
            _bring(named, remote, folder, watch)
    return tuple(remote.name for remote in wanted)


def _wanted(named: Named, folder: Path) -> list[Remote]:
    return [remote for remote in named.files if not _sound(remote, folder / remote.name)]


def _sound(remote: Remote, path: Path) -> bool:
    """Whether the file is there and as published, its prefix apart."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != remote.size - len(remote.prefix):
                return False
            digest = hashlib.file_digest(file, lambda: hashlib.sha256(remote.prefix))
    except OSError:
        return False
    return digest.hexdigest() == remote.sha256


@contextmanager
def _alone(named: Named, folder: Path, tell: Callable[[str], None] | None) -> Iterator[None]:
    place = folder / ".lock"
    try:
        lock = storage.hold(place)
    except RunHeld:
        if tell is not None:
            tell(f"another process fetches {named.name}; waiting for it")
        lock = storage.hold(place, patience=PATIENCE)
    with lock:
        yield


def _bring(named: Named, remote: Remote, folder: Path, watch: Watch | None) -> None:
    tried = []
    path = folder / remote.name
    for address in _addresses(named, remote, path):
        try:
            _bring_from(address, remote, path, watch)
            return
        except _Refused as why:
            tried.append(f"{re.sub('//[^/@]*@', '//', address)}: {why}")  # no password is shown
    raise InputError(f"cannot fetch {named.name}: {'; '.join(tried)}; {_advice(named, remote, folder)}")


def _advice(named: Named, remote: Remote, folder: Path) -> str:
    inner = f"{named.name}/{remote.name}"
    if os.environ.get(MIRROR):
        return f"{MIRROR} alone was asked: put the file there, or unset it to ask the public addresses"
    return (
        f"set {MIRROR} to a folder or address with {inner} in it, or put that file into {storage.shown(folder)} by hand"
    )


def _addresses(named: Named, remote: Remote, path: Path) -> tuple[str, ...]:
    """Where to ask. First the file itself, which may lie there by hand with the prefix that it was published with."""
    here = (str(path),) if remote.prefix and path.is_file() else ()
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return (*here, *remote.urls)
    return (*here, f"{mirror.removesuffix('/')}/{named.name}/{remote.name}")


def _bring_from(address: str, remote: Remote, path: Path, watch: Watch | None) -> None:
    local = _local(address)
    if local is not None:
        _copy(local, remote, path, watch)
        return
    for pause in (*PAUSES, None):
        try:
            with _arriving(remote, path, watch) as file:
                _download(address, file)
            return
        except OSError as error:  # what requests raises; the disk's own errors are not
            if pause is None or not _may_pass(error):
                raise _Refused(_reason(error)) from None
            time.sleep(pause)


def _local(address: str) -> Path | None:
    """The path that an address stands for, if it is one of this machine."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", address):
        return Path(address).expanduser()
    try:
        parts = urlsplit(address)
    except ValueError:
        raise _Refused(_REASONS["InvalidURL"]) from None
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _copy(source: Path, remote: Remote, path: Path, watch: Watch | None) -> None:
    try:
        if not stat.S_ISREG(source.stat().st_mode):
            raise _Refused("not a regular file")
        file = source.open("rb")
    except OSError as error:
        raise _Refused(error.strerror or str(error)) from None
    with file, _arriving(remote, path, watch) as arriving:
        while piece := _read(file):
            arriving.write(piece)


def _read(file: Any) -> bytes:
    try:
        return bytes(file.read(PIECE))
    except OSError as error:
        raise _Refused(error.strerror or str(error)) from None


def _download(address: str, file: _Checked) -> None:
    from pooch import HTTPDownloader

    answers: list[Any] = []

    def keep(answer: Any, *_: object, **__: object) -> None:
        answers.append(answer)

    # Packed files are to come as they are: a server that says `Content-Encoding: gzip` would have them unpacked.
    headers = {"Accept-Encoding": "identity", "User-Agent": "dltrain"}
    options = {"timeout": TIMEOUT, "headers": headers, "hooks": {"response": keep}}
    try:
        HTTPDownloader(progressbar=False, chunk_size=PIECE, **options)(address, file, None)
    finally:
        for answer in answers:  # pooch leaves the connection of a download that failed open
            answer.close()


@contextmanager
def _arriving(remote: Remote, path: Path, watch: Watch | None) -> Iterator[_Checked]:
    """What is written inside becomes the file, if it is the published one. Raises _Refused if not."""
    with storage.arriving(path) as kept:
        file = _Checked(kept, remote, watch)
        yield file
        file.finish()


class _Checked:
    """Passes pieces on to the disk, without the prefix, while it counts and hashes them."""

    def __init__(self, kept: storage.Arriving, remote: Remote, watch: Watch | None) -> None:
        self.kept = kept
        self.remote = remote
        self.watch = watch
        self.came = 0
        self.digest = hashlib.sha256(remote.prefix)
        self.head: bytes | None = b""
        """What came so far, while that is not more than the prefix."""

    def write(self, data: bytes) -> int:
        self.came += len(data)
        if self.came > self.remote.size:
            raise _Refused(f"it is no copy of the published file: longer than {self.remote.size} bytes")
        if self.head is None:
            self._keep(data)
        elif len(self.head) + len(data) >= len(self.remote.prefix):
            whole, self.head = self.head + data, None
            self._keep(whole.removeprefix(self.remote.prefix))
        else:
            self.head += data
        if self.watch is not None:
            self.watch(self.remote.name, self.came, self.remote.size)
        return len(data)

    def flush(self) -> None:
        """Called by the downloader after each piece."""

    def _keep(self, data: bytes) -> None:
        self.digest.update(data)
        self.kept.write(data)

    def finish(self) -> None:
        """Raises _Refused unless the published bytes came, with or without the prefix."""
        if self.head:
            self._keep(self.head)
        found = self.digest.hexdigest()
        if found != self.remote.sha256:
            short = "cut short, or " if self.came < self.remote.size - len(self.remote.prefix) else ""
            message = (
                f"it is {short}no copy of the published file: sha256 {found[:12]}.., not {self.remote.sha256[:12]}.."
            )
            raise _Refused(message)


def _may_pass(error: OSError) -> bool:
    code = _code(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    if code is not None:
        return code in PASSING
    return not names & {"SSLError", "InvalidSchema", "InvalidURL"}


def _code(error: OSError) -> int | None:
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code if isinstance(code, int) else None


def _reason(error: OSError) -> str:
    code = _code(error)
    if code is not None:
        return f"HTTP {code} {getattr(error.response, 'reason', '') or ''}".rstrip()  # type: ignore[attr-defined]
    if "Read timed out" in str(error):
        return _REASONS["Timeout"]
    names = [kind.__name__ for kind in type(error).__mro__]
    return next((reason for name, reason in _REASONS.items() if name in names), str(error) or names[0])
