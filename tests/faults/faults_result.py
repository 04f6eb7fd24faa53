"""What a sweep comes to, and the table of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass
class Result:
    """How many cases of a promise held. `worst` is a number worth seeing: a latency, a size, a cost."""

    promise: str
    passed: int = 0
    total: int = 0
    worst: str = ""
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    """Why nothing could be tried, if so."""

    def check(self, held: bool, what: str) -> None:
        """Counts a case; one that failed is named."""
        self.total += 1
        if held:
            self.passed += 1
        else:
            self.notes.append(what)

    def add(self, other: Result) -> None:
        """Counts the cases of a part of the same promise; a part that was skipped leaves a note."""
        self.passed += other.passed
        self.total += other.total
        self.notes += [f"{other.promise}: {note}" for note in other.notes]
        if other.skipped:
            self.notes.append(f"{other.promise} skipped: {other.skipped}")
        self.worst = "; ".join(part for part in (self.worst, other.worst) if part)

    @property
    def held(self) -> bool:
        return bool(self.skipped) or (self.total > 0 and self.passed == self.total)

    def line(self) -> str:
        count = "not yet" if self.skipped == "not yet" else "skipped" if self.skipped else f"{self.passed}/{self.total}"
        return f"{self.promise:<58} {count:>13}   {self.worst or self.skipped}"


Sweep = Callable[[bool], Result]


def every(items: Iterable[int], full: bool, cases: int) -> list[int]:
    """All of them, or about so many evenly spaced ones, the first and the last included."""
    known = list(items)
    if full or len(known) <= cases:
        return known
    return sorted({known[round(k * (len(known) - 1) / max(1, cases - 1))] for k in range(cases)})
