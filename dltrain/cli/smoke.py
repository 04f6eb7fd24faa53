"""`dltrain train --smoke`: every stage on a few batches, in a folder that is gone afterwards."""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dltrain.cli.boundary import say
from dltrain.cli.options import print_json
from dltrain.cli.training import DIVERGED, LOWER

if TYPE_CHECKING:
    from dltrain.ready import Ready

STEPS = 20


class Stopwatch:
    """Notes when each step and the epoch's measurement were over."""

    def __init__(self) -> None:
        self.times = [time.perf_counter()]
        self.measuring = 0.0

    def step(self, step: int) -> None:
        self.times.append(time.perf_counter())

    def epoch(self, record: Mapping[str, Any]) -> None:
        self.measuring = time.perf_counter() - self.times[-1]

    def adjusted(self, said: str, epochs: int, steps: int) -> None:
        """Nobody asks for that here."""

    def step_seconds(self) -> float:
        """Median; the first steps, which allocate, count only where there is no other."""
        gaps = [b - a for a, b in zip(self.times, self.times[1:], strict=False)]
        return statistics.median(gaps[2:] or gaps)


def try_out(ready: Ready, as_json: bool) -> None:
    """Trains a few steps, measures, diagnoses, saves, opens what was saved, predicts and draws the page."""
    from dltrain import experiment, trained
    from dltrain.engine.fit import steps_of
    from dltrain.report.gather import page_of
    from dltrain.report.tables import print_facts

    program, m = ready.plan.program(), ready.plan.facts.m
    total, an_epoch = steps_of(program, m), steps_of(program, m, epochs=1)
    training = replace(ready.plan.experiment.training, epochs=None, steps=min(STEPS, total))
    short = replace(ready, plan=replace(ready.plan, experiment=replace(ready.plan.experiment, training=training)))
    watch = Stopwatch()
    with (
        tempfile.TemporaryDirectory(prefix="dltrain-smoke-") as folder,
        experiment.start(short, Path(folder), None) as run,
    ):
        outcome = experiment.train(short, run, watch)
        if outcome.diverged:
            say(f"{outcome.diverged}; {LOWER}")
            raise typer.Exit(DIVERGED)
        page_of([run.path])
        trained.open_run(run.path).network.predict(ready.data.parts["train"].X[:1])
    epochs = -(-total // an_epoch)
    expected = total * watch.step_seconds() + epochs * watch.measuring
    scale = 1 if sys.platform == "darwin" else 1024
    record = {
        "steps": total,
        "steps_per_epoch": an_epoch,
        "step_seconds": watch.step_seconds(),
        "epoch_seconds": an_epoch * watch.step_seconds() + watch.measuring,
        "expected_seconds": expected,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale,
    }
    if as_json:
        print_json({"smoke": record})
        return
    from dltrain.report.formats import duration

    print_facts(
        {
            "steps": f"{total} in {epochs} epochs",
            "a step": f"{1000 * watch.step_seconds():.2f} ms",
            "peak memory": f"{record['peak_memory_bytes'] / 2**20:.0f} MB",
            "time to expect": duration(expected),
        },
        title="every stage works",
    )
