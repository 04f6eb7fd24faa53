"""A project folder as the recipes of docs/batch.md expect it, and what they have to leave in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "batch"
TOOLS = ROOT / "tests" / "tools"
REAL = "DLTRAIN_REAL_SCHEDULERS"
"""Set where real schedulers may be fetched and waited for."""
CONFIG = """\
data: {source: digits, target: label}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture: {layers: [32], keep_prob: 0.8, batch_norm: true}
optimizer: {kind: adam, learning_rate: 0.0005}
training: {epochs: EPOCHS, batch_size: 16, checkpoints: {every_steps: 50}}
"""
SAME = ("metrics.jsonl", "diagnosis.json", "predictions.npz", "model.safetensors", "checkpoints/*")


class Project:
    """A folder with `.venv/bin/dltrain`, `mine.yaml` and the recipes, whose path holds a blank."""

    def __init__(self, folder: Path, epochs: int = 40) -> None:
        self.folder = folder / "my project"
        self.started: list[subprocess.Popen[str]] = []
        self.bin = self.folder / ".venv" / "bin"
        self.bin.mkdir(parents=True)
        self.program = self.bin / "dltrain"
        self.program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dltrain "$@"\n')
        self.program.chmod(0o755)
        self.write("mine.yaml", epochs)
        for recipe in RECIPES.iterdir():
            shutil.copy(recipe, self.folder)

    def write(self, config: str, epochs: int) -> None:
        (self.folder / config).write_text(CONFIG.replace("EPOCHS", str(epochs)))

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with the project's own activated."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DLTRAIN_")}
        return kept | {"PATH": f"{self.bin}:{os.environ['PATH']}"}

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        given = {"cwd": self.folder, "env": self.environment, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.started.append(subprocess.Popen(words, text=True, **given | options))
        return self.started[-1]

    def call(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return ended(self.start(*words, **options))

    def close(self) -> None:
        """Leaves no process behind."""
        for process in self.started:
            process.kill()
            process.communicate()

    def run_of(self, run_id: str) -> Path:
        return self.folder / "runs" / run_id

    def epochs(self, run_id: str) -> int:
        """How many epochs a run has written down."""
        try:
            return (self.run_of(run_id) / "metrics.jsonl").read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def await_epochs(self, run_id: str, n: int) -> None:
        wait_for(lambda: self.epochs(run_id) >= n, f"{n} epochs of {run_id}")

    def checkpoints(self, run_id: str) -> list[str]:
        return [path.name for path in (self.run_of(run_id) / "checkpoints").glob("step-*.safetensors")]

    def await_checkpoint(self, run_id: str, before: set[str]) -> None:
        """Waits for one that was not there before."""
        wait_for(lambda: bool(set(self.checkpoints(run_id)) - before), f"a checkpoint of {run_id}")

    def uninterrupted(self, *words: str) -> dict[str, str]:
        """What a run of a config, given first, leaves that nobody stops; equal in every folder."""
        key = ((self.folder / words[0]).read_text(), *words[1:])
        if key not in _known:
            done = self.call(str(self.program), "train", "-q", *words, "--runs-dir", "whole", "--run-id", "whole")
            assert done.returncode == 0, done.stderr
            _known[key] = contents(self.folder / "whole" / "whole")
            shutil.rmtree(self.folder / "whole")
        return _known[key]


_known: dict[tuple[str, ...], dict[str, str]] = {}


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Its code and words, once it has left."""
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def contents(run: Path) -> dict[str, str]:
    """sha256 of each file that equal runs have in common."""
    files = sorted(path for pattern in SAME for path in run.glob(pattern))
    found = {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert len(found) >= len(SAME), f"{run}: only {sorted(found)}"
    return found


def wait_for(there: Callable[[], bool], what: str, seconds: float = 120, every: float = 0.05) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(every)


def signal_run(run: Path, number: int) -> None:
    """Sends a signal to the process that trains a run, if one does."""
    record = json.loads((run / "run.json").read_text())
    if record["state"] == "running":
        os.kill(record["process"]["pid"], number)


def unpack(folder: Path, *packages: str) -> Path:
    """The root under which Debian packages lie unpacked; skips where they cannot be fetched."""
    done = subprocess.run([TOOLS / "unpack_debs.sh", folder, *packages], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"apt has no {' '.join(packages)}: {done.stderr.strip()[-200:]}")
    return folder / "root"
