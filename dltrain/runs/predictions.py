"""Per-example predictions of the dev part, kept so that two runs can be compared example by example."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltrain.errors import Damaged, InputError
from dltrain.storage import read_if_there, shown

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

PREDICTIONS = "predictions.npz"
_NEEDED = frozenset(("rows", "y", "predicted", "errors"))
_KNOWN = _NEEDED | {"yhat", "weights", "groups", "times", "ids"}
_TYPES = {"rows": "iu", "y": "iuf", "predicted": "iuf", "errors": "iufb", "yhat": "f", "weights": "iuf", "ids": "S"}
"""Kinds of NumPy's types."""


def encode_predictions(
    rows: Array,
    y: Array,
    predicted: Array,
    errors: Array,
    yhat: Array | None = None,
    weights: Array | None = None,
    *,
    groups: Array | None = None,
    times: Array | None = None,
    ids: Sequence[str] | None = None,
) -> bytes:
    """The bytes of predictions.npz; the same arrays give the same bytes.

    rows: (n,) original row numbers; y and predicted: (n,) class numbers, or values in the target's own
    units; errors: (n,) of each example, unweighted; yhat: (n, n_y) probabilities, optional; weights: (n,) of
    the examples where they have any; groups: (n,) numbers of split.group, times: (n,) of a split by time, ids: (n,)
    of data.id, kept as UTF-8.
    ValueError for sizes that differ or a type that NumPy could only pickle.
    """
    import numpy as np

    arrays: dict[str, Any] = {"rows": rows, "y": y, "predicted": predicted, "errors": errors}
    named = None if ids is None else np.array([name.encode() for name in ids], dtype=np.bytes_)
    optional = {"yhat": yhat, "weights": weights, "groups": groups, "times": times, "ids": named}
    arrays |= {name: array for name, array in optional.items() if array is not None}
    if fault := _fault(arrays):
        raise ValueError(fault)
    buffer = io.BytesIO()
    contiguous: dict[str, Any] = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    np.savez(buffer, **contiguous)
    return buffer.getvalue()


def decode_predictions(path: str | os.PathLike[str], classes: int | None = None) -> dict[str, Array]:
    """The arrays of predictions.npz of a run folder, by name; of so many classes, where that is said.

    Raises Damaged, or InputError when there is none.
    """
    import numpy as np

    file = os.path.join(path, PREDICTIONS)
    data = read_if_there(file)
    if data is None:
        raise InputError(f"{shown(path)} has no {PREDICTIONS}: only a run that finished has it")
    try:
        _check_zip(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for bytes that make no sense
        raise Damaged(f"{shown(file)} is damaged: not a whole npz file") from error
    if fault := _fault(arrays) or _fault_of_classes(arrays, classes):
        raise Damaged(f"{shown(file)} is damaged: {fault}")
    return arrays


def _fault_of_classes(arrays: dict[str, Array], classes: int | None) -> str | None:
    """What is no number of one of the classes, or no probability of each."""
    for name in ("y", "predicted") if classes is not None else ():
        array = arrays[name]
        if array.dtype.kind not in "iu" or (len(array) and not 0 <= array.min() <= array.max() < (classes or 0)):
            return f"{name} is not one of {classes} classes everywhere"
    if classes is not None and "yhat" in arrays and arrays["yhat"].shape[1] != classes:
        return f"yhat has {arrays['yhat'].shape[1]} columns, expected one for each of {classes} classes"
    return None


def _check_zip(data: bytes) -> None:
    """Raises unless every entry is stored as it is and has its checksum: only then may NumPy believe a size."""
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        if not stored or archive.testzip() is not None:
            raise zipfile.BadZipFile("a wrong checksum, or compressed")


def _fault(arrays: dict[str, Array]) -> str | None:
    if not _NEEDED <= arrays.keys() <= _KNOWN:
        return f"it holds {', '.join(sorted(arrays))}, expected {', '.join(sorted(_NEEDED))}"
    n = len(arrays["rows"]) if arrays["rows"].ndim else -1
    for name, array in arrays.items():
        if array.dtype.hasobject or array.ndim != (2 if name == "yhat" else 1) or len(array) != n:
            return f"{name} has shape {array.shape} and type {array.dtype}, expected one entry for each of the rows"
        if name in _TYPES and array.dtype.kind not in _TYPES[name]:
            return f"{name} has type {array.dtype}, expected {'names' if name == 'ids' else 'numbers'}"
    return None
