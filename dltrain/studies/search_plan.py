"""From a config whose data are read to the search that it declares, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dltrain.config.hints import as_data
from dltrain.config.records_search import Search as Declared
from dltrain.config.search_advice import scale_advice
from dltrain.config.search_checks import OF_REGRESSION
from dltrain.errors import InputError, Problem
from dltrain.ready import Ready
from dltrain.studies import drawing
from dltrain.studies.model import Rules
from dltrain.studies.probing import require_applicable
from dltrain.studies.search import Search
from dltrain.studies.space import Space
from dltrain.times import seconds_of

EXAMPLE = "search: {space: {optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 0.1}}}"
MISSING = f"is missing, which says what is varied; expected {EXAMPLE}, for a start"
TRIALS, ROUNDS = 60, 3
SEEDS = 2**63
"""Seeds are below it."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """A search that can begin."""

    search: Search
    rules: Rules
    notes: tuple[str, ...]


def plan_search(ready: Ready) -> SearchPlan:
    """The search of the config's `search` section, settled. Raises InputError with places in the config."""
    try:
        declared = ready.plan.experiment.search
        if declared is None:
            raise InputError(Problem(MISSING, "search"))
        return _planned(ready, declared)
    except InputError as error:
        raise ready.loaded.locate(error) from None


def _planned(ready: Ready, declared: Declared) -> SearchPlan:
    problems = list(_problems(ready, declared))
    if problems:
        raise InputError(*problems)
    space, notes = _space(ready, declared)
    many = declared.kind in ("coarse_to_fine", "tpe")
    trials = declared.trials or TRIALS
    search = Search(
        method=declared.kind,
        trials=trials,
        rounds=declared.rounds or min(ROUNDS if many else 1, trials),
        points=declared.points,
        seeds=declared.seeds,
        seed=ready.plan.experiment.seed,
        winner_seeds=declared.winner_seeds,
        space=space,
        objective=declared.objective,
        prune=_prune(ready, declared),
    )
    if declared.kind == "grid":
        search = _grid(search, declared)
    require_applicable(ready, search)
    varied = {path: one for path, one in declared.space.items() if path in space}
    return SearchPlan(search, _rules(declared), (*notes, *scale_advice(varied, search.trials)))


def _problems(ready: Ready, declared: Declared) -> Iterator[Problem]:
    """What the data and the settled config say of it."""
    experiment, facts = ready.plan.experiment, ready.plan.facts
    if experiment.split.folds is not None and experiment.split.fold is None:
        message = "a trial is measured on one dev part; name one with split.fold, or leave this out"
        yield Problem(message, "split.folds")
    part = declared.objective.partition(".")[0]
    if part in ("dev", "train_dev") and part not in facts.parts:
        yield Problem(
            f"there is no {part} set to measure it on; expected one, or another objective", "search.objective"
        )
    if declared.objective in OF_REGRESSION and facts.task != "regression":
        yield Problem(f"{declared.objective} is of regressions, and this is a {facts.task} task", "search.objective")
    last = experiment.seed + declared.seeds + declared.winner_seeds - 1
    if last >= SEEDS:
        yield Problem(f"{experiment.seed} leads to seeds up to {last}; expected them below 2**63", "seed")
    epochs = experiment.training.epochs
    if declared.prune is not None and epochs is not None and declared.prune.min_epochs >= epochs:
        least = f"is not below training.epochs ({epochs}), so no trial would end early"
        yield Problem(f"{declared.prune.min_epochs} {least}", "search.prune.min_epochs")


def _space(ready: Ready, declared: Declared) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The keys that are varied, and why others are not: conditions on keys that are not varied are settled here."""
    settled = as_data(ready.plan.experiment)
    space = {path: as_data(one) for path, one in declared.space.items()}
    notes: list[str] = []
    while True:
        left_out = {path: why for path, one in space.items() if (why := _unmet(one, space, settled)) is not None}
        if not left_out:
            break
        notes += [f"{path} is not varied: {why}" for path, why in left_out.items()]
        space = {path: one for path, one in space.items() if path not in left_out}
    if not space:
        raise InputError(Problem("no condition of its keys is met, so nothing is varied", "search.space"))
    for one in space.values():
        one["when"] = {key: value for key, value in (one["when"] or {}).items() if key in space} or None
    return space, notes


def _unmet(one: Mapping[str, Any], space: Mapping[str, Any], settled: Any) -> str | None:
    for key, wanted in (one["when"] or {}).items():
        if key in space:
            continue
        value = _at(settled, key)
        if value not in (wanted if isinstance(wanted, list) else [wanted]):
            return f"{key} is {value}"
    return None


def _at(data: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        if isinstance(data, list):
            if name == "count":
                return len(data)
            data = data[int(name)] if name.isdigit() and int(name) < len(data) else None
        else:
            data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _prune(ready: Ready, declared: Declared) -> dict[str, Any] | None:
    prune = declared.prune
    if prune is None:
        return None
    epochs = ready.plan.experiment.training.epochs or 0
    rungs, rung = [], prune.min_epochs
    while rung < epochs:
        rungs.append(rung)
        rung *= prune.factor
    return {"factor": prune.factor, "min_epochs": prune.min_epochs, "rungs": rungs}


def _grid(search: Search, declared: Declared) -> Search:
    """With as many trials as the grid has points."""
    try:
        size = len(drawing.grid(Space.of(search.space), search.points))
    except ValueError:
        most = f"the grid has more than {drawing.LARGEST_GRID:,} points"
        raise InputError(Problem(f"{most}: {search.points} for each of the keys; try fewer", "search.points")) from None
    if declared.trials not in (None, size):
        message = f"the grid has {size} points, not {declared.trials}; leave it out (search.trials=null)"
        raise InputError(Problem(message, "search.trials"))
    return replace(search, trials=size)


def _rules(declared: Declared) -> Rules:
    timeout = declared.trial_timeout
    return Rules(attempts=declared.attempts, trial_timeout=seconds_of(timeout) if isinstance(timeout, str) else timeout)
