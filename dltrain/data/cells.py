"""Reading a text table cell by cell: exact, slow, and able to say what is wrong and where."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.dialect import MISSING, NUMBER, Dialect
from dltrain.data.roles import Roles, listed
from dltrain.errors import InputError, Problem

TELL = 10
"""So many bad cells are told one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a text table."""

    X: npt.NDArray[np.float64]
    target: list[str] | None
    ids: list[str] | None
    lines: int | tuple[int, ...]
    """The first row's line if each has one of its own and none is left out, else the line of each."""

    @property
    def n(self) -> int:
        return len(self.X)


@dataclass(slots=True)
class _Column:
    """What is wrong in one column."""

    cells: int = 0
    missing: int = 0
    first_missing: int = 0
    bad: int = 0
    told: list[tuple[int, str, str]] = field(default_factory=list)


class BadCells:
    """Keeps what is wrong in a file until all of it is known."""

    def __init__(self, place: str, dialect: Dialect, target: int | None) -> None:
        self.place, self.dialect, self.target = place, dialect, target
        self.columns: dict[int, _Column] = {}
        self.ragged: list[tuple[int, int]] = []
        self.ragged_count = 0
        self.cut = False
        self.rows = 0

    def __bool__(self) -> bool:
        return bool(self.columns or self.ragged_count)

    def missing(self, column: int, line: int) -> None:
        seen = self.columns.setdefault(column, _Column())
        seen.first_missing = seen.first_missing or line
        seen.missing += 1

    def bad(self, column: int, line: int, value: str, reason: str) -> None:
        seen = self.columns.setdefault(column, _Column())
        seen.bad += 1
        if len(seen.told) < TELL:
            seen.told.append((line, value, reason))

    def wrong_length(self, line: int, cells: int) -> None:
        self.ragged_count += 1
        if len(self.ragged) < TELL:
            self.ragged.append((line, cells))

    def raise_if_any(self) -> None:
        if self:
            raise InputError(*self._ragged(), *self._text_columns(), *self._cells(), *self._missing())

    def _ragged(self) -> list[Problem]:
        expected = len(self.dialect.names)
        problems = [
            Problem(f"{_cells(cells)}, expected {expected}", where=f"{self.place}:{line}")
            for line, cells in self.ragged
        ]
        if self.ragged_count > len(self.ragged):
            more = self.ragged_count - len(self.ragged)
            problems.append(
                Problem(f"{self._at_least()}{more} more lines have another number of cells", None, self.place)
            )
        return problems

    def _whole(self, seen: _Column) -> bool:
        return seen.bad > TELL and 5 * seen.bad > self.rows - seen.missing

    def _text_columns(self) -> list[Problem]:
        """A column full of text is one problem, not a thousand."""
        problems = []
        for column, seen in sorted(self.columns.items()):
            if self._whole(seen):
                line, value, _ = seen.told[0]
                name = self.dialect.names[column]
                message = (
                    f"{name}: {_short(value)} is not a number, nor are {self._at_least()}{seen.bad - 1} more cells of "
                    f"this column; inputs must be numbers: leave it out with data.exclude: [{name}], "
                    f"or data.id: {name} if it names the rows"
                )
                problems.append(Problem(message, where=f"{self.place}:{line}:{column + 1}"))
        return problems

    def _cells(self) -> list[Problem]:
        few = {column: seen for column, seen in self.columns.items() if not self._whole(seen)}
        told = sorted(
            (line, column, value, reason) for column, seen in few.items() for line, value, reason in seen.told
        )
        problems = [
            Problem(
                f"{self.dialect.names[column]}: {_short(value)} {reason}", where=f"{self.place}:{line}:{column + 1}"
            )
            for line, column, value, reason in told[:TELL]
        ]
        more = sum(seen.bad for seen in few.values()) - len(problems)
        if more:
            problems.append(Problem(f"{self._at_least()}{more} more cells are no numbers", where=self.place))
        return problems

    def _missing(self) -> list[Problem]:
        gaps = {column: seen for column, seen in sorted(self.columns.items()) if seen.missing}
        if not gaps:
            return []
        line, column = min((seen.first_missing, column) for column, seen in gaps.items())
        names = [f"{self.dialect.names[column]}: {seen.missing}" for column, seen in gaps.items()]
        count = sum(seen.missing for seen in gaps.values())
        what = "1 cell is missing" if count == 1 else f"{self._at_least()}{count} cells are missing, the first here"
        inputs = [self.dialect.names[column] for column in gaps if column != self.target]
        hint = f"; or leave columns out with data.exclude: [{listed(inputs)}]" if inputs else ""
        message = f"{what} ({listed(names)}); missing values are refused: fill them in or take these rows out{hint}"
        return [Problem(message, where=f"{self.place}:{line}:{column + 1}")]

    def _at_least(self) -> str:
        return "at least " if self.cut else ""


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")


def parse(text: str, first_line: int, roles: Roles, bad: BadCells) -> Chunk:
    """The rows of `text`, which begins on line `first_line`. What is wrong goes to `bad`; such cells become 0."""
    width = len(bad.dialect.names)
    rows: list[list[float]] = []
    target: list[str] = []
    ids: list[str] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=bad.dialect.separator, skipinitialspace=True)
    line = first_line
    plain = text.isascii() and "_" not in text
    for cells in guarded(reader, bad.place, first_line):
        here, line = line, first_line + reader.line_num
        if len(cells) != width:
            if any(cell.strip() for cell in cells):
                bad.wrong_length(here, len(cells))
            continue
        if width == 1 and not cells[0].strip():
            continue
        bad.rows += 1
        lines.append(here)
        rows.append(_numbers(cells, roles.inputs, plain) or [_number(cells[j], j, here, bad) for j in roles.inputs])
        if roles.target is not None:
            target.append(_label(cells[roles.target], roles.target, here, bad))
        if roles.id is not None:
            ids.append(cells[roles.id].strip())
    X = np.array(rows, dtype=np.float64).reshape(len(rows), len(roles.inputs))
    return Chunk(
        X,
        target if roles.target is not None else None,
        ids if roles.id is not None else None,
        _compact(lines, first_line),
    )


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


def _compact(lines: list[int], first_line: int) -> int | tuple[int, ...]:
    if lines and lines[-1] - lines[0] == len(lines) - 1:
        return lines[0]
    return tuple(lines) if lines else first_line


def _numbers(cells: list[str], inputs: tuple[int, ...], plain: bool) -> list[float] | None:
    """All numbers of a row at once, or None if one of them has to be looked at: float() alone takes 1_0 and nan."""
    if not plain:
        return None
    try:
        values = [float(cells[column]) for column in inputs]
    except ValueError:
        return None
    return values if math.isfinite(sum(values)) else None


def _number(cell: str, column: int, line: int, bad: BadCells) -> float:
    cell = cell.strip()
    if NUMBER.fullmatch(cell):
        value = float(cell)
        if math.isfinite(value):
            return value
        bad.bad(column, line, cell, "is too large for a number")
    elif cell.lower() in MISSING:
        bad.missing(column, line)
    elif cell.lower().lstrip("+-") in ("inf", "infinity"):
        bad.bad(column, line, cell, "is not finite")
    elif NUMBER.fullmatch(cell.replace(",", ".", 1)):
        bad.bad(column, line, cell, "is not a number (a decimal comma? write a point)")
    else:
        bad.bad(column, line, cell, "is not a number")
    return 0.0


def _label(cell: str, column: int, line: int, bad: BadCells) -> str:
    cell = cell.strip()
    if cell.lower() in MISSING:
        bad.missing(column, line)
    return sys.intern(cell)
