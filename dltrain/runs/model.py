"""The trained network as one safetensors file: theta, the batch-norm averages, and what they mean.

A checksum over the arrays and the description goes into the file's metadata: equal models are equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from typing import TYPE_CHECKING, Any

from dltrain.errors import Damaged, InputError
from dltrain.runs.records import MODEL
from dltrain.runs.tensors import Unsound, header_size, not_finite, pack, read_header, unpack
from dltrain.storage import canonical_json, read_if_there, shown

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]

_FORMAT = 1
_NAMES = ("theta", "stats")
_DTYPES = ("float32", "float64")


def encode_model(theta: Floats, stats: Floats, meta: dict[str, Any]) -> bytes:
    """The bytes of model.safetensors. theta and stats: (n,) and (k,), float32 or float64, finite; k may be 0.

    meta is plain data; `layout` and `stats_layout` in it (Layout.describe()) must fit the arrays' sizes.
    The same arguments give the same bytes. ValueError for anything else.
    """
    arrays = dict(zip(_NAMES, (theta, stats), strict=True))
    text = canonical_json(meta)
    if fault := _fault(arrays, json.loads(text)):
        raise ValueError(fault)
    description = {"format": _FORMAT, "meta": meta, "sha256": _checksum(arrays, text)}
    return b"".join(pack(arrays, canonical_json(description)))


def decode_model(path: str | os.PathLike[str]) -> tuple[Floats, Floats, dict[str, Any]]:
    """(theta, stats, meta) of a model file, or of the one in a run folder.

    Raises Damaged (exit 65) unless the file is to the byte of its arrays and description what `encode_model`
    wrote, InputError when there is none.
    """
    file = os.path.join(path, MODEL) if os.path.isdir(path) else os.fspath(path)
    data = read_if_there(file)
    if data is None:
        raise InputError(f"{shown(file)} does not exist: only a run that finished has a model")
    try:
        return _decode(data)
    except Unsound as error:
        raise Damaged(f"{shown(file)} is damaged: {error}; no model is read from it") from error


def _decode(data: bytes) -> tuple[Floats, Floats, dict[str, Any]]:
    arrays = _arrays(data)
    description, _ = read_header(data[: header_size(data[:8])])
    if description.get("format") != _FORMAT:
        raise Unsound(f"its format is {description.get('format')!r}, expected {_FORMAT}")
    meta = description.get("meta")
    if not isinstance(meta, dict):
        raise Unsound("its description is not as it was written")
    if description.get("sha256") != _checksum(arrays, canonical_json(meta)):
        raise Unsound("its bytes do not have the checksum recorded with them")
    if fault := _fault(arrays, meta):
        raise Unsound(fault)
    return arrays["theta"], arrays["stats"], meta


def _arrays(data: bytes) -> dict[str, Floats]:
    tensors = unpack(data)
    if sorted(tensors) != sorted(_NAMES):
        raise Unsound(f"it holds {', '.join(map(repr, tensors)) or 'nothing'}, expected theta and stats")
    return {name: tensors[name].copy() for name in _NAMES}


def _checksum(arrays: dict[str, Floats], meta: str) -> str:
    """SHA-256 over the description and each array's name, type, shape and bytes."""
    digest = hashlib.sha256(meta.encode())
    for name, array in arrays.items():
        digest.update(f"\0{name} {array.dtype.name} {array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _fault(arrays: dict[str, Floats], meta: dict[str, Any]) -> str | None:
    """What is wrong with the arrays, or None."""
    for name, array in arrays.items():
        if array.ndim != 1 or array.dtype.name not in _DTYPES:
            return f"{name} has shape {array.shape} and type {array.dtype}, expected (n,) floats"
    if bad := not_finite(arrays):
        return f"{bad} holds a value that is not finite"
    for name, key in zip(_NAMES, ("layout", "stats_layout"), strict=True):
        if key in meta and _layout_size(meta[key]) != arrays[name].size:
            return f"{name} has {arrays[name].size} numbers, which is not what its layout describes"
    return None


def _layout_size(layout: Any) -> int | None:
    """The size of a described layout whose blocks follow each other without gaps, else None."""
    start = 0
    try:
        for block in layout:
            if block["start"] != start:
                return None
            start += math.prod(block["shape"])
    except (TypeError, KeyError):
        return None
    return start
