"""Measures the diagnosis itself: coverage of its intervals, its verdicts, its mismatch, its advice.

python -m benchmarks.trust                     # everything, about 25 minutes on one core; writes the documents' tables
python -m benchmarks.trust --scale 0.02        # the first 2 % of the tasks; prints the tables, writes nothing
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.trust import advice, coverage, hand, mismatch, page, starts, verdicts

T, R = TypeVar("T"), TypeVar("R")


class Crew:
    """Runs tasks, one after the other or in processes, with a progress bar; the results do not depend on which."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def each(self, what: str, work: Callable[[T], R], tasks: Sequence[T]) -> list[R]:
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        if self.workers == 1:
            one_thread()
            found: Iterable[R] = map(work, tasks)
            return list(track(found, what, len(tasks), console=console, disable=not sys.stderr.isatty()))
        with multiprocessing.get_context("spawn").Pool(self.workers, one_thread) as pool:
            found = pool.imap(work, tasks)
            return list(track(found, what, len(tasks), console=console, disable=not sys.stderr.isatty()))


def one_thread() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")


def try_advice(task: tuple[str, str, str]) -> advice.Trial:
    name, group, path = task
    return advice.measure(name, group, Path(path))


def measure(scale: float, workers: int, data: Path | None) -> dict[str, Any]:
    """Everything, or the first tasks of each kind."""
    crew = Crew(workers)
    hits = crew.each("coverage", coverage.measure, coverage.tasks(scale))
    regimes = verdicts.regimes()
    calls = crew.each("verdicts", verdicts.measure, regimes[: max(1, round(scale * len(regimes)))])
    shifts = crew.each("mismatch", mismatch.measure, range(max(1, round(min(1, 10 * scale) * len(mismatch.SHIFTS)))))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        problems = [(*starts.generated(folder, i), "generated") for i in range(max(1, round(scale * starts.GENERATED)))]
        sets = [(name, path, "real sets") for name, path in starts.real(folder, data)]
        problems += sets[: max(1, round(scale * len(sets)))]
        trials = crew.each("advice", try_advice, [(name, group, str(path)) for name, path, group in problems])
    return {
        "coverage": coverage.summarize(hit for found in hits for hit in found),
        "verdicts": verdicts.summarize(call for found in calls for call in found),
        "mismatch": mismatch.summarize(shifts, mismatch.pendigits(data)),
        "advice": {"summary": advice.summarize(trials), "trials": [asdict(trial) for trial in trials]},
        "pairs": hand.measure(),
        "tasks": {"coverage": len(hits), "verdicts": len(calls), "advice": len(trials)},
    }


def machine() -> str:
    """The processor, and how many of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the tasks")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--data", type=Path, default=os.environ.get("DLTRAIN_TEST_DATA"), help="folder of real sets")
    asked = parser.parse_args()
    began = time.perf_counter()
    results = measure(asked.scale, asked.workers, asked.data)
    results["run"] = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "python": f"Python {platform.python_version()}, NumPy {np.__version__}",
        "workers": asked.workers,
        "minutes": (time.perf_counter() - began) / 60,
    }
    print(page.whole(results))
    if asked.scale >= 1:
        page.write(results)


if __name__ == "__main__":
    main()
