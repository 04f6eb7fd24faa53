"""HDF5 files: data sets by name, like the arrays of an NPZ file. Links that lead out of the file are refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltrain.data.files import DEFLATE, reading, shown
from dltrain.data.readers.npy import Array
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem, did_you_mean

if TYPE_CHECKING:
    import h5py

_MOST = 1000
"""So many data sets of a group are listed."""
_DEEPEST = 8


def hdf5_shapes(path: Path, key: str | None = None) -> dict[str, tuple[int, ...]]:
    """Names (`group/name`) and shapes of the data sets that can be read, without reading them."""
    with _open(path, key) as file:
        return {name: tuple(found.shape) for name, found in _datasets(file) if _refusal(found) is None}


def read_hdf5(path: Path, names: list[str], key: str | None = None) -> list[Array]:
    """The named data sets; each name that cannot be read is a problem of its own."""
    with _open(path, key) as file:
        found = [_find(file, path, name, key) for name in names]
        problems = [problem for problem in found if isinstance(problem, Problem)]
        if problems:
            raise InputError(*problems)
        return [_read(each) for each in found if not isinstance(each, Problem)]


@contextmanager
def _open(path: Path, key: str | None) -> Iterator[h5py.File]:
    try:
        import h5py
    except ImportError:
        message = f"reading {shown(path)} needs h5py: pip install 'dltrain[hdf5]'"
        raise InputError(Problem(message, key)) from None
    try:
        with reading(path, key), _quiet(path, key), h5py.File(path, "r", locking=False) as file:
            yield file
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(Problem(_damaged(path, error), key)) from None


@contextmanager
def _quiet(path: Path, key: str | None) -> Iterator[None]:
    """h5py says with OSError both what the disk and what the file's content makes fail."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise InputError(Problem(_damaged(path, error), key)) from None


def _damaged(path: Path, error: Exception) -> str:
    first = (str(error.args[0] if error.args else error).splitlines() or [type(error).__name__])[0]
    return f"{shown(path)} is no sound HDF5 file ({first[:120]}); copy or write it again"


def _datasets(group: h5py.Group, above: str = "", seen: tuple[Any, ...] = ()) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every data set below, by hard links alone: others may lead out of the file. No group is entered from itself."""
    import h5py

    for name, _ in zip(group, range(_MOST), strict=False):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        found = group.get(name)
        if isinstance(found, h5py.Dataset):
            yield above + name, found
        elif isinstance(found, h5py.Group) and found not in (*seen, group) and len(seen) < _DEEPEST:
            yield from _datasets(found, f"{above}{name}/", (*seen, group))


def _find(file: h5py.File, path: Path, name: str, key: str | None) -> h5py.Dataset | Problem:
    import h5py

    place: Any = file
    known = [each for each, _ in _datasets(file)]
    for part in name.strip("/").split("/"):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is not None and not isinstance(link, h5py.HardLink):
            return Problem(f"{shown(path)}: {name} is a link to elsewhere; refused, copy the values into the file", key)
        place = place.get(part) if link is not None else None
    if not isinstance(place, h5py.Dataset):
        hint = did_you_mean(name, known) or (f"; it has {listed(known)}" if known else "; it has none")
        return Problem(f"{shown(path)} has no data set {name!r}{hint}", key)
    refusal = _refusal(place) or _claims(place, path)
    return place if refusal is None else Problem(f"{shown(path)}: {name} {refusal}", key)


def _refusal(found: h5py.Dataset) -> str | None:
    """Why this data set is not read; None if it is."""
    import h5py

    if found.is_virtual or found.external:
        return "keeps its values in other files; refused, copy them into this one"
    if found.shape is None:
        return "is empty"
    if found.dtype.kind in "biufS" and found.dtype.fields is None and found.dtype.subdtype is None:
        return None
    if h5py.check_string_dtype(found.dtype) is not None:
        return None
    return f"has type {found.dtype}; expected real numbers, or text for labels"


def _claims(found: h5py.Dataset, path: Path) -> str | None:
    """Chunks that were never written cost nothing in the file: a small one can claim any size."""
    most = path.stat().st_size * (DEFLATE if found.chunks else 1)
    if found.nbytes > max(most, found.id.get_storage_size() * DEFLATE) or found.nbytes > sys.maxsize:
        return f"claims {found.nbytes} bytes for shape {tuple(found.shape)}, more than the file can hold; it is damaged"
    return None


def _read(found: h5py.Dataset) -> Array:
    import h5py

    if h5py.check_string_dtype(found.dtype) is not None:
        return np.array(found.asstr(errors="replace")[()], dtype=str)
    values: Array = np.asarray(found[()])
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
