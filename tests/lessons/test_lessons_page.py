"""docs/notes.md: no section of the notes and no config is missing, and what it names exists."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tools.lessons.model import Finding, Lesson, Shown
from tools.lessons.page import configs, page, read
from tools.lessons.registry import SECTIONS, lessons

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/notes.md"
PICTURES = ROOT / "docs/pictures"


def every(lesson: Lesson) -> list[str]:
    return re.findall(r"configs/(\w+\.(?:yaml|sh))", " ".join(lesson.how))


def test_no_section_of_the_notes_is_missing() -> None:
    assert [section for section in SECTIONS if section not in {lesson.section for lesson in lessons()}] == []


def test_the_sections_are_those_of_the_notes() -> None:
    """In the folder that DLTRAIN_TEST_DATA names a level below, where the notes lie."""
    found = os.environ.get("DLTRAIN_TEST_DATA")
    notes = Path(found).parent / "notes.txt" if found else None
    if notes is None or not notes.is_file():
        pytest.skip("the notes are not here")
    headings = re.findall(r"^(\d\.\d) [A-Za-z]", notes.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(headings) == SECTIONS


def test_every_config_has_a_section() -> None:
    shown = {name for lesson in lessons() for name in every(lesson)}
    assert [name for name in configs() if name not in shown] == []
    assert sorted(name for name in shown if not (ROOT / "configs" / name).is_file()) == []


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: f"{lesson.section} {lesson.title}")
def test_a_lesson_names_what_exists(lesson: Lesson) -> None:
    for file in lesson.where:
        assert (ROOT / "dltrain" / file).exists(), file
    for command in lesson.how:
        assert shlex.split(command)[0] in ("dltrain", "sh", "make", "python"), command
    assert lesson.how and lesson.title


def test_the_page_is_that_of_these_lessons() -> None:
    """Its rows: what came out is `make lessons`' to write."""
    text = PAGE.read_text(encoding="utf-8")
    for lesson in lessons():
        assert f"[{lesson.section} {lesson.title}](#" in text, f"make lessons: {lesson.section} {lesson.title}"
        for command in lesson.how:
            assert command.replace("|", "\\|") in text
        for name, caption in lesson.pictures:
            assert f"![{caption}](pictures/{name}.svg)" in text
    for name in configs():
        assert f"(../configs/{name})" in text


def test_pictures_are_those_of_the_lessons_small_and_without_a_date() -> None:
    names = {f"{name}.svg" for lesson in lessons() for name, _ in lesson.pictures}
    assert {path.name for path in PICTURES.iterdir()} == names
    for path in PICTURES.iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text) < 200_000, path.name
        assert "<dc:date>" not in text, path.name


def test_what_does_not_hold_is_said() -> None:
    lesson = Lesson(
        section="1.1", title="A title", where=("errors.py",), how=("sh configs/x.sh",), show=lambda _: iter(())
    )
    findings = (Finding("a claim", "it came out otherwise", False), Finding("b: |w|", "|w| < 1", True))
    text = page([Shown(lesson, findings, 1.0)])
    assert "| a claim | it came out otherwise | **no** |" in text
    assert "| 1 of 2 hold |" in text
    assert read(text)["1.1 A title"] == findings, "what stands there is read again where only others are run"
