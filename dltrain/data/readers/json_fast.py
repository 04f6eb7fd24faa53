"""A large block of plain JSON lines through polars; whatever is not plain is left to be read object by object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltrain.data.readers.cells import Chunk
from dltrain.data.readers.coding import Coding
from dltrain.data.readers.fast import FAST_FROM, frame_chunk
from dltrain.data.roles import Roles

if TYPE_CHECKING:
    import polars as pl


def whole_block(block: bytes, line: int, names: Sequence[str], roles: Roles, coding: Coding) -> Chunk | None:
    """The rows of the block, which begins on `line`; None if it must be read object by object."""
    if len(block) < FAST_FROM or not _is_plain(block, len(names)):
        return None
    import polars as pl

    first = _first(block)
    kinds = dict(zip(roles.inputs, coding.kinds, strict=True))
    others = [column for column in (roles.target, roles.id) if column is not None]
    used = dict.fromkeys([*roles.inputs, *others, *(column for _, column in roles.extras)])
    schema = {names[column]: _type(kinds.get(column), first.get(names[column])) for column in used}
    try:
        frame = pl.read_ndjson(block, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    if len(frame) != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    frame = frame.with_columns(pl.col(pl.Boolean).cast(pl.Float64)).rename(
        {names[column]: str(column) for column in used}
    )
    return frame_chunk(frame, line, roles, coding)


def _type(kind: str | None, value: Any) -> type[pl.DataType]:
    import polars as pl

    if kind != "number":
        return pl.String
    return pl.Boolean if isinstance(value, bool) else pl.Float64


def _first(block: bytes) -> dict[str, Any]:
    try:
        row = json.loads(block[: block.find(b"\n")])
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _is_plain(block: bytes, width: int) -> bool:
    """Whether each line seems to be one flat object that has every key once. Halves of characters are not plain."""
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    keys = block.count(b'":')
    flat = block.count(b"{") == lines and b"[" not in block and b"\\ud" not in block and b"\\uD" not in block
    return flat and keys == lines * width and b'" :' not in block and b"\n\n" not in block
