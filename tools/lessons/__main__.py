"""Runs the lessons, draws their pictures and writes docs/notes.md; some sections alone: `python -m tools.lessons 1.4`.

With sections named, or with --png (which also draws PNG files), only pictures are written, into the folder `--into`.
Exit code 1 where a claim came out otherwise than its lesson says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tools.lessons.model import Lesson, Shown
from tools.lessons.page import page
from tools.lessons.registry import lessons
from tools.lessons.workshop import ROOT, Workshop


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help="Only these, such as 1.4; all if left out.")
    parser.add_argument("--into", type=Path, default=ROOT / "docs/pictures", help="Folder of the pictures.")
    parser.add_argument("--png", action="store_true", help="Draw PNG files too, to look at.")
    given = parser.parse_args()
    wanted = [lesson for lesson in lessons() if not given.sections or lesson.section in given.sections]
    given.into.mkdir(parents=True, exist_ok=True)
    shown = [show(lesson, given.into, given.png) for lesson in wanted]
    if not given.sections:
        (ROOT / "docs/notes.md").write_text(page(shown), encoding="utf-8")
    surprises = [f"{one.lesson.section}: {claim}" for one in shown for claim in one.surprises]
    for line in surprises:
        print(f"came out otherwise than {line}", file=sys.stderr)
    print(f"{len(shown)} lessons in {sum(one.seconds for one in shown):.0f} s")
    return 1 if surprises else 0


def show(lesson: Lesson, pictures: Path | None = None, png: bool = False) -> Shown:
    """Runs a lesson in a folder of its own, which is gone afterwards."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), pictures)
        workshop.png = png
        findings = tuple(lesson.show(workshop))
    missing = {name for name, _ in lesson.pictures} ^ set(workshop.drawn)
    assert not missing, f"{lesson.section}: pictures drawn and named differ: {missing}"
    shown = Shown(lesson, findings, time.perf_counter() - began)
    print(f"{lesson.section} {lesson.title}: {shown.seconds:.1f} s", flush=True)
    for finding in findings:
        print(f"    {'holds' if finding.holds else 'NOT  '}  {finding.claim}: {finding.came}", flush=True)
    return shown


if __name__ == "__main__":
    sys.exit(main())
