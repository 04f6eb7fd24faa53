"""Where a value of a hyperparameter is drawn on its own scale, and ticks that can be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from dltrain.report.formats import clean, number
from dltrain.studies.space import Range, Space

Tick: TypeAlias = tuple[float, str]
"""Place from 0 to 1, and what stands there."""
MOST = 7
ROOM = 60
"""Letters below an axis."""
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Scale:
    """A hyperparameter's axis."""

    path: str
    values: Range

    @property
    def words(self) -> str:
        """How the scale is said beside the name."""
        return {"log": "logarithmic", "one_minus_log": "1 − value, logarithmic", "choice": "", "linear": ""}[
            self.values.scale
        ]

    def place(self, value: Any) -> float:
        return self.values.place(value)

    def span(self, box: Sequence[Any]) -> tuple[float, float]:
        """A box's two places; of a choice the first and the last value it has."""
        if self.values.scale == "choice":
            half = 0.5 / len(self.values.values)
            places = [self.values.place(value) for value in box] or [0.5]
            return min(places) - half, max(places) + half
        low, high = (self.values.place(end) for end in (box[0], box[1]))
        if isinstance(self.values.low, int):  # a whole number has a share of its own, its place is the middle
            low, high = self._edges(box[0])[0], self._edges(box[1])[1]
        return min(low, high), max(low, high)

    def _edges(self, value: int) -> tuple[float, float]:
        middle = self.values.place(value)
        below = (self.values.place(value - 1) + middle) / 2 if value > self.values.low else 0.0
        above = (self.values.place(value + 1) + middle) / 2 if value < self.values.high else 1.0
        return below, above

    def ticks(self) -> list[Tick]:
        low, high, scale = self.values.low, self.values.high, self.values.scale
        if scale == "choice":
            most = max(6, ROOM // len(self.values.values))
            return [(self.values.place(value), shortened(value, most)) for value in self.values.values]
        if low == high:
            return [(0.5, number(low))]
        if scale == "log":
            marks = decades(float(low), float(high))
        elif scale == "one_minus_log":
            marks = [round(1 - left, 12) for left in decades(1 - high, 1 - low)]
        else:
            marks = steps(float(low), float(high), isinstance(low, int))
        kept = [mark for mark in marks if low <= mark <= high]
        if isinstance(low, int):
            kept = [float(mark) for mark in dict.fromkeys(round(mark) for mark in kept) if low <= mark <= high]
        return sorted((self.values.place(int(mark) if isinstance(low, int) else mark), label(mark)) for mark in kept)


def scales_of(settings: Mapping[str, Mapping[str, Any]]) -> list[Scale]:
    """Of the space of a search, as study.json has it."""
    return [Scale(one.path, one.values) for one in Space.of(settings).dimensions]


def decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each power of ten, or the powers alone, or every second or third of them: at most 7."""
    first, last = math.floor(math.log10(low) - 1e-9), math.ceil(math.log10(high) + 1e-9)
    tolerance = 1 + 1e-9
    for digits in (STEPS, (1, 3), (1,)):
        marks = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
        marks = [float(f"{mark:.3g}") for mark in marks if low / tolerance <= mark <= high * tolerance]
        if len(marks) <= MOST or (digits == (1,) and len(marks) <= MOST):
            break
    else:
        every = math.ceil(len(marks) / MOST)
        marks = marks[::every]
    return marks if len(marks) > 1 else sorted({float(f"{low:.3g}"), *marks, float(f"{high:.3g}")})


def steps(low: float, high: float, whole: bool = False) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten: at most 7."""
    length = high - low
    power = 10.0 ** math.floor(math.log10(length / MOST))
    sizes = [digit * scale for scale in (power, 10 * power) for digit in STEPS]
    size = next((size for size in sizes if length / size <= MOST and (not whole or size >= 1)), sizes[-1])
    first = math.ceil(low / size - 1e-9)
    return [float(f"{(first + i) * size:.6g}") for i in range(math.floor(high / size + 1e-9) - first + 1)]


def label(value: float) -> str:
    """0.001, 10⁻⁵, 0.9997, 512."""
    if value == 0:
        return "0"
    exponent = math.log10(abs(value))
    if abs(value) < 1e-3 and abs(exponent - round(exponent)) < 1e-9:
        return "10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] if digit.isdigit() else "⁻" for digit in str(round(exponent)))
    if abs(value) < 1e-3:
        return f"{value:.0e}".replace("e-0", "e−").replace("e-", "e−")
    return f"{value:.6g}".replace("-", "−")


def shortened(value: Any, most: int) -> str:
    """A value of a choice below its axis."""
    text = clean(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
