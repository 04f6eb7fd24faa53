"""Curves in braille characters, two by four dots each: a graph that fits a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character: rows from above, left and right column."""
BLANK = 0x2800


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: values over x, None where there is none. `dotted` tells it from the others in grey."""

    values: Sequence[float | None]
    style: str = ""
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of an axis of values; logarithmic where `log`."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def of(cls, values: Iterable[float | None], log: bool = False) -> Scale:
        """Round all finite values; of those above 0 where it is logarithmic."""
        finite = [value for value in values if value is not None and math.isfinite(value) and (value > 0 or not log)]
        if not finite:
            return cls(0.0, 1.0)
        return cls(min(finite), max(finite), log and min(finite) < max(finite))

    def share(self, value: float) -> float:
        """0 at the lower end, where a logarithmic one has its 0 too, 1 at the upper."""
        if self.high <= self.low:
            return 0.5
        if self.log and value <= 0:
            return 0.0
        if self.log:
            low = math.log(self.low)
            return (math.log(value) - low) / ((math.log(self.high) - low) or 1.0)
        return (value / 4 - self.low / 4) / ((self.high / 4 - self.low / 4) or 1.0)  # no overflow on the way


def draw(lines: Sequence[Line], scale: Scale, width: int, height: int, ascii_only: bool = False) -> list[Text]:
    """`height` rows of `width` characters, the first line of `lines` above the others where they cross."""
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for line in lines:
        for place, bits in _dots(line, scale, width, height).items():
            old, style = cells.get(place, (0, line.style))
            cells[place] = old | bits, style
    return [_row([cells.get((x, y), (0, "")) for x in range(width)], ascii_only) for y in range(height)]


def _row(cells: Sequence[tuple[int, str]], ascii_only: bool) -> Text:
    """One row of (bits, style): neighbours of one style together, so that little is written to the terminal."""
    from rich.text import Text

    row = Text(no_wrap=True, overflow="crop")
    for style, group in groupby(cells, key=lambda cell: cell[1]):
        marks = (("*" if ascii_only else chr(BLANK + bits)) if bits else " " for bits, _ in group)
        row.append("".join(marks), style=style)
    return row


def _dots(line: Line, scale: Scale, width: int, height: int) -> Mapping[tuple[int, int], int]:
    """{(column, row): bits} of a curve: its points, and what lies between two neighbours."""
    found: dict[tuple[int, int], int] = {}
    last: tuple[int, int] | None = None
    for i, value in enumerate(line.values):
        if value is None or not math.isfinite(value):
            last = None
            continue
        x = round(i / max(1, len(line.values) - 1) * (2 * width - 1))
        y = round((1 - min(max(scale.share(value), 0.0), 1.0)) * (4 * height - 1))
        for dot in _between(last, (x, y)):
            if not line.dotted or dot[0] % 3 == 0 or last is None:
                _set(found, *dot)
        last = (x, y)
    return found


def _between(start: tuple[int, int] | None, end: tuple[int, int]) -> Iterable[tuple[int, int]]:
    if start is None:
        return [end]
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(round(x0 + (x1 - x0) * k / steps), round(y0 + (y1 - y0) * k / steps)) for k in range(steps + 1)]


def _set(cells: dict[tuple[int, int], int], x: int, y: int) -> None:
    place = (x // 2, y // 4)
    cells[place] = cells.get(place, 0) | DOTS[y % 4][x % 2]
