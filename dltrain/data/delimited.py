"""Text tables, block by block: memory stays bounded, and every bad cell is found.

A large block goes through polars. Whatever polars cannot read as plain finite numbers, and every block
with a quote in it, is read again cell by cell (`cells.parse`), which either takes it or says where it is wrong.
Small blocks go there at once: importing polars takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from dltrain.data.cells import BadCells, Chunk, guarded, parse
from dltrain.data.dialect import MISSING, Dialect, sniff
from dltrain.data.files import DEFLATE, open_data, shown
from dltrain.data.labels import from_cells
from dltrain.data.raw import Lines, Raw
from dltrain.data.roles import Roles, check_names
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

BLOCK = 16 * 2**20
FAST_FROM = 4 * 2**20
_LONGEST = 64 * 2**20
_BOMB = 2**28
_GIVE_UP = 8
"""Blocks, from the first with a bad cell, after which the counting stops."""

Choose = Callable[[Dialect], Roles]
"""Given the dialect, the roles of the columns; raises InputError."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a text table before its rows are read."""

    dialect: Dialect
    roles: Roles
    chunks: Iterator[Chunk]


def open_table(
    file: BinaryIO,
    place: str,
    choose: Choose,
    *,
    tabs: bool = False,
    columns: Sequence[str] | None = None,
    known: Collection[str] = (),
    size: int | None = None,
) -> Opening:
    """The dialect of a text table, and its rows as chunks to come. InputError, with every place, for bad cells."""
    blocks = _blocks(file, place, size)
    first = next(blocks, b"")
    if not first.strip():
        raise InputError(Problem(f"{place} is empty"))
    if b"\n" not in first and b"\r" in first:
        raise InputError(Problem(f"the lines of {place} end in a carriage return alone; save it with line feeds"))
    first = first.removeprefix(b"\xef\xbb\xbf")
    dialect = sniff(_decode(first, place, 1), place, tabs=tabs, columns=columns, known=known)
    check_names(dialect.names, place)
    roles = choose(dialect)
    return Opening(dialect, roles, _chunks(first, blocks, dialect, roles, place))


def read_table(
    path: Path, choose: Choose, *, columns: Sequence[str] | None = None, known: Collection[str] = ()
) -> tuple[Raw, Dialect]:
    """The whole table. Roles must name a target or none; Raw.y is None for none."""
    place = shown(path)
    with open_data(path) as file:
        size = path.stat().st_size
        table = open_table(file, place, choose, tabs=is_tsv(path), columns=columns, known=known, size=size)
        dialect, roles = table.dialect, table.roles
        X, target, ids, lines = _collect(table.chunks, len(roles.inputs))
    if not len(X):
        raise InputError(Problem(f"{place} has a header and no rows"))
    name = dialect.names[roles.target] if roles.target is not None else ""
    raw = Raw(
        X=X,
        y=from_cells(target) if roles.target is not None else None,
        features=tuple(dialect.names[column] for column in roles.inputs),
        target=name,
        columns=dialect.names,
        header=dialect.header or columns is not None,
        ids=ids if roles.id is not None else None,
        place=place,
        lines=lines,
    )
    return raw, dialect


def is_tsv(path: Path) -> bool:
    return path.name.removesuffix(".gz").lower().endswith((".tsv", ".tab"))


def _collect(chunks: Iterator[Chunk], columns: int) -> tuple[npt.NDArray[np.float64], list[str], list[str], Lines]:
    """All chunks in one array, which grows in place so that no second copy is ever needed."""
    X = np.empty((0, columns))
    n = 0
    target: list[str] = []
    ids: list[str] = []
    starts: list[int] = []
    firsts: list[int | tuple[int, ...]] = []
    for chunk in chunks:
        X.resize((n + chunk.n, columns), refcheck=False)
        X[n : n + chunk.n] = chunk.X
        target += chunk.target or []
        ids += chunk.ids or []
        starts.append(n)
        firsts.append(chunk.lines)
        n += chunk.n
    return X, target, ids, Lines(starts=tuple(starts), firsts=tuple(firsts))


def _blocks(file: BinaryIO, place: str, size: int | None) -> Iterator[bytes]:
    """Pieces of about BLOCK bytes that end where a row ends."""
    rest = b""
    total = 0
    while piece := file.read(BLOCK):
        total += len(piece)
        if size is not None and total > _BOMB and total > size * (DEFLATE - 100):
            raise InputError(Problem(f"{place} unpacks to over {DEFLATE - 100} times its size; not read further"))
        block = rest + piece
        end = _row_end(block)
        if end == 0 and len(block) > _LONGEST:
            raise InputError(Problem(f"{place} has a row longer than {_LONGEST >> 20} MB; is a quote left open?"))
        if end:
            yield block[:end]
        rest = block[end:]
    if rest:
        yield rest


def _row_end(block: bytes) -> int:
    """Where the last whole row ends: after a line feed with an even number of quotes before it; else 0."""
    end = block.rfind(b"\n") + 1
    quotes = block.count(b'"', 0, end)
    while end and quotes % 2:
        before = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', before, end)
        end = before
    return end


def _decode(block: bytes, place: str, first_line: int) -> str:
    try:
        text = block.decode()
    except UnicodeDecodeError as error:
        line = first_line + block.count(b"\n", 0, error.start)
        message = f"byte 0x{block[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise InputError(Problem(message, where=f"{place}:{line}")) from None
    if "\0" in text:
        line = first_line + block.count(b"\n", 0, block.index(b"\0"))
        raise InputError(Problem("holds a zero byte, so it is no text", where=f"{place}:{line}"))
    return text


def _chunks(first: bytes, blocks: Iterator[bytes], dialect: Dialect, roles: Roles, place: str) -> Iterator[Chunk]:
    bad = BadCells(place, dialect, roles.target)
    line = 1
    worse = 0
    for block in _all(first, blocks):
        lines = block.count(b"\n")
        begins = line
        if line == 1 and dialect.header:
            block, begins = _skip_header(block, place)
        chunk = _fast(block, begins, dialect, roles, bad) or parse(_decode(block, place, begins), begins, roles, bad)
        line += lines
        if not bad:
            if chunk.n:
                yield chunk
            continue
        worse += 1
        if worse >= _GIVE_UP:
            bad.cut = True
            break
    bad.raise_if_any()


def _all(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _skip_header(block: bytes, place: str) -> tuple[bytes, int]:
    """The block without its first record that isn't blank, and the line on which the next begins."""
    import csv
    import io

    reader = csv.reader(line.decode(errors="replace") for line in io.BytesIO(block))
    for row in guarded(reader, place, 1):
        if any(cell.strip() for cell in row):
            break
    end = 0
    for _ in range(reader.line_num):
        end = block.find(b"\n", end) + 1 or len(block)
    return block[end:], reader.line_num + 1


def _fast(block: bytes, line: int, dialect: Dialect, roles: Roles, bad: BadCells) -> Chunk | None:
    """The block through polars; None if it must be read cell by cell."""
    if len(block) < FAST_FROM or b'"' in block or (not block.isascii() and not _is_utf8(block)) or b"\0" in block:
        return None
    import polars as pl

    names = [str(column) for column in range(len(dialect.names))]
    schema: dict[str, type[pl.Float64] | type[pl.String]] = dict.fromkeys(names, pl.String)
    schema.update({names[column]: pl.Float64 for column in roles.inputs})
    try:
        frame = pl.read_csv(block, has_header=False, schema=schema, separator=dialect.separator, quote_char=None)
    except pl.exceptions.PolarsError:
        return None
    values = frame.select(names[column] for column in roles.inputs)
    if any(values.null_count().row(0)):
        return None
    X = values.to_numpy()
    if not np.isfinite(X).all():
        return None
    target = _strings(frame, roles.target)
    if target is not None and any(cell.lower() in MISSING for cell in set(target)):
        return None
    bad.rows += len(X)
    return Chunk(X, target, _strings(frame, roles.id), line)


def _strings(frame: pl.DataFrame, column: int | None) -> list[str] | None:
    if column is None:
        return None
    return [(cell or "").strip() for cell in frame.get_column(str(column)).to_list()]


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
