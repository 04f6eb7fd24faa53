"""Reading a text table cell by cell: exact, slow, and able to say what is wrong and where (`bad_cells`)."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.raw import Extra
from dltrain.data.readers.bad_cells import TELL as TELL
from dltrain.data.readers.bad_cells import BadCells as BadCells
from dltrain.data.readers.coding import Coding, Rules, truths_as_numbers
from dltrain.data.readers.columns import GAP, days
from dltrain.data.readers.dialect import NUMBER
from dltrain.data.roles import Roles
from dltrain.errors import InputError, Problem

_AT_ONCE = 4096
"""Rows that are taken apart together."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a table, as every reader of tables gives them."""

    X: npt.NDArray[np.float64]
    """(k, inputs): gaps are NaN, categories their codes."""
    target: list[str] | None
    ids: list[str] | None
    lines: int | tuple[int, ...]
    """The first row's line if each has one of its own and none is left out, else the line of each."""
    extras: dict[Extra, list[str]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.X)


def rows_elsewhere(n: int, line: int) -> Chunk:
    """Stands for rows that are stored already and were not read."""
    return Chunk(np.empty((n, 0)), None, None, line)


def parse(text: str, first_line: int, roles: Roles, bad: BadCells, coding: Coding) -> Iterator[Chunk]:
    """The rows of `text`, which begins on line `first_line`, some at a time. What is wrong goes to `bad`."""
    width = len(bad.dialect.names)
    rows: list[list[str]] = []
    lines: list[int] = []
    source = _Lines(text)
    reader = csv.reader(source, delimiter=bad.dialect.separator, skipinitialspace=True)
    line = first_line
    plain = text.isascii() and "_" not in text and not coding.rules.numbers_are_gaps
    for cells in guarded(reader, bad.place, first_line):
        here, line = line, first_line + reader.line_num
        if line - here > 1:
            source.check_quotes(bad, here)
        source.taken.clear()
        if len(cells) != width:
            if any(cell.strip() for cell in cells):
                bad.wrong_length(here, len(cells))
            continue
        if width == 1 and not cells[0].strip():
            continue
        rows.append(cells)
        lines.append(here)
        if len(rows) == _AT_ONCE:
            yield chunk_of(rows, lines, roles, bad, coding, plain)
            rows, lines = [], []
    if rows:
        yield chunk_of(rows, lines, roles, bad, coding, plain)


class _Lines:
    """The lines of a text, and those that the row at hand was read from."""

    def __init__(self, text: str) -> None:
        self.lines = io.StringIO(text, newline="")
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.taken.append(line)
            yield line

    def check_quotes(self, bad: BadCells, line: int) -> None:
        """InputError if a cell goes over several lines and on behind its closing quote: that was an opening one."""
        strict = csv.reader(self.taken, delimiter=bad.dialect.separator, skipinitialspace=True, strict=True)
        for _ in guarded(strict, bad.place, line):
            pass


def chunk_of(
    rows: list[list[str]], lines: list[int], roles: Roles, bad: BadCells, coding: Coding, plain: bool
) -> Chunk:
    bad.rows += len(rows)
    columns = list(zip(*rows, strict=True))
    X = np.empty((len(rows), len(roles.inputs)))
    for place, column in enumerate(roles.inputs):
        X[:, place] = values_of(columns[column], place, column, lines, bad, coding, plain)
    target = None if roles.target is None else labels_of(columns[roles.target], roles.target, lines, bad, coding.rules)
    ids = None if roles.id is None else [cell.strip() for cell in columns[roles.id]]
    extras = {role: extra_of(columns[column], coding.rules) for role, column in roles.extras}
    return Chunk(X, target, ids, _compact(lines), extras)


def extra_of(cells: Sequence[str], rules: Rules) -> list[str]:
    """The cells of a column for other ends than inputs, without blanks around them; "" for gaps."""
    found = [sys.intern(cell.strip()) for cell in cells]
    gaps = {cell for cell in set(found) if rules.is_gap(cell)}
    return ["" if cell in gaps else cell for cell in found] if gaps else found


def values_of(
    cells: Sequence[str], place: int, column: int, lines: list[int], bad: BadCells, coding: Coding, plain: bool
) -> list[float]:
    """The numbers of one column. All at once where that goes: float() alone would take 1_0 and nan."""
    kind = coding.kinds[place]
    if kind == "category":
        codes = coding.codes(place, [cell.strip() for cell in cells])
        if coding.rules.gaps == "error":
            for code, line in zip(codes, lines, strict=True):
                if math.isnan(code):
                    bad.missing(column, line)
        return codes
    if kind == "number" and plain:
        try:
            values = list(map(float, cells))
        except ValueError:
            pass
        else:
            if math.isfinite(sum(values)):
                return values
    if kind == "date":
        bad.dates.add(column)
    else:
        told, cells = cells, truths_as_numbers(cells, coding.rules)
        if cells != list(told):
            bad.truths.add(column)
    read = _date if kind == "date" else _number
    return [read(cell.strip(), column, line, bad, coding.rules) for cell, line in zip(cells, lines, strict=True)]


def guarded(reader: Any, place: str, first_line: int) -> Iterator[list[str]]:
    """The rows of a csv reader; InputError, with the line where the row begins, for what it cannot read."""
    before = 0
    try:
        for cells in reader:
            before = reader.line_num
            yield cells
    except csv.Error as error:
        where = f"{place}:{first_line + before}"
        raise InputError(Problem(f"cannot be read as cells ({error}); is a quote left open?", where=where)) from None


def _compact(lines: list[int]) -> int | tuple[int, ...]:
    return lines[0] if lines[-1] - lines[0] == len(lines) - 1 else tuple(lines)


def _number(cell: str, column: int, line: int, bad: BadCells, rules: Rules) -> float:
    if rules.is_gap(cell):
        return _gap(column, line, bad, rules)
    if NUMBER.fullmatch(cell):
        value = float(cell)
        if math.isfinite(value):
            return value
        bad.bad(column, line, cell, "is too large for a number", word=False)
    elif cell.lower().lstrip("+-") in ("inf", "infinity"):
        bad.bad(column, line, cell, "is not finite", word=False)
    elif NUMBER.fullmatch(cell.replace(",", ".", 1)):
        bad.bad(column, line, cell, "is not a number (a decimal comma? write a point)")
    else:
        bad.bad(column, line, cell, "is not a number")
    return 0.0


def _date(cell: str, column: int, line: int, bad: BadCells, rules: Rules) -> float:
    value = days(cell)
    if value is not None:
        return value
    if rules.is_gap(cell):
        return _gap(column, line, bad, rules)
    bad.bad(column, line, cell, "is not a date (expected YYYY-MM-DD)")
    return 0.0


def _gap(column: int, line: int, bad: BadCells, rules: Rules) -> float:
    if rules.gaps == "error":
        bad.missing(column, line)
    return GAP


def labels_of(cells: Sequence[str], column: int, lines: list[int], bad: BadCells, rules: Rules) -> list[str]:
    """The target's cells, without blanks around them; "" for gaps, whose rows are then left out."""
    labels = [sys.intern(cell.strip()) for cell in cells]
    gaps = {label for label in set(labels) if rules.is_gap(label)}
    if not gaps:
        return labels
    if rules.targets == "error":
        for label, line in zip(labels, lines, strict=True):
            if label in gaps:
                bad.missing(column, line)
    return ["" if label in gaps else label for label in labels]
