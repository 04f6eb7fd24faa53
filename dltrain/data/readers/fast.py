"""A large block of a text table through polars, where it is plain enough to be read so."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dltrain.data.readers.cells import Chunk, extra_of
from dltrain.data.readers.coding import Coding, Rules
from dltrain.data.readers.columns import GAP, days
from dltrain.data.readers.dialect import TRUTHS, Dialect
from dltrain.data.roles import Roles

if TYPE_CHECKING:
    import polars as pl

FAST_FROM = 4 * 2**20
"""Smaller blocks are read cell by cell: importing polars takes longer."""


def frame_of(block: bytes, dialect: Dialect, roles: Roles, coding: Coding) -> pl.DataFrame | None:
    """The cells of the block; None if it must be read cell by cell."""
    if len(block) < FAST_FROM or b"\0" in block or not _is_utf8(block):
        return None
    quoted = b'"' in block
    if quoted and not _plainly_quoted(block, dialect.separator.encode()):
        return None
    import polars as pl

    names = [str(column) for column in range(len(dialect.names))]
    numbers = [column for place, column in enumerate(roles.inputs) if coding.kinds[place] == "number"]
    schema: dict[str, type[pl.Float64] | type[pl.String]] = dict.fromkeys(names, pl.String)
    truths = _truths(block, dialect.separator)
    schema.update({names[column]: pl.Float64 for column in numbers if column not in truths})
    read = partial(
        pl.read_csv,
        block,
        has_header=False,
        schema=schema,
        separator=dialect.separator,
        quote_char='"' if quoted else None,
    )
    frame = None
    if not coding.gaps_seen:  # looking for them takes a quarter of the time
        with suppress(pl.exceptions.PolarsError):
            frame = read()
    if frame is None:
        coding.gaps_seen = True
        try:
            frame = read(null_values=_spelled(coding.rules))
        except pl.exceptions.PolarsError:
            return None
    if quoted and len(frame) != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    return frame


def _spelled(rules: Rules) -> list[str]:
    """Gaps as they may be written; the empty cell is one anyhow."""
    return sorted({s for cell in rules.missing for s in (cell, cell.upper(), cell.title(), cell.capitalize())} - {""})


def frame_chunk(frame: pl.DataFrame, line: int, roles: Roles, coding: Coding) -> Chunk | None:
    """The rows of a frame whose first is on `line`; None if they must be read cell by cell."""
    X = _inputs(frame, roles, coding)
    if X is None:
        return None
    target = _strings(frame, roles.target)
    if target is not None and coding.rules.targets == "error" and any(map(coding.rules.is_gap, set(target))):
        return None
    if target is not None:
        target = ["" if coding.rules.is_gap(cell) else cell for cell in target] if _any_gap(target, coding) else target
    extras = {role: extra_of(_strings(frame, column) or [], coding.rules) for role, column in roles.extras}
    if roles.id is not None and frame.get_column(str(roles.id)).null_count():
        return None  # a row named NA keeps its name
    return Chunk(X, target, _strings(frame, roles.id), line, extras)


def _any_gap(cells: list[str], coding: Coding) -> bool:
    return any(map(coding.rules.is_gap, set(cells)))


def _inputs(frame: pl.DataFrame, roles: Roles, coding: Coding) -> npt.NDArray[np.float64] | None:
    """(k, inputs), or None where a gap or an infinite number has to be told, or a cell looked at."""
    import polars as pl

    schema = frame.schema
    read = [schema[str(column)] == pl.Float64 for column in roles.inputs]
    if all(read):
        X = frame.select(str(column) for column in roles.inputs).to_numpy()
    else:
        X = np.empty((len(frame), len(roles.inputs)))
        for place, column in enumerate(roles.inputs):
            series = frame.get_column(str(column))
            X[:, place] = series.to_numpy() if read[place] else _coded(series, place, coding)
    if np.isfinite(X).all():
        return X
    if np.isinf(X).any() or coding.rules.gaps == "error":
        return None
    doubtful = (
        place for place, kind in enumerate(coding.kinds) if kind == "date" or not (read[place] or kind != "number")
    )
    if any(np.isnan(X[:, place]).any() for place in doubtful):
        return None
    return X


def _coded(series: pl.Series, place: int, coding: Coding) -> npt.NDArray[np.float64]:
    """Codes of a category, days of a date, 1 and 0 for true and false, found once for each distinct cell."""
    import polars as pl

    distinct = series.unique(maintain_order=True)
    cells = [(cell or "").strip() for cell in distinct.to_list()]
    if coding.kinds[place] == "category":
        values = coding.codes(place, cells)
    elif coding.kinds[place] == "number":
        values = [float(TRUTHS.get(cell.lower(), GAP)) for cell in cells]
    else:
        values = [GAP if found is None else found for found in map(days, cells)]
    return series.replace_strict(distinct, pl.Series(values, dtype=pl.Float64), return_dtype=pl.Float64).to_numpy()


def _truths(block: bytes, separator: str) -> set[int]:
    """Columns that say true or false in the block's first row."""
    cells = block[: block.find(b"\n")].decode().split(separator)
    return {column for column, cell in enumerate(cells) if cell.strip().strip('"').lower() in TRUTHS}


def _strings(frame: pl.DataFrame, column: int | None) -> list[str] | None:
    if column is None:
        return None
    return list(map(_Stripped().__getitem__, frame.get_column(str(column)).to_list()))


class _Stripped(dict[str | None, str]):
    """Cells without the blanks around them, each made once."""

    def __missing__(self, cell: str | None) -> str:
        stripped = self[cell] = (cell or "").strip()
        return stripped


def _plainly_quoted(block: bytes, separator: bytes) -> bool:
    """Whether every quote opens or closes a cell, or stands doubled in one: then all readers agree."""
    around = re.escape(separator) + rb'\r\n"'
    return (
        re.search(rb'(?<![%s])"(?![%s])|(?:^|[%s]) +"' % (around, around, re.escape(separator) + b"\n"), block) is None
    )


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
