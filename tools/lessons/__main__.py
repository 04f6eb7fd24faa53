"""Runs the lessons, draws their pictures and writes docs/notes.md; some sections alone: `python -m tools.lessons 1.4`.

With sections named, the rows of the others stay as the page has them. With `--into FOLDER` only pictures are written, there;
--png draws PNG files too.
Exit code 1 where a claim came out otherwise than its lesson says.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tools.lessons.model import Lesson, Shown
from tools.lessons.page import page, read
from tools.lessons.registry import lessons
from tools.lessons.running import numbered
from tools.lessons.workshop import ROOT

PAGE = ROOT / "docs/notes.md"
WORKERS = 2
"""Lessons at a time, each in a process of its own."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help="Only these, such as 1.4; all if left out.")
    parser.add_argument("--into", type=Path, help="A folder for the pictures alone; docs/notes.md stays as it is.")
    parser.add_argument("--png", action="store_true", help="Draw PNG files too, to look at.")
    given = parser.parse_args()
    every = lessons()
    wanted = [n for n, lesson in enumerate(every) if not given.sections or lesson.section in given.sections]
    pictures = given.into or ROOT / "docs/pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    began, shown = time.perf_counter(), []
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(numbered, n, pictures, given.png) for n in wanted]
        for n, job in zip(wanted, jobs, strict=True):
            findings, seconds = job.result()
            shown.append(Shown(every[n], findings, seconds))
            _tell(shown[-1])
    if given.into is None:
        _write(_with_others(shown, every), pictures)
    surprises = [f"{one.lesson.section}: {claim}" for one in shown for claim in one.surprises]
    for line in surprises:
        print(f"came out otherwise than expected of {line}", file=sys.stderr)
    print(f"{len(shown)} lessons in {time.perf_counter() - began:.0f} s")
    return 1 if surprises else 0


def _tell(shown: Shown) -> None:
    print(f"{shown.lesson.section} {shown.lesson.title}: {shown.seconds:.1f} s", flush=True)
    for finding in shown.findings:
        print(f"    {'holds' if finding.holds else 'NOT  '}  {finding.claim}: {finding.came}", flush=True)


def _with_others(shown: list[Shown], every: list[Lesson]) -> list[Shown]:
    """Every lesson: those that did not run as the page has them."""
    there = read(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    ran = {one.lesson.title: one for one in shown}
    return [
        ran.get(lesson.title) or Shown(lesson, there.get(f"{lesson.section} {lesson.title}", ()), 0.0)
        for lesson in every
    ]


def _write(shown: list[Shown], pictures: Path) -> None:
    """docs/notes.md, and no picture that no lesson draws any more."""
    PAGE.write_text(page(shown), encoding="utf-8")
    drawn = {f"{name}.svg" for one in shown for name, _ in one.lesson.pictures}
    for path in pictures.glob("*.svg"):
        if path.name not in drawn:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
