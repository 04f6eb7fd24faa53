"""P8: the same config and seed give the same bytes whatever the surroundings. P15: a finished run is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults_result import Result
from faults_world import ROOT, World, command, digest, environment, expected, snapshot, world

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def settings() -> list[dict[str, str]]:
    """Environments that differ in all that must not count."""
    found: list[dict[str, str]] = [dict.fromkeys(THREADS, number) for number in ("1", "2", "8")]
    found += [{"PYTHONHASHSEED": seed} for seed in ("0", "1", "12345")]
    found += [{"LC_ALL": locale} for locale in ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8")]
    found += [
        {"TZ": "Asia/Kathmandu"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONUTF8": "0", "LC_ALL": "C"},
        {"COLUMNS": "1", "NO_COLOR": "1"},
    ]
    return [*found, {"OMP_NUM_THREADS": "8", "PYTHONHASHSEED": "7", "LC_ALL": "C"}]


def sweep(full: bool) -> Result:
    result = Result("P8 same bytes whatever the surroundings")
    known = settings()
    with world() as fresh:
        for number in range(100) if full else (2, 13):
            fresh.clear()
            extra = known[number % len(known)]
            wrong = real(fresh, environment(**extra), fresh.folder if number % 3 else fresh.runs.parent.parent)
            result.check(not wrong, f"{extra}: {wrong}")
        fresh.clear()
        result.check(not (wrong := real(fresh, {"PYTHONPATH": str(ROOT)}, Path("/"))), f"env -i: {wrong}")
        for number in range(10 if full else 1):
            fresh.clear()
            with load():
                result.check(not (wrong := real(fresh, environment(), fresh.folder)), f"load {number}: {wrong}")
    result.worst = f"{result.total - result.passed + 1} hash"
    return result


def real(fresh: World, env: dict[str, str], folder: Path) -> str:
    """A real process in that environment and folder; empty if its bytes are the usual ones."""
    argv = ["train", str(fresh.folder / "config.yaml"), *fresh.train()[2:]]
    ended = subprocess.run(command(argv), cwd=folder, env=env, capture_output=True, text=True)
    if ended.returncode:
        return f"exit {ended.returncode}: {ended.stderr[-300:]}"
    return "" if digest(fresh.run) == expected() else "not identical"


@contextmanager
def load() -> Iterator[None]:
    """As many busy processes as there are cores, and two more."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range((os.cpu_count() or 1) + 2)]
    try:
        yield
    finally:
        for process in busy:
            process.send_signal(signal.SIGKILL)
            process.wait()


# ---- P15

HEAVY = ("numpy", "polars", "dltrain.config.records", "dltrain.engine", "yaml", "safetensors")


def sweep_finished(full: bool) -> Result:
    """Exit 0, not a byte or a time of the folder changed, nothing heavy loaded, about as quick as the help."""
    result = Result("P15 the same command on a finished run changes nothing")
    with world() as fresh:
        fresh.call()
        before = snapshot(fresh.runs)
        for argv in (fresh.train(), fresh.resume(), [*fresh.train(), "--json"]):
            ended = subprocess.run(command(argv), cwd=fresh.folder, env=environment(), capture_output=True, text=True)
            result.check(
                ended.returncode == 0 and snapshot(fresh.runs) == before,
                f"{argv[0]}: exit {ended.returncode} {ended.stderr}",
            )
        for argv in (fresh.train(), fresh.resume()):
            loaded = modules(fresh, argv)
            heavy = [name for name in HEAVY if name in loaded]
            result.check(not heavy, f"{argv[0]} loads {heavy}")
        for state, code in (("diverged", 3),):
            diverge(fresh)
            before = snapshot(fresh.runs)
            ended = fresh.call(fresh.train("optimizer={kind: gradient_descent, learning_rate: 1e30}"))
            result.check(
                ended.code == code and snapshot(fresh.runs) == before, f"{state}: exit {ended.code} {ended.err}"
            )
        if full:
            result.worst = quickness(fresh, result)
    return result


def diverge(fresh: World) -> None:
    fresh.clear()
    fresh.call(fresh.train("optimizer={kind: gradient_descent, learning_rate: 1e30}"))


def modules(fresh: World, argv: list[str]) -> list[str]:
    """What is loaded at the end of a command."""
    code = (
        "import sys, atexit; atexit.register(lambda: print(*sorted(sys.modules), sep='\\n', file=open('modules', 'w')));"
        "sys.argv[1:] = sys.argv[1:]; from dltrain.cli import main; main()"
    )
    subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=fresh.folder, env=environment(), check=True, capture_output=True
    )
    return (fresh.folder / "modules").read_text().split()


def quickness(fresh: World, result: Result) -> str:
    """The command on a finished run against `--help`, in pairs; the median difference."""
    fresh.clear()
    fresh.call()
    gaps = []
    for _ in range(15):
        times = []
        for argv in (["--help"], fresh.train()):
            began = time.perf_counter()
            subprocess.run(command(argv), cwd=fresh.folder, env=environment(), check=True, capture_output=True)
            times.append(time.perf_counter() - began)
        gaps.append(times[1] - times[0])
    gap = sorted(gaps)[len(gaps) // 2]
    result.check(gap < 0.15, f"{gap:.3f} s more than --help")
    return f"{1000 * gap:.0f} ms more than --help"
