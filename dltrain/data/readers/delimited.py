"""Text tables, block by block: memory stays bounded, and every bad cell is found.

A large block goes through polars. Whatever polars cannot read as plain finite numbers, and every block
with a quote in it, is read again cell by cell (`cells.parse`), which either takes it or says where it is wrong.
Small blocks go there at once: importing polars takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from dltrain.data.files import DEFLATE, open_data, shown
from dltrain.data.large.spilling import passed, stored_blocks
from dltrain.data.raw import Raw
from dltrain.data.readers.ahead import THREADS, Block, Parsed, ahead
from dltrain.data.readers.cells import BadCells, Chunk, guarded, parse, rows_elsewhere
from dltrain.data.readers.coding import SAMPLE, Coding, Rules, look
from dltrain.data.readers.columns import Kind
from dltrain.data.readers.dialect import Dialect, first_rows, sniff
from dltrain.data.readers.fast import FAST_FROM, frame_chunk, frame_of
from dltrain.data.readers.gather import gather
from dltrain.data.roles import Roles, check_names
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

BLOCK = 8 * 2**20
_FEED = 10
_LONGEST = 64 * 2**20
_BOMB = 2**28
_GIVE_UP = 8
"""Blocks, from the first with a bad cell, after which the counting stops."""
_LOOKED_AT = 200_000
"""Cells that are looked at to see what the columns hold."""

Choose = Callable[[Dialect], Roles]
"""Given the dialect, the roles of the columns; raises InputError."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a text table before its rows are read."""

    dialect: Dialect
    roles: Roles
    coding: Coding
    chunks: Iterator[Chunk]


class Misread(Exception):
    """Columns that seemed to hold numbers, and hold words further down: they are to be read as categories."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(", ".join(names))


def open_table(
    file: BinaryIO,
    place: str,
    choose: Choose,
    *,
    rules: Rules | None = None,
    tabs: bool = False,
    columns: Sequence[str] | None = None,
    known: Collection[str] = (),
    size: int | None = None,
    from_config: bool = True,
) -> Opening:
    """The dialect of a text table, and its rows as chunks to come. InputError, with every place, for bad cells."""
    blocks = _blocks(file, place, size)
    first = next(blocks, b"")
    if not first.strip():
        raise InputError(Problem(f"{place} is empty"))
    if b"\n" not in first and b"\r" in first:
        raise InputError(Problem(f"the lines of {place} end in a carriage return alone; save it with line feeds"))
    first = first.removeprefix(b"\xef\xbb\xbf")
    head = _decode(first, place, 1)
    dialect = sniff(head, place, tabs=tabs, columns=columns, known=known)
    check_names(dialect.names, place)
    roles = choose(dialect)
    coding = _look(head, dialect, roles, rules or Rules())
    bad = BadCells(place, dialect, roles.target, from_config)
    return Opening(dialect, roles, coding, _chunks(first, blocks, roles, coding, bad))


def _look(head: str, dialect: Dialect, roles: Roles, rules: Rules) -> Coding:
    cells = first_rows(head, dialect, max(20, min(SAMPLE, _LOOKED_AT // len(dialect.names))))
    names = roles.input_names(dialect.names)
    return Coding(names, look(names, [cells[column] for column in roles.inputs], rules), rules)


def read_table(
    path: Path,
    choose: Choose,
    *,
    rules: Rules | None = None,
    columns: Sequence[str] | None = None,
    known: Collection[str] = (),
) -> tuple[Raw, Dialect]:
    """The whole table. Roles must name a target or none; Raw.y is None for none."""
    place = shown(path)
    rules = rules or Rules()
    while True:
        with open_data(path) as file:
            size = path.stat().st_size
            table = open_table(
                file, place, choose, rules=rules, tabs=is_tsv(path), columns=columns, known=known, size=size
            )
            try:
                raw = gather(table.chunks, table.roles, table.dialect.names, table.coding, place)
            except Misread as error:
                words: dict[str, Kind] = dict.fromkeys(error.names, "category")
                rules = replace(rules, kinds={**rules.kinds, **words})
                continue
        if not raw.n:
            raise InputError(Problem(f"{place} has a header and no rows"))
        return replace(raw, header=table.dialect.header or columns is not None), table.dialect


def is_tsv(path: Path) -> bool:
    return path.name.removesuffix(".gz").lower().endswith((".tsv", ".tab"))


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
    if b'"' not in block:
        return end
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


def _chunks(first: bytes, blocks: Iterator[bytes], roles: Roles, coding: Coding, bad: BadCells) -> Iterator[Chunk]:
    def parsed(block: Block) -> pl.DataFrame | None:
        return frame_of(block.data, bad.dialect, roles, coding)

    worse = 0
    threads = THREADS if len(first) >= FAST_FROM else 0
    for one in ahead(_numbered(first, blocks, bad), parsed, stored_blocks, threads):
        stored = passed(len(one.block.data))
        if stored is not None:
            yield rows_elsewhere(stored, one.block.line)
            continue
        yield from _sound(_read(one, roles, bad, coding), bad)
        worse += bool(bad)
        if worse >= _GIVE_UP:
            bad.cut = True
            break
    guessed = {roles.inputs[place] for place in coding.guessed}
    if misread := bad.misread(guessed):
        raise Misread(misread)
    bad.raise_if_any()


def _numbered(first: bytes, blocks: Iterator[bytes], bad: BadCells) -> Iterator[Block]:
    """The blocks, the first without the header."""
    line = 1
    for block in _all(first, blocks):
        lines = np.count_nonzero(np.frombuffer(block, np.uint8) == _FEED)
        if line == 1 and bad.dialect.header:
            yield Block(*_skip_header(block, bad.place))
        else:
            yield Block(block, line)
        line += int(lines)


def _read(one: Parsed[pl.DataFrame | None], roles: Roles, bad: BadCells, coding: Coding) -> Iterator[Chunk]:
    """The block all at once where that goes, else cell by cell."""
    frame, line = one.found(), one.block.line
    chunk = None if frame is None else frame_chunk(frame, line, roles, coding)
    if chunk is None:
        yield from parse(_decode(one.block.data, bad.place, line), line, roles, bad, coding)
    else:
        bad.rows += chunk.n
        yield chunk


def _sound(chunks: Iterator[Chunk], bad: BadCells) -> Iterator[Chunk]:
    """The chunks while nothing is wrong; then they are only looked through."""
    for chunk in chunks:
        if chunk.n and not bad:
            yield chunk


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
