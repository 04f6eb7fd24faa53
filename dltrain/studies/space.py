"""The space of a search: each varied key on its own scale (notes, section 3.2).

A value's place is a number from 0 to 1, even on that scale: an equal step is an equal factor of a learning rate, an
equal factor of 1 - β. What is drawn, boxed and drawn as a picture is the place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from dltrain.studies.model import Overrides

Scale: TypeAlias = Literal["linear", "log", "one_minus_log", "choice"]
Box: TypeAlias = Mapping[str, Sequence[Any]]
"""Dotted path -> [low, high] of a number, or the values of a choice."""
DIGITS = 5
"""Significant digits of a drawn number: enough for any setting, and the same on every machine."""
COUNT = "architecture.layers.count"


class Range(Protocol):
    """The values of one key."""

    @property
    def scale(self) -> Scale: ...

    @property
    def values(self) -> tuple[Any, ...]:
        """Of a choice; empty for numbers."""

    @property
    def low(self) -> Any:
        """The least number; None for a choice."""

    @property
    def high(self) -> Any:
        """The greatest number; None for a choice."""

    def at(self, u: float) -> Any:
        """The value at a place, 0 <= u <= 1."""

    def place(self, value: Any) -> float:
        """Where a value stands, from 0 to 1; of a whole number or a choice the middle of its share."""

    def within(self, ends: Sequence[Any]) -> Range:
        """The same scale between other ends, [low, high]; or with fewer values."""


@dataclass(frozen=True, slots=True)
class Linear:
    """v = low + u (high - low)."""

    low: float
    high: float
    scale: ClassVar[Scale] = "linear"
    values: ClassVar[tuple[Any, ...]] = ()

    def at(self, u: float) -> float:
        return _rounded(self.low + u * (self.high - self.low), self.low, self.high)

    def place(self, value: Any) -> float:
        return _share(float(value), self.low, self.high)

    def within(self, ends: Sequence[Any]) -> Linear:
        return Linear(float(ends[0]), float(ends[1]))


@dataclass(frozen=True, slots=True)
class Log:
    """v = low (high/low)^u."""

    low: float
    high: float
    scale: ClassVar[Scale] = "log"
    values: ClassVar[tuple[Any, ...]] = ()

    def at(self, u: float) -> float:
        low, high = math.log(self.low), math.log(self.high)
        return _rounded(math.exp(low + u * (high - low)), self.low, self.high)

    def place(self, value: Any) -> float:
        return _share(math.log(value), math.log(self.low), math.log(self.high))

    def within(self, ends: Sequence[Any]) -> Log:
        return Log(float(ends[0]), float(ends[1]))


@dataclass(frozen=True, slots=True)
class OneMinusLog:
    """v = 1 - (1 - low) ((1 - high)/(1 - low))^u: 1/(1 - v) grows by equal factors."""

    low: float
    high: float
    scale: ClassVar[Scale] = "one_minus_log"
    values: ClassVar[tuple[Any, ...]] = ()

    def at(self, u: float) -> float:
        low, high = math.log(1 - self.low), math.log(1 - self.high)
        left = _rounded(math.exp(low + u * (high - low)), 1 - self.high, 1 - self.low)
        return min(self.high, max(self.low, round(1 - left, 15)))

    def place(self, value: Any) -> float:
        return _share(-math.log(1 - value), -math.log(1 - self.low), -math.log(1 - self.high))

    def within(self, ends: Sequence[Any]) -> OneMinusLog:
        return OneMinusLog(float(ends[0]), float(ends[1]))


@dataclass(frozen=True, slots=True)
class Whole:
    """low, low + 1, ..., high, each with an equal share of the places."""

    low: int
    high: int
    scale: ClassVar[Scale] = "linear"
    values: ClassVar[tuple[Any, ...]] = ()

    def at(self, u: float) -> int:
        return min(self.high, self.low + math.floor(u * (self.high - self.low + 1)))

    def place(self, value: Any) -> float:
        return _share(value + 0.5, self.low, self.high + 1)

    def within(self, ends: Sequence[Any]) -> Whole:
        return Whole(int(ends[0]), int(ends[1]))


@dataclass(frozen=True, slots=True)
class LogWhole:
    """Whole numbers v, each with the share log((v + 1)/v) of the places."""

    low: int
    high: int
    scale: ClassVar[Scale] = "log"
    values: ClassVar[tuple[Any, ...]] = ()

    def at(self, u: float) -> int:
        low, high = math.log(self.low), math.log(self.high + 1)
        return min(self.high, max(self.low, math.floor(_digits(math.exp(low + u * (high - low)), 12))))

    def place(self, value: Any) -> float:
        middle = (math.log(value) + math.log(value + 1)) / 2
        return _share(middle, math.log(self.low), math.log(self.high + 1))

    def within(self, ends: Sequence[Any]) -> LogWhole:
        return LogWhole(int(ends[0]), int(ends[1]))


@dataclass(frozen=True, slots=True)
class Values:
    """One of several values, each with an equal share of the places."""

    values: tuple[Any, ...]
    scale: ClassVar[Scale] = "choice"
    low: ClassVar[None] = None
    high: ClassVar[None] = None

    def at(self, u: float) -> Any:
        return self.values[min(len(self.values) - 1, math.floor(u * len(self.values)))]

    def place(self, value: Any) -> float:
        return (self.values.index(value) + 0.5) / len(self.values)

    def within(self, ends: Sequence[Any]) -> Values:
        return Values(tuple(value for value in self.values if value in ends) or self.values)


KINDS: dict[str, Any] = {
    "uniform": Linear,
    "log_uniform": Log,
    "one_minus_log_uniform": OneMinusLog,
    "int": Whole,
    "log_int": LogWhole,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A varied key."""

    path: str
    values: Range
    when: Mapping[str, Sequence[Any]] | None = None
    """{path of another dimension: the values with which this one counts}."""

    @property
    def scale(self) -> Scale:
        return self.values.scale

    def counts(self, overrides: Overrides) -> bool:
        """Whether it is varied beside these values of the others."""
        conditions = (self.when or {}).items()
        return all(path in overrides and overrides[path] in allowed for path, allowed in conditions) and self._exists(
            overrides
        )

    def _exists(self, overrides: Overrides) -> bool:
        """A layer's settings need the layer, where the number of layers is varied."""
        number = layer_of(self.path)
        return number is None or overrides.get(COUNT, math.inf) > number


def layer_of(path: str) -> int | None:
    """2 of `architecture.layers.2.units`."""
    rest = path.removeprefix("architecture.layers.")
    number = rest.partition(".")[0]
    return int(number) if rest != path and number.isascii() and number.isdigit() else None


@dataclass(frozen=True, slots=True)
class Space:
    """Named dimensions, in the order of the config."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Mapping[str, Any]]) -> Space:
        """From plain data: {path: {kind, low, high, values, when}}."""
        return cls(
            tuple(Dimension(path=path, values=_range(found), when=_when(found)) for path, found in settings.items())
        )

    def __len__(self) -> int:
        return len(self.dimensions)

    def __getitem__(self, path: str) -> Dimension:
        return next(dimension for dimension in self.dimensions if dimension.path == path)

    def sample(self, us: Sequence[float]) -> dict[str, Any]:
        """The values at these places, one a dimension, without the dimensions that do not count beside the others.
        Kinds and numbers of layers come first, since others depend on them where they are applied."""
        drawn = {dimension.path: dimension.values.at(u) for dimension, u in zip(self.dimensions, us, strict=True)}
        kept = {dimension.path: drawn[dimension.path] for dimension in self.active(drawn)}
        return dict(sorted(kept.items(), key=lambda item: not _comes_first(item[0])))

    def active(self, overrides: Overrides) -> list[Dimension]:
        """The dimensions that count beside these values; a condition on one that does not count is not met."""
        left = dict(overrides)
        while True:
            counting = [one for one in self.dimensions if one.path in left and one.counts(left)]
            if len(counting) == len([one for one in self.dimensions if one.path in left]):
                return counting
            kept = {one.path for one in counting}
            left = {path: value for path, value in left.items() if path in kept}

    def places(self, overrides: Overrides) -> dict[str, float]:
        """The place of each value that is there."""
        return {one.path: one.values.place(overrides[one.path]) for one in self.dimensions if one.path in overrides}

    def within(self, boxes: Box) -> Space:
        """The same dimensions between other ends: `boxes` {path: [low, high], or the values of a choice}."""
        return Space(
            tuple(
                replace(one, values=one.values.within(boxes[one.path])) if one.path in boxes else one
                for one in self.dimensions
            )
        )

    @property
    def box(self) -> dict[str, list[Any]]:
        """All of it, as a box."""
        return {
            one.path: list(one.values.values) if one.scale == "choice" else [one.values.low, one.values.high]
            for one in self.dimensions
        }


def _comes_first(path: str) -> bool:
    return path.endswith(".kind") or path in (COUNT, "architecture.layers")


def _range(found: Mapping[str, Any]) -> Range:
    if found["kind"] == "choice":
        return Values(tuple(found["values"]))
    made: Range = KINDS[found["kind"]](found["low"], found["high"])
    return made


def _when(found: Mapping[str, Any]) -> dict[str, list[Any]] | None:
    """A single value is a list of one."""
    when = found.get("when")
    return None if not when else {path: value if isinstance(value, list) else [value] for path, value in when.items()}


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if high <= low else min(1.0, max(0.0, (value - low) / (high - low)))


def _digits(value: float, digits: int = DIGITS) -> float:
    return float(f"{value:.{digits - 1}e}")


def _rounded(value: float, low: float, high: float) -> float:
    """To as many digits as tell places of a narrow range apart."""
    span = (high - low) / max(abs(low), abs(high), 1e-300)
    more = max(0, int(-math.log10(span))) if span > 0 else 0
    return min(high, max(low, _digits(value, min(17, DIGITS + more))))
