"""Writes the runs that a release leaves behind, for the tests that later releases open them.

python tools/make_release_fixture.py tests/runs/fixtures/VERSION

Run it once, at the release, with that release on the path; never again: what is kept is what that release wrote. It
trains four small runs: `flowers` (three classes, dropout, batch norm, early stopping), `broken` (the same, interrupted
in the middle of its third epoch), `costs` (regression) and `lost` (diverged). The folder that it was written in reads
@FOLDER@ and the machine's name @HOST@; the tests put a folder of theirs in place of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import config, experiment
from dltrain.saving import Interrupts, Stopped
from dltrain.signals import Signals

FLOWERS = """\
data: {source: flowers.csv, target: kind, id: plant}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture: {layers: [6, 4], keep_prob: 0.9, batch_norm: true}
optimizer: {kind: adam, learning_rate: 0.01}
schedule: {kind: cosine}
training:
  epochs: 8
  batch_size: 16
  early_stopping: {patience: 20}
  checkpoints: {every_steps: 4}
"""
COSTS = """\
data: {source: costs.csv, target: cost}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture: {layers: [5]}
regularizer: {kind: l2, lambd: 0.1}
optimizer: {kind: momentum, learning_rate: 0.01}
training: {epochs: 6, batch_size: 16}
"""
LOST = "optimizer={kind: gradient_descent, learning_rate: 1e12}"
STOP_AFTER = 14
"""Steps; an epoch has six of them."""


def flowers(n: int = 150) -> str:
    draws = np.random.Generator(np.random.Philox(11))
    lines = ["plant,length,width,height,kind"]
    for number in range(n):
        kind = number % 3
        size = draws.normal((5.0 + kind, 3.0 - 0.5 * kind, 1.0 + 2.0 * kind), (0.5, 0.4, 0.6))
        lines.append(f"p{number}," + ",".join(f"{value:.2f}" for value in size) + f",{('iris', 'lily', 'rose')[kind]}")
    return "\n".join(lines) + "\n"


def costs(n: int = 120) -> str:
    draws = np.random.Generator(np.random.Philox(12))
    area, rooms = draws.uniform(20, 120, n), draws.integers(1, 6, n)
    cost = 2 * area + 9 * rooms + draws.normal(0, 6, n)
    rows = zip(area, rooms, cost, strict=True)
    return "\n".join(["area,rooms,cost", *(f"{a:.1f},{r},{c:.2f}" for a, r, c in rows)]) + "\n"


class Breaker:
    """Looks on, and asks to stop after some steps, as SIGTERM would."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def step(self, step: int) -> None:
        if step == STOP_AFTER:
            self._signals.asked = signal.SIGTERM

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Epochs are of no interest."""


def train(*arguments: str) -> None:
    left = subprocess.run([sys.executable, "-m", "dltrain", "train", "-q", *arguments]).returncode
    if left not in (0, 3):
        raise SystemExit(left)


def interrupted() -> None:
    ready, signals = experiment.prepare(config.load(["flowers.yaml"])), Signals()
    try:
        with experiment.start(ready, Path("runs"), "broken") as folder:
            experiment.train(ready, folder, Breaker(signals), Interrupts(signals))
    except Stopped:
        return
    raise SystemExit("it was not interrupted")


def make(folder: Path) -> None:
    """All of it, in the current folder, then copied."""
    for name, text in (("flowers.csv", flowers()), ("costs.csv", costs())):
        Path(name).write_text(text)
    Path("flowers.yaml").write_text(FLOWERS)
    Path("costs.yaml").write_text(COSTS)
    train("flowers.yaml", "--run-id", "flowers")
    train("costs.yaml", "--run-id", "costs", "seed=3")
    train("costs.yaml", LOST, "--run-id", "lost")
    interrupted()
    known = {os.getcwd().encode(): b"@FOLDER@", os.uname().nodename.encode(): b"@HOST@"}
    for path in sorted(Path().rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for real, shown in known.items():
                if real in data and path.suffix in (".safetensors", ".npz"):
                    raise SystemExit(f"{path} names this machine")
                data = data.replace(real, shown)
            path.write_bytes(data)
    for page in Path("runs").glob("*/report.html"):  # drawn again by whoever finds it missing
        page.unlink()
    shutil.copytree(Path(), folder)


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(os.path.realpath(place))
        make(folder)
        os.chdir(folder.parent)


if __name__ == "__main__":
    main()
