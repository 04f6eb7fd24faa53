"""JSON lines: one flat object a line, its keys the columns. Read into the same cells as a text table's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from dltrain.data.files import DEFLATE
from dltrain.data.large.spilling import passed
from dltrain.data.readers.cells import BadCells, Chunk, chunk_of, rows_elsewhere
from dltrain.data.readers.coding import SAMPLE, Coding, Rules, look
from dltrain.data.readers.delimited import Choose, Misread, Opening
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.json_fast import whole_block
from dltrain.data.readers.json_objects import BadLines, objects
from dltrain.data.roles import Roles, check_names, listed, without_blanks
from dltrain.errors import InputError, Problem, did_you_mean

BLOCK = 8 * 2**20
_LONGEST = 64 * 2**20
_BOMB = 2**28
_GIVE_UP = 8
"""Blocks, from the first with something wrong, after which the counting stops."""
_AT_ONCE = 4096


def open_jsonl(
    file: BinaryIO,
    place: str,
    choose: Choose,
    *,
    rules: Rules | None = None,
    size: int | None = None,
    strict: bool = True,
    from_config: bool = True,
) -> Opening:
    """The columns of a file of JSON lines, which are the keys of its first lines, and its rows as chunks to come.

    A key that is absent is a gap, as null is. `strict`: a key that first occurs later is refused, since it would
    be left out unseen. Raises InputError with every place for lines that are no flat objects, and bad cells.
    """
    blocks = _blocks(file, place, size)
    first = next(blocks, b"").removeprefix(b"\xef\xbb\xbf")
    bad = BadLines(place)
    rows = list(objects(first, 1, bad))
    keys = tuple(dict.fromkeys(key for _, row in rows for key in row))
    if not keys:
        raise InputError(*(bad.told or [Problem(f"{place} holds no rows")]))
    names = tuple(without_blanks(key) for key in keys)
    check_names(names, place)
    dialect = Dialect("", names, True)
    roles = choose(dialect)
    inputs = roles.input_names(names)
    sample = [[_sampled(row.get(keys[column])) for _, row in rows[:SAMPLE]] for column in roles.inputs]
    coding = Coding(inputs, look(inputs, sample, rules or Rules()), rules or Rules())
    cells = BadCells(place, dialect, roles.target, from_config)
    return Opening(dialect, roles, coding, _chunks(first, blocks, keys, roles, coding, cells, bad, strict))


def _sampled(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else value or ""


def _blocks(file: BinaryIO, place: str, size: int | None) -> Iterator[bytes]:
    """Pieces of about BLOCK bytes that end where a line ends."""
    rest: list[bytes] = []
    total = length = 0
    while piece := file.read(BLOCK):
        total += len(piece)
        if size is not None and total > _BOMB and total > size * (DEFLATE - 100):
            raise InputError(Problem(f"{place} unpacks to over {DEFLATE - 100} times its size; not read further"))
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, piece[:end]])
            rest, length = [], 0
        rest.append(piece[end:])
        length += len(piece) - end
        if length > _LONGEST:
            raise InputError(Problem(f"{place} has a line longer than {_LONGEST >> 20} MB; expected one row a line"))
    if last := b"".join(rest):
        yield last


def _chunks(
    first: bytes,
    blocks: Iterator[bytes],
    keys: tuple[str, ...],
    roles: Roles,
    coding: Coding,
    cells: BadCells,
    lines: BadLines,
    strict: bool,
) -> Iterator[Chunk]:
    """The rows while nothing is wrong; then they are only looked through."""
    lines.told.clear()
    lines.count = 0
    table = _Table(keys, roles, coding, strict)
    line = 1
    worse = 0
    for block in _all(first, blocks):
        stored = passed(len(block))
        if stored is not None:
            yield rows_elsewhere(stored, line)
            line += block.count(b"\n")
            continue
        for chunk in table.chunks(block, line, cells, lines):
            if not cells and not lines.count:
                yield chunk
        line += block.count(b"\n")
        worse += bool(cells) or bool(lines.count)
        if worse >= _GIVE_UP:
            cells.cut = True
            break
    if misread := cells.misread({roles.inputs[place] for place in coding.guessed}):
        raise Misread(misread)
    _raise_if_any(cells, lines)


def _raise_if_any(cells: BadCells, lines: BadLines) -> None:
    problems = lines.problems(cells.cut)
    try:
        cells.raise_if_any()
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(*problems)


def _all(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


@dataclass(frozen=True, slots=True)
class _Table:
    """Makes rows of cells from objects."""

    names: tuple[str, ...]
    """The keys as they stand in the file."""
    roles: Roles
    coding: Coding
    strict: bool

    def chunks(self, block: bytes, line: int, cells: BadCells, lines: BadLines) -> Iterator[Chunk]:
        chunk = whole_block(block, line, self.names, self.roles, self.coding)
        if chunk is not None:
            cells.rows += chunk.n
            yield chunk
            return
        plain = block.isascii() and b"_" not in block and b"\\u" not in block
        columns = self._columns()
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, row in objects(block, line, lines):
            if self.strict and not row.keys() <= set(self.names):
                self._new_key(row, number, lines)
            rows.append([_cell(row.get(name), word) for name, word in columns])
            numbers.append(number)
            if len(rows) == _AT_ONCE:
                yield chunk_of(rows, numbers, self.roles, cells, self.coding, plain)
                rows, numbers = [], []
        if rows:
            yield chunk_of(rows, numbers, self.roles, cells, self.coding, plain)

    def _columns(self) -> list[tuple[str, bool]]:
        """Each column's name, and whether true is a word in it: 1 where a number is needed."""
        kinds = dict(zip(self.roles.inputs, self.coding.kinds, strict=True))
        return [(name, kinds.get(column) != "number") for column, name in enumerate(self.names)]

    def _new_key(self, row: dict[str, Any], line: int, lines: BadLines) -> None:
        for key in row:
            if key not in self.names:
                hint = did_you_mean(key, self.names) or f"; the first rows have {listed(self.names)}"
                lines.add(line, f"key {key!r} first occurs here{hint}")


def _cell(value: Any, word: bool) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return ("true" if value else "false") if word else ("1" if value else "0")
