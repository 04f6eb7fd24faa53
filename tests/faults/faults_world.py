"""A small training, the means to run it with a fault, and what "identical" means."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
LAUNCHER = Path(__file__).parent / "faults_launcher.py"
ID = "one"
SLOW = 5
"""Time limits are this many times what is usual."""

CONFIG = """\
name: faults
seed: 3
data: {source: data.csv, target: kind}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture:
  layers: [{units: 6, keep_prob: 0.8, batch_norm: true}, {units: 4, keep_prob: 0.9, batch_norm: true}]
regularizer: {kind: l2, lambd: 0.1}
optimizer: {kind: adam, learning_rate: 0.01}
schedule: {kind: exponential, decay: 0.95}
training:
  epochs: 10
  batch_size: 16
  early_stopping: {patience: 6}
  checkpoints: {every_steps: 5}
"""
STEPS = 60
SAME = ("metrics.jsonl", "diagnosis.json", "predictions.npz", "model.safetensors")


def table() -> str:
    """160 rows of two kinds that overlap: 96 to train on, 6 batches an epoch."""
    draws = np.random.Generator(np.random.Philox(7)).normal(size=(160, 3))
    rows = [
        f"{a + k * 1.2:.3f},{b - k:.3f},{c:.3f},{'yes' if k else 'no'}"
        for k, (a, b, c) in zip([0, 1] * 80, draws, strict=True)
    ]
    return "\n".join(["a,b,c,kind", *rows]) + "\n"


def digest(run: Path) -> str:
    """One hash over all that equal runs have in common, the checkpoints' names included."""
    total = hashlib.sha256()
    for path in [*(run / name for name in SAME), *sorted((run / "checkpoints").glob("*"))]:
        total.update(f"{path.relative_to(run)}\0".encode())
        total.update(path.read_bytes() if path.is_file() else b"(none)")
    return total.hexdigest()


def snapshot(folder: Path) -> dict[str, Any]:
    """Everything in a folder that must not change: bytes and times."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@dataclass(frozen=True)
class Ended:
    """How a process ended; a signal that killed it is a negative code."""

    code: int
    out: str
    err: str
    seconds: float
    kilobytes: int = 0

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def environment(**extra: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("COVERAGE") or name in ("PATH", "HOME", "LANG", "TMPDIR")
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **extra}


class Server:
    """A warm process that forks for each job: no case pays for loading Python and NumPy again."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(LAUNCHER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=ROOT,
        )
        self.out, self.lock = self.process.stdout, threading.Lock()
        assert self.out is not None and self.out.readline() == "ready\n"

    def ask(self, jobs: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        assert self.process.stdin is not None and self.out is not None
        with self.lock:
            self.process.stdin.write(json.dumps(jobs) + "\n")
            self.process.stdin.flush()
            return json.loads(self.out.readline())  # type: ignore[no-any-return]


@cache
def server() -> Server:
    return Server()


def close_server() -> None:
    """Ends the warm process, if there is one."""
    if server.cache_info().currsize:
        process = server().process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()
        server.cache_clear()


class World:
    """A folder with the config, its data and a runs folder."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.run = self.runs / ID
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(config)
        (folder / "data.csv").write_text(table())

    def train(self, *more: str) -> list[str]:
        return ["train", "config.yaml", "-q", "--run-id", ID, "--runs-dir", str(self.runs), *more]

    def resume(self) -> list[str]:
        return ["resume", ID, "-q", "--runs-dir", str(self.runs)]

    def job(self, argv: Sequence[str] | None = None, **more: Any) -> dict[str, Any]:
        """A job for the launcher. Keywords: plan, take, env, audit, cwd, facts, tag."""
        tag = more.pop("tag", "")
        out, err = str(self.folder / f"out{tag}"), str(self.folder / f"err{tag}")
        return {
            "argv": list(argv or self.train()),
            "cwd": str(self.folder),
            "env": environment(),
            "out": out,
            "err": err,
            **more,
        }

    def call(self, argv: Sequence[str] | None = None, **more: Any) -> Ended:
        """Runs a command in a fork of the warm process."""
        return self.call_all([self.job(argv, **more)])[0]

    def call_all(self, jobs: Sequence[Mapping[str, Any]]) -> list[Ended]:
        """Runs all of them at once."""
        answers = server().ask(jobs)
        return [
            Ended(code, Path(job["out"]).read_text(), Path(job["err"]).read_text(), seconds, memory)
            for job, (code, seconds, memory) in zip(jobs, answers, strict=True)
        ]

    def clear(self) -> None:
        """Forgets all runs."""
        shutil.rmtree(self.runs, ignore_errors=True)

    def record(self) -> dict[str, Any]:
        return json.loads((self.run / "run.json").read_text())  # type: ignore[no-any-return]

    def goes_on(self, expected: str, argv: Sequence[str] | None = None, **more: Any) -> str:
        """Runs the command; empty if it ends as one that was never disturbed, else what is wrong."""
        ended = self.call(argv, **more)
        if ended.code:
            return f"exit {ended.code}: {ended.err.strip()[-300:]}"
        if "Traceback" in ended.err:
            return "a traceback"
        if self.record()["state"] != "finished":
            return f"state {self.record()['state']}"
        if digest(self.run) != expected:
            return "not identical"
        left = [path.name for path in self.run.rglob("*") if path.name.endswith(".tmp")]
        return f"left over: {left}" if left else ""


def command(argv: Sequence[str]) -> list[str]:
    """The same as a process of its own."""
    return [sys.executable, "-m", "dltrain", *argv]


@contextlib.contextmanager
def world(config: str = CONFIG) -> Iterator[World]:
    """A fresh one in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="dltrain-faults-") as folder:
        yield World(Path(folder), config)


@cache
def expected() -> str:
    """The digest of a run that nothing happened to."""
    with world() as fresh:
        ended = fresh.call()
        assert ended.code == 0, ended.err
        assert fresh.record()["steps"] == STEPS, fresh.record()["steps"]
        return digest(fresh.run)


@cache
def operations() -> tuple[Any, ...]:
    """The operations on files of a run that nothing happens to, in order, with the folder they were in."""
    import pickle

    with world() as fresh:
        log = fresh.folder / "log"
        assert fresh.call(plan={"log": str(log)}).code == 0
        return fresh.folder, tuple(pickle.loads(log.read_bytes()))
