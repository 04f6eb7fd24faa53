"""Reading a text table cell by cell: exact, slow, and able to say what is wrong and where."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.raw import Extra
from dltrain.data.readers.coding import Coding, Rules, is_whole_text, truths_as_numbers
from dltrain.data.readers.columns import GAP, days
from dltrain.data.readers.dialect import NUMBER, Dialect
from dltrain.data.roles import Roles, listed
from dltrain.errors import InputError, Problem

TELL = 10
"""So many bad cells are told one by one; the others are counted."""
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


@dataclass(slots=True)
class _Column:
    """What is wrong in one column."""

    cells: int = 0
    missing: int = 0
    first_missing: int = 0
    bad: int = 0
    words: int = 0
    """Bad cells that are no numbers at all, not even infinite ones."""
    told: list[tuple[int, str, str]] = field(default_factory=list)


class BadCells:
    """Keeps what is wrong in a file until all of it is known."""

    def __init__(self, place: str, dialect: Dialect, target: int | None, from_config: bool = True) -> None:
        self.place, self.dialect, self.target = place, dialect, target
        self.dates: set[int] = set()
        self.truths: set[int] = set()
        """Columns that say true or false."""
        self.from_config = from_config
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

    def bad(self, column: int, line: int, value: str, reason: str, word: bool = True) -> None:
        seen = self.columns.setdefault(column, _Column())
        seen.bad += 1
        seen.words += word
        if len(seen.told) < TELL:
            seen.told.append((line, value, reason))

    def wrong_length(self, line: int, cells: int) -> None:
        self.ragged_count += 1
        if len(self.ragged) < TELL:
            self.ragged.append((line, cells))

    def raise_if_any(self) -> None:
        if self:
            raise InputError(*self._ragged(), *self._text_columns(), *self._cells(), *self._missing(), *self._doubted())

    def _doubted(self) -> list[Problem]:
        """That line 1 may be a header."""
        first = any(line == 1 for seen in self.columns.values() for line, _, _ in seen.told)
        return [Problem(f"{self.dialect.doubt}: leave data.columns out if so")] if first and self.dialect.doubt else []

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
        return is_whole_text(seen.words, self.rows - seen.missing)

    def misread(self, among: Collection[int]) -> list[str]:
        """Names of those of the columns whose cells are no numbers as a rule: words, after many rows of numbers."""
        found = [
            column
            for column, seen in self.columns.items()
            if column in among and (self._whole(seen) or (seen.bad and column in self.truths))
        ]
        return [self.dialect.names[column] for column in found]

    def _text_columns(self) -> list[Problem]:
        """A column full of text is one problem, not a thousand."""
        problems = []
        for column, seen in sorted(self.columns.items()):
            if self._whole(seen):
                line, value, reason = seen.told[0]
                name = self.dialect.names[column]
                more = f"nor are {self._at_least()}{seen.bad - 1} more cells of this column"
                trained = "the training file has" if self.from_config else "the model was trained on"
                what = "dates" if column in self.dates else "numbers"
                message = f"{name}: {_short(value)} {reason}, {more}; {trained} {what} there"
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
        message = f"{what} ({listed(names)}); {self._remedy(inputs)}"
        return [Problem(message, where=f"{self.place}:{line}:{column + 1}")]

    def _remedy(self, inputs: list[str]) -> str:
        if not self.from_config:
            return "the model was trained on rows without any: fill them in or take these rows out"
        if not inputs:
            return "a target cannot be filled in; data.missing: mean (or any but error) leaves rows without one out"
        ways = "missing values are refused; data.missing: median (mean, most_frequent) fills them, drop leaves out"
        return f"{ways} their rows, data.exclude: [{listed(inputs)}] their columns"

    def _at_least(self) -> str:
        return "at least " if self.cut else ""


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")


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
