"""The difference of two errors: its interval, its verdict, and what would settle it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from dltrain.diagnosis.estimates import Estimate
from dltrain.diagnosis.intervals import difference

Verdict: TypeAlias = Literal["high", "low", "undetermined"]
Side: TypeAlias = Literal["high", "low"]
Rule: TypeAlias = Callable[[float, float, float], Verdict]

MOST = 100
"""Settling that takes more than so many times the examples is called impossible."""
DECIMALS = 12
"""Gaps are rounded to so many decimals, so that 3% − 1% is not above 2%."""


@dataclass(frozen=True, slots=True)
class Gap:
    """a − b with its interval (None when sizes are unknown), its verdict, and the side its value is on."""

    value: float
    low: float | None
    high: float | None
    verdict: Verdict
    point: Side
    settle: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "verdict": self.verdict,
            "point": self.point,
            "settle": self.settle,
        }


def size_rule(low: float, high: float, threshold: float) -> Verdict:
    """Is the gap large? high above `threshold`, low below or at it, with the whole interval."""
    if low > threshold:
        return "high"
    return "low" if high <= threshold else "undetermined"


def existence_rule(low: float, high: float, threshold: float) -> Verdict:
    """Is there a gap at all? high when the interval lies above 0, else low when it ends below `threshold`."""
    if low > 0:
        return "high"
    return "low" if high < threshold else "undetermined"


@dataclass(frozen=True, slots=True)
class Question:
    """Which gap is asked for: parts a − b, the rule of its verdict, and the yardsticks."""

    a: str
    b: str
    rule: Rule
    threshold: float
    confidence: float

    def answer(self, a: Estimate, b: Estimate) -> Gap:
        """The gap of two estimates. Without an interval on either side the values alone decide."""
        value = _rounded(a.value - b.value)
        side: Side = "high" if value > self.threshold else "low"
        if a.interval is None or b.interval is None:
            return Gap(value, None, None, side, side, None)
        low, high = self.ends(a, b)
        verdict = self.rule(low, high, self.threshold)
        if verdict == "undetermined":
            return Gap(value, low, high, verdict, side, self.settle(a, b))
        return Gap(value, low, high, verdict, verdict, None)

    def ends(self, a: Estimate, b: Estimate) -> tuple[float, float]:
        """The interval of a − b, from the intervals of both."""
        assert a.interval is not None and b.interval is not None
        low, high = difference(a.value, a.interval, b.value, b.interval)
        return _rounded(low), _rounded(high)

    def settle(self, a: Estimate, b: Estimate) -> dict[str, Any]:
        """How many more examples would decide, if both errors stay as they are."""
        grows = _growing(self.rule, a, b)
        first = a if grows[0] else b
        part = self.a if grows[0] else self.b
        assert first.n is not None
        needed = self._smallest(a, b, grows, first.n)
        if needed is None:
            return {"part": part, "more": None, "if": "too close to the threshold to settle"}
        if not all(grows):
            return {"part": part, "more": needed - first.n, "if": "the rate stays as observed"}
        also = {"part": self.b, "more": _scaled(b, needed, first.n) - (b.n or 0)}
        return {"part": part, "more": needed - first.n, "also": also, "if": "the rates stay as observed"}

    def _smallest(self, a: Estimate, b: Estimate, grows: tuple[bool, bool], n: int) -> int | None:
        """The smallest n that decides, by bisection: intervals only shrink as n grows.

        For a rate it is near z²·p(1 − p)/(gap − threshold)².
        """

        def decides(size: int) -> bool:
            grown = [
                part.on_more(_scaled(part, size, n), self.confidence) if moves else part
                for part, moves in zip((a, b), grows, strict=True)
            ]
            return self.rule(*self.ends(*grown), self.threshold) != "undetermined"

        low, high = n, MOST * n
        if not decides(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if decides(middle) else (middle, high)
        return high


def _growing(rule: Rule, a: Estimate, b: Estimate) -> tuple[bool, bool]:
    """Which parts would get more examples: both in the question of existence, else the one that has a width."""
    can_a, can_b = (e.n is not None and e.method != "exact" for e in (a, b))
    if rule is existence_rule:
        return can_a, can_b
    return (True, False) if can_a else (False, can_b)


def _scaled(part: Estimate, size: int, n: int) -> int:
    """The examples of `part` when n of the other part become `size`, rounded up."""
    return -(-(part.n or 0) * size // n)


def _rounded(x: float) -> float:
    return round(x, DECIMALS) + 0.0
