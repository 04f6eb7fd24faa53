"""What a column holds, and how its cells become numbers: dates as days, categories as codes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["number", "date", "category"]

GAP = math.nan
"""What stands in a table where a cell holds no value."""


def all_numbers(columns: int) -> tuple[Kind, ...]:
    """The kinds of a table without dates and categories."""
    number: Kind = "number"
    return (number,) * columns


_EPOCH = date(1970, 1, 1).toordinal()
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[ Tt]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d{1,9})?))?"
    r"(?:([Zz])| ?([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?)?",
    re.ASCII,
)


class Vocabulary:
    """The names of a column's categories, in order of first appearance; a name's place is its code."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._codes = _Codes()
        self.codes(list(names))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def codes(self, cells: Sequence[str]) -> list[float]:
        """A code a cell; a name that was not seen before gets the next one."""
        return list(map(self._codes.__getitem__, cells))


class _Codes(dict[str, float]):
    def __missing__(self, name: str) -> float:
        code = self[name] = float(len(self))
        return code


def days(cell: str) -> float | None:
    """Days since 1970-01-01 of `YYYY-MM-DD`, with a time or without (`[ T]HH:MM[:SS[.f]][Z|+hh:mm|+hhmm|+hh]`).

    A time is a fraction of its day; one without an offset is taken as UTC. None for anything else, blanks
    around the date and days that no calendar has included. (RFC 3339, section 5.6, with seconds optional and the
    shorter offsets of ISO 8601, which may stand behind a blank.)
    """
    found = _ISO.fullmatch(cell)
    if found is None:
        return None
    year, month, day, hour, minute, second, _, sign, ahead, aside = found.groups()
    try:
        whole = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None
    if hour is None:
        return float(whole)
    minutes = 60 * int(hour) + int(minute)
    if sign:
        offset = 60 * int(ahead) + int(aside or 0)
        minutes += -offset if sign == "+" else offset
    return whole + (60 * minutes + float(second or 0)) / 86400
