"""Studies as processes: a small one, trials that crash for real, and what is left running."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from faults_world import CONFIG, SLOW, Ended, command, digest, environment, table

SEEDS = 3
STUDY = "study"
SEARCH = """\
search:
  trials: 4
  rounds: 2
  winner_seeds: 1
  prune: {factor: 2, min_epochs: 4}
  space:
    optimizer.learning_rate: {kind: log_uniform, low: 1.0e-3, high: 0.1}
    regularizer.lambd: {kind: log_uniform, low: 1.0e-2, high: 10.0}
"""
"""Two rounds of two, of which one goes on after 4 epochs, then the winner: trials 0 to 4."""

CRASHES = {
    "segfault": "import ctypes; ctypes.string_at(0)",
    "SIGKILL": "os.kill(os.getpid(), 9)",
    "out of memory": "raise MemoryError('planted')",
    "os._exit": "os._exit(7)",
    "hang": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); time.sleep(1000)",
    "bug": "raise RuntimeError('planted')",
}
"""What a trial does in the midst of its training; a hang hears no signal that it could ignore."""

PLANT = """\
import os, signal, sys, time

def plant():
    saved = 0

    def hook(event, arguments):
        nonlocal saved
        if event != "os.rename" or "step-" not in str(arguments[1]):
            return
        words = sys.argv
        if "--run-id" not in words or words[words.index("--run-id") + 1] != {trial!r}:
            return
        saved += 1
        if saved == 3:
            number = os.open({count!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(number, b"x")
            os.close(number)
            if os.path.getsize({count!r}) <= {times}:
                {crash}

    sys.addaudithook(hook)

plant()
"""
"""A sitecustomize.py: Python imports it at its start. It crashes at the third checkpoint that it saves."""


class Folder:
    """A folder with the config, its data, a runs folder, and perhaps a planted crash; of seeds, or of a search."""

    def __init__(self, folder: Path, search: bool = False) -> None:
        self.folder = folder
        self.search = search
        self.runs = folder / "runs"
        self.study = self.runs / STUDY
        (folder / "config.yaml").write_text(CONFIG + (SEARCH if search else ""))
        (folder / "data.csv").write_text(table())
        self.env = environment()

    def plant(self, crash: str, trial: int = 1, times: int = 99) -> None:
        """From here on this trial crashes so, the first so many times that it gets there."""
        place = self.folder / f"planted-{len(list(self.folder.iterdir()))}"
        place.mkdir()
        text = PLANT.format(trial=str(trial), count=str(place / "count"), times=times, crash=CRASHES[crash])
        (place / "sitecustomize.py").write_text(text)
        self.env = environment()
        self.env["PYTHONPATH"] = f"{place}{os.pathsep}{self.env['PYTHONPATH']}"

    def words(self, workers: int, *more: str) -> list[str]:
        where = ["--run-id", STUDY, "--runs-dir", str(self.runs), "--workers", str(workers)]
        start = ["search", "config.yaml"] if self.search else ["train", "config.yaml", "--seeds", str(SEEDS)]
        return [*start, "-q", *where, *more]

    def start(self, workers: int = 2, *more: str) -> subprocess.Popen[str]:
        """In a process group of its own."""
        return subprocess.Popen(
            command(self.words(workers, *more)),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def call(self, workers: int = 2, *more: str) -> Ended:
        began = time.monotonic()
        process = self.start(workers, *more)
        out, err = process.communicate(timeout=60 * SLOW)
        return Ended(process.returncode, out, err, time.monotonic() - began)

    def clear(self) -> None:
        shutil.rmtree(self.runs, ignore_errors=True)

    def results(self) -> str:
        return (self.study / "results.csv").read_text()

    def outcome(self) -> tuple[str, tuple[str, ...]]:
        """results.csv, with winner.csv of a search, and the digest of every trial that was not pruned."""
        trials = self.study / "trials"
        if not self.search:
            return self.results(), tuple(digest(trials / str(trial)) for trial in range(SEEDS))
        table = self.results() + (self.study / "winner.csv").read_text()
        numbers = [line.split(",")[0] for line in table.splitlines() if ",finished," in line]
        return table, tuple(digest(trials / number) for number in numbers)

    def attempts(self, trial: int) -> list[dict[str, object]]:
        file = self.study / "attempts" / f"{trial}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


@contextlib.contextmanager
def study(search: bool = False) -> Iterator[Folder]:
    """A fresh one in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="dltrain-faults-") as folder:
        yield Folder(Path(folder), search)


@cache
def undisturbed(search: bool = False) -> tuple[str, tuple[str, ...]]:
    """The outcome of a study that nothing happened to, with one worker."""
    with study(search) as fresh:
        ended = fresh.call(1)
        assert ended.code == 0, ended.err
        return fresh.outcome()


def processes_of(folder: Path) -> list[int]:
    """The live processes with this folder on their command line; a dead one that nobody has waited for is none."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def none_left(folder: Path, seconds: float = 2.0 * SLOW) -> bool:
    """Whether no process of the study lives on, after a moment."""
    end = time.monotonic() + seconds
    while processes_of(folder) and time.monotonic() < end:
        time.sleep(0.02)
    return not processes_of(folder)


def kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def spread(count: int, last: float) -> Sequence[float]:
    """So many moments, evenly from 0 to the last."""
    return [last * place / max(1, count - 1) for place in range(count)]
