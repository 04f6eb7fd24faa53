"""Opening data files with care: regular files only, `.gz` and `.zst` seen through, damage told in one line."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, cast

from dltrain.errors import InputError, Problem, did_you_mean

Kind: TypeAlias = Literal["delimited", "jsonl", "parquet", "npy", "npz", "idx", "hdf5"]

DEFLATE = 1100
"""Deflate cannot shrink more than 1032 to 1: a header that claims more than this lies."""
_ZSTD_BOUND = 2**28
"""Zstandard can shrink further; that is believed up to so many bytes."""

READABLE = "csv, tsv, jsonl, parquet, npy, npz, idx or h5 (.gz and .zst too)"

_HDF5 = b"\x89HDF\r\n\x1a\n"
_KERNEL = ("/proc/", "/sys/")
"""What lies there calls itself a regular file, but may have no size and no end, or wait for ever."""

_FOREIGN = {
    b"\xfd7zX": "compressed with xz",
    b"BZh": "compressed with bzip2",
    b"%PDF": "a PDF file",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"ARROW1": "an Arrow file",
    b"\xd0\xcf\x11\xe0": "an old Office file (a workbook? save it as CSV)",
    b"SQLite": "an SQLite database",
    b"\x89PNG": "a single picture",
    b"\xff\xd8\xff": "a single picture",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def shown(path: Path) -> str:
    """The path as messages show it: relative when it lies in the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def require_file(path: Path, key: str | None, known: tuple[str, ...] = ()) -> Path:
    """The path itself, if a regular file lies there; else InputError. `known` are other names that would do."""
    require_utf8(path, key)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(Problem(f"there is no file {shown(path)}{_nearest(path, known)}", key)) from None
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot read {shown(path)!r}: {_reason(error)}", key)) from None
    if stat.S_ISDIR(mode):
        hint = "name a file in it, or say in data.arrays which of its files hold inputs and targets"
        raise InputError(Problem(f"{shown(path)} is a folder; {hint}", key))
    if not stat.S_ISREG(mode):
        raise InputError(Problem(f"{shown(path)} is not a regular file; copy the data into one", key))
    if os.path.realpath(path).startswith(_KERNEL):
        raise InputError(Problem(f"{shown(path)} is made up by the kernel; copy the data into a regular file", key))
    return path


def require_utf8(path: Path, key: str | None) -> None:
    """Raises InputError for a name with bytes that are no text: configs and records, which name it, are UTF-8."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:
        name = os.fsencode(path).decode(errors="backslashreplace")
        raise InputError(Problem(f"{name}: the name is not UTF-8; rename the file or its folder", key)) from None


def _nearest(path: Path, known: tuple[str, ...]) -> str:
    try:
        with os.scandir(path.parent) as entries:
            siblings = [entry.name for entry, _ in zip(entries, range(1000), strict=False)]
    except OSError:
        return f": the folder {shown(path.parent)} does not exist either"
    return did_you_mean(path.name, [*siblings, *known])


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


@contextmanager
def reading(path: Path, key: str | None = None) -> Iterator[None]:
    """Turns what damaged or unreadable files raise while they are read into one line."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{shown(path)} is damaged or cut short ({error}); copy or download it again"
        raise InputError(Problem(message, key)) from None
    except OSError as error:
        raise InputError(Problem(f"cannot read {shown(path)}: {_reason(error)}", key)) from None
    except MemoryError:
        raise InputError(Problem(f"{shown(path)} does not fit into memory; use a part of it", key)) from None


@contextmanager
def open_data(path: Path, key: str | None = None) -> Iterator[BinaryIO]:
    """The file's content as bytes, unpacked if it is gzip or Zstandard."""
    with reading(path, key), path.open("rb") as file:
        packed = _packing(file.read(4))
        file.seek(0)
        if packed == "gzip":
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                yield cast(BinaryIO, unpacked)
        elif packed == "zstd":
            with _unzstd(file) as unpacked:
                yield unpacked
        else:
            yield file


@contextmanager
def open_stream(stream: BinaryIO, place: str) -> Iterator[tuple[BinaryIO, Kind | None]]:
    """What a pipe gives, unpacked if it is gzip or Zstandard, and its kind by its first bytes."""
    with reading(Path(place)):
        file = io.BufferedReader(cast(io.RawIOBase, stream), 2**16)
        packed = _packing(file.peek(4)[:4])
        if packed == "gzip":
            file = io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file, mode="rb")))
        if packed == "zstd":
            with _unzstd(file) as unpacked:
                file = io.BufferedReader(cast(io.RawIOBase, unpacked))
                yield file, _kind(file.peek(4096)[:4096])
        else:
            yield file, _kind(file.peek(4096)[:4096])


def _packing(head: bytes) -> Literal["gzip", "zstd", None]:
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    skippable = head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
    return "zstd" if head == b"\x28\xb5\x2f\xfd" or skippable else None


@contextmanager
def _unzstd(file: BinaryIO) -> Iterator[BinaryIO]:
    zstd: Any
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    try:
        with zstd.ZstdFile(file) as unpacked:
            yield unpacked
    except zstd.ZstdError as error:
        raise EOFError(str(error)) from None


def bare_name(path: Path) -> str:
    """The file's name in lower case, without the ending of a compression."""
    return path.name.lower().removesuffix(".gz").removesuffix(".zst")


def most_bytes(path: Path) -> int:
    """An upper bound of the bytes that reading the file can give."""
    with path.open("rb") as file:
        packed = _packing(file.read(4))
    size = path.stat().st_size
    return size if packed is None else max(size * DEFLATE, _ZSTD_BOUND if packed == "zstd" else 0)


def kind_of(path: Path, key: str | None) -> Kind:
    """What the file holds, by its first bytes: names lie more often. InputError for what cannot be read."""
    with open_data(path, key) as file:
        head = file.read(4096)
    if not head:
        raise InputError(Problem(f"{shown(path)} is empty", key))
    with path.open("rb") as raw:
        packed = _packing(raw.read(4))
    kind = _kind(head)
    if kind in ("npz", "parquet", "hdf5") and packed:
        message = f"{shown(path)} is {packed} around {kind}, which is compressed already; unpack it first"
        raise InputError(Problem(message, key))
    if kind is None:
        foreign = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
        foreign = foreign or "binary, and of no kind that is known"
        raise InputError(Problem(f"{shown(path)} is {foreign}; expected {READABLE}", key))
    if kind == "delimited" and re.match(rb"\s*\[\s*\{", head):
        message = f"{shown(path)} is one JSON array; expected JSON lines: one object a line ({{...}})"
        raise InputError(Problem(message, key))
    if kind == "delimited" and re.match(rb"\s*<(?:!doctype\s+html|html|\?xml)\b", head, re.IGNORECASE):
        raise InputError(Problem(f"{shown(path)} is a web page or XML; expected {READABLE}", key))
    return kind


def _kind(head: bytes) -> Kind | None:
    """None for a kind that is not read."""
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK"):
        return "npz"
    if head.startswith(b"PAR1"):
        return "parquet"
    if any(head.startswith(_HDF5, start) for start in (0, 512, 1024, 2048)):
        return "hdf5"
    if len(head) >= 4 and head[:2] == b"\0\0" and head[2] in b"\x08\x09\x0b\x0c\x0d\x0e" and 1 <= head[3] <= 8:
        return "idx"
    if b"\0" in head or any(head.startswith(magic) for magic in _FOREIGN):
        return None
    return "jsonl" if re.match(rb"(?:\xef\xbb\xbf)?\s*\{\s*[\"}]", head) else "delimited"


def content_sha256(files: Mapping[str, Path]) -> str:
    """sha256 of one file, or of the lines `name sha256` of several, in the order of their names."""
    digests = {}
    for name, path in sorted(files.items()):
        with reading(path), path.open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    if len(digests) == 1:
        return next(iter(digests.values()))
    text = "".join(f"{name} {digest}\n" for name, digest in digests.items())
    return hashlib.sha256(text.encode()).hexdigest()
