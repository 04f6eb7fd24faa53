"""NPY and NPZ files. The header is believed only as far as the file's size allows, and nothing is unpickled."""

from __future__ import annotations

import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from dltrain.data.files import DEFLATE, most_bytes, open_data, reading, shown
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem, did_you_mean

Array = npt.NDArray[Any]


def read_npy(path: Path, key: str | None = None) -> Array:
    """The array of an NPY file (`.gz` too)."""
    with open_data(path, key) as file:
        return _read(file, shown(path), most_bytes(path), key)


@contextmanager
def _archive(path: Path, key: str | None) -> Iterator[zipfile.ZipFile]:
    try:
        with reading(path, key), zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        message = f"{shown(path)} is no sound npz file: {error}; write it again with np.savez"
        raise InputError(Problem(message, key)) from None


def npz_shapes(path: Path, key: str | None = None) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays, from their headers alone."""
    shapes = {}
    with _archive(path, key) as archive:
        for name in _members(archive, path, key):
            with archive.open(f"{name}.npy") as file:
                shapes[name] = _header(cast(BinaryIO, file), f"{shown(path)}: {name}", key)[0]
    return shapes


def read_npz(path: Path, names: list[str], key: str | None = None) -> list[Array]:
    """The named arrays of an NPZ file; each name that it lacks is a problem of its own."""
    with _archive(path, key) as archive:
        known = _members(archive, path, key)
        lacking = [name for name in names if name not in known]
        if lacking:
            raise InputError(*(Problem(_no_array(path, name, known), key) for name in lacking))
        return [_member(archive, path, name, key) for name in names]


def _no_array(path: Path, name: str, known: list[str]) -> str:
    return f"{shown(path)} has no array {name!r}{did_you_mean(name, known) or '; it has ' + listed(known)}"


def _members(archive: zipfile.ZipFile, path: Path, key: str | None) -> list[str]:
    names = archive.namelist()
    outside = [name for name in names if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")]
    if outside:
        raise InputError(Problem(f"{shown(path)} holds a name that leads out of it ({outside[0]!r}); refused", key))
    arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
    if not arrays:
        raise InputError(Problem(f"{shown(path)} is a zip file without arrays; a workbook? save it as CSV", key))
    if len(set(arrays)) < len(arrays):
        raise InputError(Problem(f"{shown(path)} holds two arrays of one name", key))
    return arrays


def _member(archive: zipfile.ZipFile, path: Path, name: str, key: str | None) -> Array:
    info = archive.getinfo(f"{name}.npy")
    most = min(info.file_size, path.stat().st_size * DEFLATE)
    with archive.open(info) as file:
        return _read(cast(BinaryIO, file), f"{shown(path)}: {name}", most, key)


def _header(file: BinaryIO, place: str, key: str | None) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError) as error:
        said = str(error) if isinstance(error, ValueError) else ""  # the others speak of code
        first = (said.splitlines() or [type(error).__name__])[0].partition(" on line ")[0]
        raise InputError(Problem(f"{place} has a damaged header: {first}", key)) from None
    if any(length < 0 for length in shape):
        raise InputError(Problem(f"{place} has a damaged header: shape {shape}", key))
    return shape, fortran, dtype


def _read(file: BinaryIO, place: str, most: int, key: str | None) -> Array:
    shape, fortran, dtype = _header(file, place, key)
    if dtype.hasobject:
        message = f"{place} holds Python objects (dtype object), which could run code; save numbers or text"
        raise InputError(Problem(message, key))
    if dtype.kind not in "biufUS" or dtype.fields is not None:
        raise InputError(Problem(f"{place} has dtype {dtype}; expected real numbers, or text for labels", key))
    nbytes = prod(shape) * dtype.itemsize
    if nbytes > most:
        message = f"{place} claims {nbytes} bytes for shape {shape}, the file can hold {most} at most; it is damaged"
        raise InputError(Problem(message, key))
    array = np.empty(prod(shape), dtype)
    fill(file, array, place, key)
    shaped = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return shaped if dtype.isnative else shaped.astype(dtype.newbyteorder("="))


def fill(file: BinaryIO, array: Array, place: str, key: str | None) -> None:
    """Reads exactly the bytes of `array` (1-D, contiguous), piece by piece; InputError if there are fewer or more."""
    if array.nbytes:
        view = memoryview(array.view(np.uint8).data)
        done = 0
        while done < len(view):
            piece = file.read(min(2**22, len(view) - done))
            if not piece:
                message = f"{place} is cut short: {done} of {len(view)} bytes; copy or download it again"
                raise InputError(Problem(message, key))
            view[done : done + len(piece)] = piece
            done += len(piece)
    if file.read(1):
        raise InputError(Problem(f"{place} goes on after its {array.nbytes} bytes; it is damaged", key))
