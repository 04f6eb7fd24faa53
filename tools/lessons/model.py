"""What a lesson is, and what comes of running one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.lessons.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim of the notes beside what came out of our runs, with its numbers."""

    claim: str
    came: str
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One row of docs/notes.md."""

    section: str
    """Of the notes: "1.4"."""
    title: str
    where: tuple[str, ...]
    """Files of dltrain/ that do it: "engine/regularizers.py"."""
    how: tuple[str, ...]
    """What to type to see it; its words `configs/...` are the lesson's configs."""
    show: Callable[[Workshop], Iterator[Finding]]
    """Runs it: what came of each claim, pictures on the way."""
    pictures: tuple[tuple[str, str], ...] = ()
    """Name of each picture that `show` draws, and what it shows."""
    differs: tuple[str, ...] = ()
    """Claims that do not hold in our runs, as far as we know."""
    slow: bool = False
    """Takes more than about two seconds: its test is marked `lesson`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A lesson and what came of it."""

    lesson: Lesson
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        return bool(self.findings) and all(finding.holds for finding in self.findings)

    @property
    def surprises(self) -> list[str]:
        """Claims that came out otherwise than the lesson says of itself."""
        failed = {finding.claim for finding in self.findings if not finding.holds}
        return sorted(failed ^ set(self.lesson.differs))
