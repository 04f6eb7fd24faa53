"""Does the first-ranked step help more often than a random one of the same budget?

From a config that has something wrong, the first advised step that changes the training, and every step of the
notes' basic recipe; a random step is one of these, each as likely. All train for the same budget, example-passes
times parameters: what the advised step costs as it stands, at least twice what the config cost that they start from.
A step helps when the error falls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trust.problems import Draw
from benchmarks.trust.trainings import again, error, parameters, prepared, trained
from dltrain import experiment
from dltrain.engine.fit import steps_of
from dltrain.engine.streams import generator
from dltrain.ready import Ready

LEAST = 2
"""Times the cost of the config to start from, at least, for every step."""
DRAWS = 4000
ELSEWHERE = ("split.", "data.", "diagnosis.", "search.", "seed=")
"""Keys of steps that change what is measured, not how it is trained."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One config: its errors on dev and on fresh rows, the changes that the first-ranked step and each step of the
    menu brought."""

    name: str
    group: str
    headline: str
    action: str | None
    dev: float
    fresh: float
    first: tuple[float, float] | None
    """Changes of the error on dev and on fresh rows; None where no step of training was advised."""
    menu: dict[str, tuple[float, float]]


def measure(name: str, group: str, path: Path) -> Trial:
    """Trains a config, the step that is advised, and all the others."""
    base = prepared(path)
    metrics: list[dict[str, Any]] = []
    best = trained(base, metrics)
    if best is None:
        return Trial(name, group, "diverged", None, 1.0, 1.0, None, {})
    report = experiment.diagnose(base, best, experiment.Trained(metrics, None, own_start=True))
    dev, fresh = (error(base, best, part) for part in ("dev", "test"))

    advised = first_step(report)
    budget = max(LEAST * cost(base), cost(again(base, path, advised["overrides"])) if advised else 0)

    def change(overrides: tuple[str, ...]) -> tuple[float, float]:
        step = within_budget(base, path, overrides, budget)
        after = trained(step)
        return error(step, after, "dev") - dev, error(step, after, "test") - fresh

    return Trial(
        name=name,
        group=group,
        headline=report["headline"],
        action=advised["action"] if advised else None,
        dev=dev,
        fresh=fresh,
        first=change(tuple(advised["overrides"])) if advised else None,
        menu={action: change(overrides) for action, overrides in menu(base)} if advised else {},
    )


def first_step(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first advice that `train` can run and that leaves the parts as they are."""
    for piece in report["advice"]:
        overrides = piece.get("overrides") or ()
        if overrides and not any(override.startswith(ELSEWHERE) for override in overrides):
            found: Mapping[str, Any] = piece
            return found
    return None


def cost(ready: Ready) -> int:
    """Example-passes × parameters."""
    train = ready.rows("train")
    assert train is not None
    return steps_of(ready.plan.program(), len(train)) * ready.plan.batch_size * parameters(ready)


def within_budget(base: Ready, path: Path, overrides: tuple[str, ...], budget: int) -> Ready:
    """The step, for as many of its own gradient steps as the budget buys."""
    step = again(base, path, overrides)
    steps = max(1, round(budget / (step.plan.batch_size * parameters(step))))
    return again(base, path, (*overrides, "training.epochs=null", f"training.steps={steps}"))


def menu(base: Ready) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The steps of the basic recipe that fit a config."""
    settings = base.plan.experiment
    units = [layer.units for layer in settings.architecture.layers]
    rate, each = settings.optimizer.learning_rate, range(len(units))
    bigger = tuple(f"architecture.layers.{i}.units={2 * n}" for i, n in enumerate(units))
    yield "bigger network", bigger or ("architecture.layers=[32]",)
    yield "another layer", (f"architecture.layers={[*units, units[-1] if units else 16]}".replace(" ", ""),)
    yield "longer", ()
    yield "learning rate up", (f"optimizer.learning_rate={3 * rate:.2g}",)
    yield "learning rate down", (f"optimizer.learning_rate={rate / 3:.2g}",)
    yield "L2", ("regularizer.kind=l2", f"regularizer.lambd={base.plan.batch_size * 1e-3:.2g}")
    yield "early stopping", ("training.early_stopping.patience=10",)
    if units:
        yield "dropout", tuple(f"architecture.layers.{i}.keep_prob=0.8" for i in each)
        yield "batch norm", tuple(f"architecture.layers.{i}.batch_norm=true" for i in each)


def summarize(trials: list[Trial]) -> list[dict[str, object]]:
    """By group and over all: how often each kind of step helps, and the paired differences with 95 % intervals."""
    rows = []
    for group in (*sorted({trial.group for trial in trials}), "all"):
        of_group = [trial for trial in trials if group in ("all", trial.group)]
        for place, where in ((1, "fresh rows"), (0, "dev")):
            advised = [trial for trial in of_group if trial.first is not None]
            if advised:
                rows.append({"group": group, "measured_on": where, "asked": len(of_group), **_paired(advised, place)})
    return rows


def _paired(trials: list[Trial], place: int) -> dict[str, object]:
    first = np.array([trial.first[place] for trial in trials if trial.first])
    menus = [np.array([change[place] for change in trial.menu.values()]) for trial in trials]
    random_helps = np.array([(changes < 0).mean() for changes in menus])
    random_change = np.array([changes.mean() for changes in menus])
    return {
        "advised": len(trials),
        "first_helps": float((first < 0).mean()),
        "random_helps": float(random_helps.mean()),
        "helps_more": _with_interval((first < 0) - random_helps),
        "first_change": float(first.mean()),
        "random_change": float(random_change.mean()),
        "change_difference": _with_interval(first - random_change),
    }


def _with_interval(differences: np.ndarray) -> list[float]:
    """The mean, and the ends of its percentile bootstrap over problems."""
    draws = generator(0, Draw.REPEAT).integers(0, len(differences), (DRAWS, len(differences)))  # type: ignore[arg-type]
    low, high = np.quantile(differences[draws].mean(axis=1), [0.025, 0.975])
    return [float(differences.mean()), float(low), float(high)]
