"""From a config whose data are read to the search that it declares, or everything that is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dltrain.config.hints import as_data
from dltrain.config.records_search import Search as Declared
from dltrain.errors import InputError, Problem
from dltrain.ready import Ready
from dltrain.studies.model import Rules
from dltrain.studies.search import Search

EXAMPLE = "search: {space: {optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 0.1}}}"
MISSING = f"is missing, which says what is varied; expected {EXAMPLE}, for a start"


def plan_search(ready: Ready) -> tuple[Search, Rules]:
    """The search of the config's `search` section, settled. Raises InputError with places in the config."""
    try:
        return _planned(ready)
    except InputError as error:
        raise ready.loaded.locate(error) from None


def _planned(ready: Ready) -> tuple[Search, Rules]:
    declared = ready.plan.experiment.search
    if declared is None:
        raise InputError(Problem(MISSING, "search"))
    space: dict[str, Any] = {path: as_data(one) for path, one in declared.space.items()}
    search = Search(
        method=declared.kind,
        trials=declared.trials or 60,
        rounds=declared.rounds or (3 if declared.kind in ("coarse_to_fine", "tpe") else 1),
        points=declared.points,
        seeds=declared.seeds,
        seed=ready.plan.experiment.seed,
        winner_seeds=declared.winner_seeds,
        space=space,
        objective=declared.objective,
        prune=_prune(declared, ready),
    )
    if declared.kind == "grid":
        from dltrain.studies.drawing import grid

        search = replace(search, trials=len(grid(search.dimensions, search.points)))
    return search, Rules(attempts=declared.attempts, trial_timeout=_timeout(declared))


def _prune(declared: Declared, ready: Ready) -> dict[str, Any] | None:
    prune = declared.prune
    if prune is None:
        return None
    epochs = ready.plan.experiment.training.epochs or 0
    rungs, rung = [], prune.min_epochs
    while rung < epochs:
        rungs.append(rung)
        rung *= prune.factor
    return {"factor": prune.factor, "min_epochs": prune.min_epochs, "rungs": rungs}


def _timeout(declared: Declared) -> float | None:
    return float(declared.trial_timeout) if declared.trial_timeout is not None else None
