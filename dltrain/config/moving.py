"""The two sections that say how theta moves, read without the rest of a config."""

from __future__ import annotations

from collections.abc import Sequence

from dltrain.config.loading import load
from dltrain.config.nodes import Place
from dltrain.config.validating import find_key
from dltrain.engine.optimizers import Optimizer
from dltrain.engine.schedules import Schedule
from dltrain.errors import InputError, Problem

SECTIONS = ("optimizer", "schedule")
PLAIN = ("data.source=digits", "optimizer.kind=gradient_descent")
"""What the overrides change: gradient descent. No data is read."""


def load_moving(overrides: Sequence[str]) -> tuple[Optimizer, Schedule, tuple[str, ...]]:
    """The optimizer and the schedule that KEY=VALUE overrides make of plain gradient descent, by the rules of every
    config; and notices. Raises InputError for everything wrong, keys of other sections included."""
    problems = [_foreign(override) for override in overrides if _section(override) not in SECTIONS]
    try:
        loaded = load([], [*PLAIN, *(override for override in overrides if _section(override) in SECTIONS)])
    except InputError as error:
        raise InputError(*error.problems, *problems) from None
    if problems:
        raise InputError(*problems)
    return loaded.experiment.optimizer, loaded.experiment.schedule, loaded.notices


def _section(override: str) -> str:
    return override.partition("=")[0].strip().partition(".")[0]


def _foreign(override: str) -> Problem:
    key = override.partition("=")[0].strip()
    meant = find_key(key) or ""
    near = f"; did you mean {meant}?" if meant.partition(".")[0] in SECTIONS else ""
    return Problem(f"unknown key; expected optimizer.KEY or schedule.KEY{near}", key, str(Place(None)))
