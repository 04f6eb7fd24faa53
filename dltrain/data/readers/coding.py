"""How the cells of a table become numbers: what each column holds, what a gap is, the code of each category."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dltrain.config.records import Data
from dltrain.data.readers.columns import GAP, Kind, Vocabulary, days
from dltrain.data.readers.dialect import EMPTY, MISSING, TRUTHS, is_number

SAMPLE = 1000
"""So many rows are looked at to see what the columns hold; fewer where there are many columns."""
_TYPING_ERRORS = 10

Gaps: TypeAlias = Literal["error", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is known of the cells before a table is read."""

    missing: frozenset[str] = MISSING
    """Cells, in lower case, that hold no value."""
    gaps: Gaps = "error"
    """Of inputs: refused, or kept, to be filled in or dropped with their rows."""
    targets: Gaps = "error"
    """Of the target: refused, or kept as "", since their rows are left out."""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """What columns hold, where that is known; others are looked at."""
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Categories whose codes are settled."""
    exact: bool = False
    """Numbers stay float64 however large the table is: training.dtype is."""

    @classmethod
    def of(cls, data: Data) -> Rules:
        """The rules of a config."""
        gaps: Gaps = "error" if data.missing == "error" else "keep"
        return cls(missing=missing_cells(data.missing_values), gaps=gaps, targets=gaps)

    def is_gap(self, cell: str) -> bool:
        return cell.lower() in self.missing

    @property
    def numbers_are_gaps(self) -> bool:
        """Whether a cell that is a number may hold no value, like -999."""
        return any(is_number(cell) for cell in self.missing)


def missing_cells(values: Collection[str]) -> frozenset[str]:
    """Cells, in lower case, that hold no value: those of data.missing_values beside the empty one and its kin."""
    return EMPTY | {value.strip().lower() for value in values}


class Coding:
    """What each input column holds, and the vocabularies, which grow while the table is read."""

    def __init__(self, names: Sequence[str], kinds: Sequence[Kind], rules: Rules) -> None:
        self.names, self.kinds, self.rules = tuple(names), tuple(kinds), rules
        self.gaps_seen = False
        """A word for a gap stood in a column of numbers."""
        self.vocabularies = {
            place: Vocabulary(rules.vocabularies.get(name, ()))
            for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
            if kind == "category"
        }

    @property
    def guessed(self) -> set[int]:
        """Columns whose kind was seen from the first rows, and not known."""
        return {place for place, name in enumerate(self.names) if name not in self.rules.kinds}

    def names_by_feature(self) -> dict[str, tuple[str, ...]]:
        """Feature -> names of its categories by code."""
        return {self.names[place]: words.names for place, words in self.vocabularies.items()}

    def codes(self, place: int, cells: Sequence[str]) -> list[float]:
        """Codes of a category's cells, without blanks around them; NaN for gaps."""
        present = [cell for cell in dict.fromkeys(cells) if not self.rules.is_gap(cell)]
        known = dict(zip(present, self.vocabularies[place].codes(present), strict=True))
        return [known.get(cell, GAP) for cell in cells]


def look(names: Sequence[str], sample: Sequence[Sequence[str]], rules: Rules) -> list[Kind]:
    """What the columns `names` hold, whose cells are sample[k]: known from the rules, else seen from the cells."""
    return [rules.kinds.get(name) or kind_of(cells, rules) for name, cells in zip(names, sample, strict=True)]


def kind_of(cells: Sequence[str], rules: Rules) -> Kind:
    """What a column with these cells holds. A few words among numbers are typing errors, not categories."""
    try:
        list(map(float, cells))
        return "number"
    except ValueError:
        present = [cell for each in cells if not rules.is_gap(cell := each.strip())]
    present = truths_as_numbers(present, rules)
    if not present or not _is_text(sum(not _means_number(cell) for cell in present), len(present)):
        return "number"
    dates = sum(days(cell) is not None for cell in present)
    return "category" if _is_text(len(present) - dates, len(present)) else "date"


def _means_number(cell: str) -> bool:
    """Whether a cell is a number, or the infinity that some programs write, which is then told."""
    return is_number(cell) or cell.lower().lstrip("+-") in ("inf", "infinity")


def truths_as_numbers(cells: Sequence[str], rules: Rules) -> list[str]:
    """The cells, with 1 and 0 for true and false where the numbers among them are only these."""
    found = {cell: TRUTHS[low] for cell in set(cells) if (low := cell.strip().lower()) in TRUTHS}
    others = (cell for cell in set(cells) if is_number(cell) and not rules.is_gap(cell.strip()))
    if not found or any(float(cell) not in (0, 1) for cell in others):
        return list(cells)
    return [cell if rules.is_gap(cell.strip()) else found.get(cell, cell) for cell in cells]


def _is_text(others: int, n: int) -> bool:
    return 2 * others > n or is_whole_text(others, n)


def is_whole_text(others: int, n: int) -> bool:
    """Whether so many cells that are no numbers, of n in all, are the rule rather than typing errors."""
    return others > _TYPING_ERRORS and 5 * others > n
