"""Named arrays and one text as the bytes of a safetensors file.

Models and checkpoints share it. The format has no checksum of its own, so whoever writes such a file keeps one
elsewhere. The text goes under a single metadata key, since the order of several is not stable: equal arrays and
text are equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltrain.storage import canonical_json

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

KEY = "dltrain"
_TYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}
_LONGEST_HEADER = 100_000_000
"""In bytes; the safetensors library takes no longer one."""


class Unsound(Exception):
    """What is wrong with the bytes, in words."""


def pack(arrays: Mapping[str, Array], text: str) -> list[bytes | memoryview]:
    """The file's bytes in pieces; the arrays themselves are the later pieces and are not copied (the
    safetensors library copies each twice, and writes strided ones as garbage).

    Arrays of float32, float64 or int64, of any shape. ValueError for another type.
    """
    import numpy as np

    header: dict[str, Any] = {"__metadata__": {KEY: text}}
    pieces: list[bytes | memoryview] = []
    start = 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):  # aligned: widest first
        array = arrays[name]
        if array.dtype.name not in _TYPES:
            raise ValueError(f"{name} is {array.dtype}, expected one of {', '.join(_TYPES)}")
        little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        header[name] = {
            "dtype": _TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, start + array.nbytes],
        }
        if array.nbytes:
            pieces.append(little.reshape(-1).view(np.uint8).data)
        start += array.nbytes
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    head += b" " * (-len(head) % 8)
    return [len(head).to_bytes(8, "little") + head, *pieces]


def unpack(data: bytes) -> dict[str, Array]:
    """The arrays, read-only. Raises Unsound unless the bytes are a whole file of them."""
    import numpy as np
    from safetensors import SafetensorError, deserialize

    try:
        tensors = dict(deserialize(data))  # type: ignore[no-untyped-call, unused-ignore]
    except (SafetensorError, ValueError, OverflowError) as error:
        raise Unsound(f"not a whole safetensors file ({_one_line(error)})") from error
    names = {code: name for name, code in _TYPES.items()}
    arrays = {}
    for name, tensor in tensors.items():
        if tensor["dtype"] not in names:
            raise Unsound(f"{name} is {tensor['dtype']}, expected {', '.join(names)}")
        dtype = np.dtype(names[tensor["dtype"]])
        array = np.frombuffer(tensor["data"], dtype=dtype.newbyteorder("<")).astype(dtype, copy=False)
        arrays[name] = array.reshape(tensor["shape"])
        arrays[name].flags.writeable = False
    return arrays


def header_size(first: bytes) -> int:
    """How many bytes the header and its length take, by the file's first 8 bytes. Raises Unsound."""
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > _LONGEST_HEADER:
        raise Unsound("not a whole safetensors file (it does not begin like one)")
    return 8 + length


def read_header(head: bytes) -> tuple[dict[str, Any], int]:
    """The description in a file's first `header_size` bytes and the size of the whole file by it. Raises Unsound."""
    try:
        header = json.loads(head[8:])
        metadata = header.pop("__metadata__")
        text = metadata[KEY]
        description = json.loads(text)
        same = canonical_json(description) == text  # neither NaN nor blanks
        text.encode()  # nor half a character
        ends = [tensor["data_offsets"][1] for tensor in header.values()]
        size = len(head) + max([int(end) for end in ends], default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise Unsound("its description cannot be read") from error
    if len(metadata) != 1 or not isinstance(description, dict):
        raise Unsound("its description cannot be read")
    if not same:
        raise Unsound("its description is not as it was written")
    return description, size


def not_finite(arrays: Mapping[str, Array]) -> str | None:
    """The name of an array with a NaN or an infinity, or None."""
    import numpy as np

    return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)


def _one_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
