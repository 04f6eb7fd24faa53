"""What is wrong in a table: kept until all of it is known, then told with places, the many counted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from dltrain.data.readers.coding import is_whole_text
from dltrain.data.readers.dialect import Dialect
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem

TELL = 10
"""So many bad cells are told one by one; the others are counted."""


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
