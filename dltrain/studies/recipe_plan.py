"""What `recipe --try` is to train: the advised steps that can be run, each for as long as the budget allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from dltrain import config, experiment, runs
from dltrain.config import Plan
from dltrain.diagnosis.recipe import Advice
from dltrain.engine.fit import Diverged, Epoch, fit, steps_of
from dltrain.engine.state import State
from dltrain.errors import InputError
from dltrain.ready import Ready
from dltrain.studies.recipe import Recipe

LENGTH = ("training.epochs", "training.steps")
"""Keys that the budget sets."""
OTHER_ROWS = ("split.", "data.limit", "data.missing", "data.target", "data.label_map")
"""Keys that change which rows are in dev, or what they are: no paired comparison goes across them."""
LIFTED = ("data.train_limit=null",)
SHARE = 0.7
"""Of the seconds that are planned with: machines are not always as quiet as while the steps are timed."""
LAUNCH = 2.0
"""Seconds of a trial beside its training and the reading of its data: Python's start, the linear baseline, the page."""
LEAST, MOST = 0.5, 3.0
"""Seconds that steps are timed for: whole epochs from LEAST on; what there is at MOST."""
MEASURING = 4 / 3
"""What measuring costs on top of training where no whole epoch was timed: forward is a third of forward and back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for, and how long the run's config and data took to read."""

    seconds: float
    most: int
    seeds: int
    workers: int
    reading: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the base trains, in example-passes × parameters."""

    per_second: float
    steps: int
    """That were timed."""
    start_seconds: float


def candidates(pieces: Sequence[Advice], most: int) -> list[Advice]:
    """The pieces that training with other overrides can try on the same dev rows, best first, without what the budget
    sets. Longer training alone is none: the config itself at the budget tries that."""
    found: list[Advice] = []
    for piece in pieces:
        kept = tuple(override for override in piece.overrides if override.partition("=")[0] not in LENGTH)
        known = any(kept == other.overrides for other in found)
        if kept and not known and not any(override.startswith(OTHER_ROWS) for override in kept):
            found.append(replace(piece, overrides=kept))
    return found[:most]


def plan_recipe(run: Path, ready: Ready, pieces: Sequence[Advice], asked: Asked) -> tuple[Recipe, list[str]]:
    """The study, and what was left out and why. `ready` is the run's config, `pieces` its ranked advice.

    Raises InputError where nothing can be tried, or the budget is too small for it.
    """
    if "dev" not in ready.data.parts:
        raise InputError("steps are compared on dev, and the run has no such part; nothing to try")
    resolved = run / "config.resolved.yaml"
    steps, plans, left_out = _runnable(resolved, ready, candidates(pieces, asked.most))
    longer = [_own_cost(_planned(resolved, piece, ready)) for piece in pieces if _is_longer(piece)]
    if not steps and not longer:
        raise InputError(f"nothing to try: no step that is advised for {run.name} is one of training on the same dev")
    pace = _pace(ready, asked.reading)
    each, as_it_was = _budget(plans, pace, asked, longer)
    entries = [
        {"action": piece.action, "aim": piece.aim, "overrides": list(piece.overrides), "steps": _steps(plan, each)}
        for piece, plan in zip([Advice("the same config", ""), *steps], plans, strict=True)
    ]
    return Recipe(
        run=runs.home_of(run)[1],
        seconds=asked.seconds,
        most=asked.most,
        seeds=asked.seeds,
        first=ready.plan.experiment.seed,
        budget=_converted(each, pace, ready.plan),
        as_it_was=as_it_was,
        steps=tuple(entries),
    ), left_out


def _runnable(resolved: Path, ready: Ready, pieces: Sequence[Advice]) -> tuple[list[Advice], list[Plan], list[str]]:
    """The pieces that change something, the plans of the config and of these, and what was refused."""
    base = _planned(resolved, Advice("", ""), ready)
    steps: list[Advice] = []
    plans, left_out = [ready.plan], []
    for piece in pieces:
        try:
            plan = _planned(resolved, piece, ready)
        except InputError as error:
            left_out.append(f"{piece.action} is left out: {error}")
            continue
        if not _changes_nothing(piece, plan, base, ready.plan):
            steps.append(piece)
            plans.append(plan)
    return steps, plans, left_out


def _converted(each: float, pace: Pace, plan: Plan) -> dict[str, Any]:
    """What study.json keeps of the budget's conversion."""
    return {
        "passes_times_parameters": round(each),
        "per_second": round(pace.per_second),
        "start_seconds": round(pace.start_seconds, 3),
        "timed_steps": pace.steps,
        "base_epochs": round(each / _epoch(plan), 2),
        "of_training": round(each / _own_cost(plan), 3),
    }


def _is_longer(piece: Advice) -> bool:
    return any(override.startswith(LENGTH) for override in piece.overrides)


def _planned(resolved: Path, piece: Advice, ready: Ready) -> Plan:
    loaded = config.load([resolved], piece.overrides)
    if any(override.startswith("data.") for override in piece.overrides):
        return experiment.prepare(loaded).plan
    return config.resolve(loaded.experiment, ready.plan.facts)


def _changes_nothing(piece: Advice, plan: Plan, base: Plan, own: Plan) -> bool:
    """Also where data.train_limit holds nothing back: there are just so many rows."""
    lifted = piece.overrides == LIFTED and plan.facts == own.facts
    return lifted or (plan.experiment, plan.facts) in ((base.experiment, base.facts), (own.experiment, own.facts))


def parameters(plan: Plan) -> int:
    return plan.architecture().layout().size


def _epoch(plan: Plan) -> int:
    """Example-passes × parameters of one pass through the training set."""
    return plan.facts.m * parameters(plan)


def _own_cost(plan: Plan) -> float:
    """Of a training as the config has it."""
    program, m = replace(plan.program(), early_stopping=None), plan.facts.m
    return steps_of(program, m) / steps_of(program, m, epochs=1) * _epoch(plan)


def _steps(plan: Plan, each: float) -> int:
    an_epoch = steps_of(plan.program(), plan.facts.m, epochs=1)
    return max(1, round(each / _epoch(plan) * an_epoch))


def _budget(plans: Sequence[Plan], pace: Pace, asked: Asked, longer: Sequence[float]) -> tuple[float, bool]:
    """What each trial may spend, and whether the config as it was is a trial of its own.

    As much as the dearest step takes by itself, less where the seconds do not buy that. `longer`: what longer
    training takes, where that is advised.
    """
    own = _own_cost(plans[0])
    wanted = max([*longer, *map(_own_cost, plans)])
    affordable = _affordable(len(plans) + 1, pace, asked)
    if min(wanted, affordable) > 1.02 * own:
        return min(wanted, affordable), True
    each = min(own, _affordable(len(plans), pace, asked))
    least = min(own, _epoch(plans[0]))
    if each < least:
        raise InputError(_too_little(len(plans), asked, least, pace))
    return each, False


def _affordable(trials: int, pace: Pace, asked: Asked) -> float:
    turns = math.ceil(trials * asked.seeds / asked.workers)
    return pace.per_second * (SHARE * asked.seconds / turns - pace.start_seconds)


def _too_little(sides: int, asked: Asked, least: float, pace: Pace) -> str:
    trials = sides * asked.seeds
    turns = math.ceil(trials / asked.workers)
    need = math.ceil(turns * (least / pace.per_second + pace.start_seconds) / SHARE)
    text = f"{need}s" if need < 120 else f"{math.ceil(need / 60)}m"
    fewer = f", or fewer steps: --steps {(sides - 1) // 2}" if sides > 2 else ""
    return f"--budget is too small for {trials} trials of one epoch; expected {text} or more{fewer}"


def _pace(ready: Ready, reading: float) -> Pace:
    """A few steps of the base, with one thread, as its trials have."""
    program = replace(ready.plan.program(), epochs=None, steps=10**9, early_stopping=None)
    train = ready.rows("train")
    assert train is not None
    with experiment.threads(1):
        begin = perf_counter()
        steps, spent = _timed(fit(program, train, ready.rows("dev"), State.start(program)), begin)
    passes = steps * ready.plan.facts.m / steps_of(program, ready.plan.facts.m, epochs=1)
    return Pace(max(1.0, passes * parameters(ready.plan) / spent), steps, LAUNCH + reading)


def _timed(events: Any, begin: float) -> tuple[int, float]:
    """Steps and seconds, measuring included."""
    steps, spent, whole = 0, 1e-9, False
    try:
        for event in events:
            spent = max(1e-9, perf_counter() - begin)
            if isinstance(event, Epoch):
                whole = True
                if spent >= LEAST:
                    break
            else:
                steps += 1
                if spent >= MOST:
                    break
    except Diverged:
        pass
    return max(1, steps), spent if whole else spent * MEASURING
