"""All lessons, in the order of the notes: what the modules `section_*.py` beside this one call LESSONS."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tools.lessons.model import Lesson

SECTIONS = (
    *(f"1.{n}" for n in range(1, 10)),
    *(f"2.{n}" for n in range(1, 8)),
    *(f"3.{n}" for n in range(1, 7)),
)
"""Those of the notes that teach something: none may be missing."""


def lessons() -> list[Lesson]:
    """Sorted by section; within one as the modules' names and their lists have them."""
    found: list[Lesson] = []
    for path in sorted(Path(__file__).parent.glob("section_*.py")):
        found += import_module(f"tools.lessons.{path.stem}").LESSONS
    return sorted(found, key=lambda lesson: SECTIONS.index(lesson.section))
