"""Each lesson comes out as it says of itself, and draws the pictures that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lessons.model import Lesson
from tools.lessons.registry import lessons
from tools.lessons.running import show


def named(lesson: Lesson) -> object:
    marks = [pytest.mark.lesson, pytest.mark.slow] if lesson.slow else []
    return pytest.param(lesson, marks=marks, id=f"{lesson.section} {lesson.title}")


@pytest.mark.parametrize("lesson", [named(lesson) for lesson in lessons()])
def test_each_lesson_comes_out_as_it_says(lesson: Lesson, tmp_path: Path) -> None:
    shown = show(lesson, tmp_path)
    assert shown.findings
    assert shown.surprises == [], [finding for finding in shown.findings if finding.claim in shown.surprises]
    for name, _ in lesson.pictures:
        text = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        assert "<svg" in text and "<text" in text, f"{name} has no labels"
