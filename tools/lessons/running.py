"""Running one lesson, here or in a process of its own."""

from __future__ import annotations

import tempfile
import time
import traceback
from pathlib import Path

from tools.lessons.model import Finding, Lesson, Shown
from tools.lessons.registry import lessons
from tools.lessons.workshop import Workshop


def numbered(n: int, pictures: Path, png: bool) -> tuple[tuple[Finding, ...], float]:
    """Lesson n of the registry, run in this process: its functions stay here."""
    lesson = lessons()[n]
    try:
        shown = show(lesson, pictures, png)
    except Exception:
        traceback.print_exc()
        return (Finding("it runs", traceback.format_exc().strip().splitlines()[-1], False),), 0.0
    return shown.findings, shown.seconds


def show(lesson: Lesson, pictures: Path | None = None, png: bool = False) -> Shown:
    """Runs a lesson in a folder of its own, which is gone afterwards."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), pictures)
        workshop.png = png
        findings = tuple(lesson.show(workshop))
    missing = {name for name, _ in lesson.pictures} ^ set(workshop.drawn)
    assert not missing, f"{lesson.section}: pictures drawn and named differ: {missing}"
    return Shown(lesson, findings, time.perf_counter() - began)
