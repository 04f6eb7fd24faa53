"""`dltrain search --plan --budget 2h`: how many trials a budget pays for, and so: panda or caviar? (notes, section 3.3)

Panda: one model is looked after, day by day, where computers are few. Caviar: many are trained at once and the best is
kept. What decides is how many trainings fit into the time that there is.
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dltrain import config, experiment
from dltrain.config import Plan
from dltrain.engine.fit import Diverged, Epoch, Rows, fit, steps_of
from dltrain.engine.state import State
from dltrain.errors import InputError
from dltrain.ready import Ready
from dltrain.storage import write_text
from dltrain.studies.coordinator import text_of
from dltrain.studies.drawing import random_places
from dltrain.studies.executor import Task
from dltrain.studies.executor_local import LocalProcesses
from dltrain.studies.model import Overrides
from dltrain.studies.search import Search
from dltrain.studies.starting import trial_tree

TIMED = 5
"""Points of the space that are timed: trials of large networks take longer."""
STEPS, SECONDS = 40, 2.0
"""Steps, and seconds, that a point is timed for at most."""
CAVIAR, FEW = 20, 6
"""Trials from which on a search is worth it; and below which one model that is looked after is."""

Way = Literal["caviar", "halving", "panda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one point takes, in seconds of one worker."""

    overrides: Overrides
    step: float
    steps: int
    measuring: float
    """At the end of an epoch: errors of train and dev."""
    epochs: int

    @property
    def training(self) -> float:
        return self.step * self.steps + self.measuring * self.epochs


@dataclass(frozen=True, slots=True, kw_only=True)
class Affordable:
    """What a budget pays for. Times in seconds."""

    budget: float
    workers: int
    timed: tuple[Cost, ...]
    start: float
    """A trial's beside its training: its process, reading, the linear baseline, the diagnosis, the page."""
    trial: float
    """In the mean over the points that were timed, all of its seeds together."""
    trials: int
    """Beside the winner's further seeds."""
    way: Way
    share_pruned: float
    """What successive halving would take of that, as the config asks for it, or with factor 3."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "timed": [asdict(one) | {"training": one.training} for one in self.timed]}


def afford(ready: Ready, search: Search, workers: int, budget: float) -> Affordable:
    """Times some of the search's points and one trial of a single step."""
    with experiment.threads(1):
        timed = [_timed(ready, overrides) for overrides in _points(search)]
    start = _start(ready)
    training = statistics.fmean(one.training for one in timed)
    shares = share_of_halving(search, max(one.epochs for one in timed))
    share = shares if search.prune else 1.0
    trial = search.seeds * (start + share * training)
    left = budget * workers - search.winner_seeds * (start + training)
    trials = max(0, math.floor(left / trial))
    return Affordable(
        budget=budget,
        workers=workers,
        timed=tuple(timed),
        start=start,
        trial=trial,
        trials=trials,
        way=_way(trials, math.floor(left / (search.seeds * (start + shares * training)))),
        share_pruned=shares,
    )


def _way(trials: int, halved: int) -> Way:
    if trials >= CAVIAR:
        return "caviar"
    return "halving" if halved >= CAVIAR and trials >= FEW else "panda"


def share_of_halving(search: Search, epochs: int) -> float:
    """Of the epochs that all points would train for, those that they do where only the best 1/factor go on."""
    factor, rung = 3, max(1, epochs // 9)
    if search.prune:
        factor, rung = search.prune["factor"], search.prune["min_epochs"]
    total, before, share = 0.0, 0, 1.0
    while before < epochs:
        total += share * (min(rung, epochs) - before)
        before, rung, share = rung, rung * factor, share / factor
    return total / epochs


def _points(search: Search) -> Sequence[Overrides]:
    space = search.dimensions
    return [space.sample(random_places(space, search.seed, number)) for number in range(TIMED)]


def _timed(ready: Ready, overrides: Overrides) -> Cost:
    plan = _plan(ready, overrides)
    program, train = plan.program(), ready.rows("train")
    assert train is not None
    dev = ready.rows("dev") if "dev" in ready.data.parts else None
    total, epochs = steps_of(program, len(train)), math.ceil(steps_of(program, len(train)) / _an_epoch(plan, train))
    short = replace(program, epochs=None, steps=min(STEPS, total))
    moments, measuring = [time.perf_counter()], 0.0
    try:
        for event in fit(short, train, dev, State.start(short)):
            moments.append(time.perf_counter())
            if isinstance(event, Epoch):
                measuring = moments.pop() - moments[-1]
                break
            if moments[-1] - moments[0] > SECONDS:
                break
    except Diverged:
        pass  # its steps take as long as any others
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    step = statistics.median(gaps[2:] or gaps or [0.0])
    return Cost(overrides=overrides, step=step, steps=total, measuring=measuring, epochs=epochs)


def _an_epoch(plan: Plan, train: Rows) -> int:
    return steps_of(plan.program(), len(train), epochs=1)


def _plan(ready: Ready, overrides: Overrides) -> Plan:
    """The config with these overrides, settled for the same data; changes of the data are not timed."""
    text = json.dumps(trial_tree(ready.loaded.tree), ensure_ascii=False)
    words = [text_of(override) for override in overrides.items() if not override[0].startswith(("data.", "split."))]
    loaded = config.load(["config"], words, {"config": text})
    mine = ready.plan.experiment
    return config.resolve(replace(loaded.experiment, data=mine.data, split=ready.data.settled_split), ready.plan.facts)


def _start(ready: Ready) -> float:
    """Seconds of a trial of one step, the second of two: the first one waits for what all of them share."""
    with tempfile.TemporaryDirectory(prefix="dltrain-plan-") as name:
        folder = Path(name)
        tree = trial_tree(ready.loaded.tree)
        write_text(folder / "config.yaml", json.dumps(tree, ensure_ascii=False))
        processes = LocalProcesses(1)
        try:
            return [_one_step(processes, folder, number) for number in range(2)][-1]
        finally:
            processes.close()


def _one_step(processes: LocalProcesses, folder: Path, number: int) -> float:
    words = [
        "train",
        str(folder / "config.yaml"),
        "training.epochs=null",
        "training.steps=1",
        "training.threads=1",
        "-q",
    ]
    words += ["training.early_stopping=null", "schedule=constant", "--run-id", str(number), "--runs-dir", str(folder)]
    began = time.perf_counter()
    processes.start(Task(trial=number, words=words))
    while not (ended := processes.wait(1.0)):
        pass
    if ended[0].code not in (0, 3):
        raise InputError(f"a trial of one step came to nothing: {ended[0].said.strip() or ended[0].code}")
    return time.perf_counter() - began
