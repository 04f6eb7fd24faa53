"""Pictures as PNG files, written with what Python brings along (RFC 2083)."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

_GREY, _COLOUR = 0, 2


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """The file of a picture (height, width, channels): in colour where it has three channels or more, else grey."""
    height, width, channels = picture.shape
    kept = picture[:, :, : 3 if channels >= 3 else 1]
    lines = np.zeros((height, 1 + kept[0].size), np.uint8)  # each line begins with its filter, 0 for none
    lines[:, 1:] = kept.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR if channels >= 3 else _GREY, 0, 0, 0)
    pieces = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def data_uri(picture: npt.NDArray[np.uint8]) -> str:
    """The same inside a page."""
    return f"data:image/png;base64,{base64.b64encode(png(picture)).decode()}"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
