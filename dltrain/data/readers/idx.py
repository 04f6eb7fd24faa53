"""IDX, the format of MNIST's own files: two zero bytes, a type, the number of axes, their lengths, the values."""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.files import most_bytes, open_data, shown
from dltrain.data.readers.npy import fill
from dltrain.errors import InputError, Problem

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path, key: str | None = None) -> npt.NDArray[Any]:
    """The array of an IDX file (`.gz` too), in the machine's byte order."""
    place = shown(path)
    with open_data(path, key) as file:
        head = file.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
            raise InputError(Problem(f"{place} does not begin like an IDX file", key))
        lengths = file.read(4 * head[3])
        if len(lengths) < 4 * head[3]:
            raise InputError(Problem(f"{place} is cut short in its header; copy or download it again", key))
        shape = struct.unpack(f">{head[3]}I", lengths)
        dtype = np.dtype(_TYPES[head[2]])
        if prod(shape) * dtype.itemsize > most_bytes(path):
            claim = "x".join(map(str, shape))
            raise InputError(Problem(f"{place} claims {claim} values, more than it can hold; it is damaged", key))
        array = np.empty(prod(shape), dtype)
        fill(file, array, place, key)
    return array.reshape(shape).astype(dtype.newbyteorder("="), copy=False)
