"""Where lessons run: commands as they are typed, in a folder of their own, and pictures of what came out."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import config, experiment, runs, trained
from dltrain.cli.boundary import run
from dltrain.engine.arrays import Floats
from dltrain.engine.fit import Epoch, Rows, Step, fit
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.ready import Ready
from dltrain.report.plots import encode, figure, style

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """A finished `dltrain train`: what it printed as JSON, and its folder."""

    record: dict[str, Any]
    path: Path

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        return list(runs.read_metrics(self.path))

    @cached_property
    def run(self) -> trained.Run:
        return trained.open_run(self.path)

    @cached_property
    def ready(self) -> Ready:
        return trained.again(self.path)

    def error(self, part: str) -> float:
        return float(self.record["errors"][part]["value"])

    def gap(self, name: str) -> float:
        return float(self.record["gaps"][name]["value"])

    def column(self, *keys: str) -> list[float]:
        """A number of every epoch: column("dev", "error")."""
        found = []
        for line in self.metrics:
            value: Any = line
            for key in keys:
                value = value[key]
            found.append(float(value))
        return found

    def weights(self) -> list[Floats]:
        """W of each layer."""
        network = self.run.network
        return [b.view(network.theta) for b in network.layout.blocks if b.role == "weight"]


@dataclass(frozen=True, slots=True)
class Traced:
    """A training that was followed step by step, in memory."""

    ready: Ready
    state: State
    steps: tuple[Step, ...]
    epochs: tuple[Epoch, ...]
    thetas: Floats
    """(steps + 1, n): theta before the first step and after each; (0, n) where nobody asked."""

    @property
    def network(self) -> Network:
        return Network(self.ready.plan.program().architecture, self.state.theta, self.state.stats)

    def rows(self, part: str) -> Rows:
        found = self.ready.rows(part)
        assert found is not None
        return found


class Workshop:
    """`folder` takes runs and files of commands, `pictures` what is drawn (None draws nothing)."""

    def __init__(self, folder: Path, pictures: Path | None = None) -> None:
        self.folder, self.pictures = folder, pictures
        self.drawn: list[str] = []

    # ---- commands

    def call(self, *words: str) -> dict[str, Any]:
        """What `dltrain WORDS --json` prints. `configs/x` is that file of the checkout."""
        code, out, err = self.told(*words, "--json")
        assert code == 0, f"dltrain {shlex.join(words)}: exit code {code}\n{err}"
        record: dict[str, Any] = json.loads(out)
        return record

    def told(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([_placed(word) for word in words])
        return code, out.getvalue(), err.getvalue()

    def train(self, name: str, *overrides: str) -> Ran:
        """`dltrain train configs/NAME.yaml OVERRIDES`."""
        runs_dir = str(self.folder / "runs")
        record = self.call("train", f"configs/{name}.yaml", *overrides, "-q", "--runs-dir", runs_dir)
        return Ran(record, Path(record["run"]))

    def commands(self, name: str) -> list[Ran]:
        """Every `dltrain train` in the first comments of configs/NAME.yaml, run."""
        return [self.train(name, *words) for words in self.asked(name)]

    def asked(self, name: str) -> list[list[str]]:
        """The overrides of each `dltrain train configs/NAME.yaml ...` in the config's comments."""
        lines = (ROOT / f"configs/{name}.yaml").read_text(encoding="utf-8").splitlines()
        start = f"dltrain train configs/{name}.yaml"
        typed = [line.removeprefix("#").strip() for line in lines if line.startswith("#   dltrain train ")]
        assert all(line.startswith(start) for line in typed)
        return [shlex.split(line.removeprefix(start)) for line in typed]

    # ---- trainings that are looked at from within

    def ready(self, name: str, *overrides: str) -> Ready:
        """The config with its data read and everything settled."""
        return experiment.prepare(config.load([ROOT / f"configs/{name}.yaml"], overrides))

    def trace(self, name: str, *overrides: str, thetas: bool = False) -> Traced:
        """Trains as `train` does, without a run folder, keeping every step."""
        ready = self.ready(name, *overrides)
        program, rows = ready.plan.program(), ready.rows("train")
        assert rows is not None
        state = State.start(program)
        path, steps, epochs = [state.theta.copy()] if thetas else [], [], []
        with experiment.threads(ready.plan.threads):
            for event in fit(program, rows, ready.rows("dev"), state):
                if isinstance(event, Step):
                    steps.append(event)
                    if thetas:
                        path.append(state.theta.copy())
                else:
                    epochs.append(event)
        kept = np.array(path) if thetas else np.empty((0, state.theta.size))
        return Traced(ready, state, tuple(steps), tuple(epochs), kept)

    # ---- pictures

    @contextmanager
    def picture(self, name: str, columns: int = 1, rows: int = 1, **size: float) -> Iterator[Any]:
        """The axes of a picture (one, or an array of them), saved as pictures/NAME.svg at the end."""
        with style():
            drawn, axes = figure(columns, rows, **size)
            yield axes
            self.drawn.append(name)
            if self.pictures is not None:
                (self.pictures / f"{name}.svg").write_bytes(encode(drawn, "svg"))
            if self.pictures is not None and self.png:
                (self.pictures / f"{name}.png").write_bytes(encode(drawn, "png"))

    png = False
    """Also draw PNG files, to look at."""


def _placed(word: str) -> str:
    """`configs/x`, also behind `NAME=`, as a path that is right in every folder."""
    before, equals, value = word.rpartition("=")
    return f"{before}{equals}{ROOT / value}" if value.startswith("configs/") else word
