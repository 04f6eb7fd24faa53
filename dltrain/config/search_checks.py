"""What is contradictory in `search`: ranges, the keys that are varied, conditions, the objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from dltrain.config.english import join, show, suggestion
from dltrain.config.hints import Hint, item_hint, key_at, keys, kinds, records
from dltrain.config.normalizing import long_name
from dltrain.config.records import DeclaredLayer, Experiment
from dltrain.config.records_search import Choice, Declared, OneMinusLogUniform
from dltrain.config.validating import find_key
from dltrain.errors import Problem
from dltrain.times import EXPECTED, seconds_of

Found = Iterator[Problem]
COUNT = "architecture.layers.count"
SAME_ROWS = "trials are compared on the same rows, so it can't be varied"
NO_EFFECT = "it changes no result, so there is nothing to vary"
FIXED = {
    "version": NO_EFFECT,
    "name": NO_EFFECT,
    "training.threads": "every trial trains with one thread",
    "training.checkpoints": NO_EFFECT,
    "diagnosis": NO_EFFECT,
    "search": "a search can't vary itself",
    "seed": "search.seeds trains every point with several seeds",
    "adjustments": "adjustments belong to one run; expected the key itself",
    "split": SAME_ROWS,
    **{
        f"data.{key}": SAME_ROWS
        for key in ("source", "target", "arrays", "columns", "task", "id", "weight", "label_map", "dev_test_source")
    },
    "data.limit": SAME_ROWS,
    "data.image_shape": SAME_ROWS,
}
"""Keys that can't be varied, with what is below them, and why."""
PARTS = ("train", "train_dev", "dev")
ERRORS = tuple(f"{part}.error" for part in PARTS)
IN_EPOCHS = ("train.error", "train.loss", "dev.error", "dev.loss", "cost", "penalty", "grad_norm")
"""Objectives that are known at the end of every epoch."""
OF_REGRESSION = tuple(f"{part}.{name}" for part in PARTS for name in ("rmse", "mae"))
OBJECTIVES = tuple(dict.fromkeys(("dev.error", "dev.loss", *ERRORS, *IN_EPOCHS, *OF_REGRESSION)))
MORE_IS_BETTER = ("accuracy", "acc", "r2", "f1", "precision", "recall", "auc", "score")
ONE_ROUND = ("random", "grid")


def hint_of(path: str) -> Hint | None:
    """What may stand at a dotted path of a config, kinds left open; None where there is no such key."""
    hint: Hint = Experiment
    for name in path.split("."):
        if hint is None:
            return None
        item = item_hint(hint)
        if item is not None and records(item) == [DeclaredLayer] and name == "count":
            hint = int
        elif item is not None and name.isascii() and name.isdigit():
            hint = item
        elif name == "kind" and kinds(hint):
            hint = str
        else:
            known = {key for record in records(hint) for key in keys(record)}
            slot = key_at(hint, long_name(name, known))
            hint = slot.hint if slot else None
    return hint


@cache
def paths() -> tuple[str, ...]:
    """Dotted paths of all keys that hold a value, of every kind; layers by the number 0."""
    return (*dict.fromkeys(_below(Experiment, "")), COUNT)


def _below(hint: Hint, path: str) -> Iterator[str]:
    inner = records(hint)
    if path and (not inner or kinds(hint)):
        yield f"{path}.kind" if kinds(hint) else path
    for record in inner:
        for key in keys(record).values():
            item = item_hint(key.hint)
            layers = item is not None and records(item) == [DeclaredLayer]
            here = f"{path}.{key.name}" if path else key.name
            if key.name not in ("kind", "search"):
                yield from _below(item, f"{here}.0") if layers else _below(key.hint, here)


def _paths(experiment: Experiment) -> Found:
    space = experiment.search.space if experiment.search else {}
    for path, one in space.items():
        if (message := _path(path, one)) is not None:
            yield Problem(message, f"search.space.{path}")
        for other in space:
            if other != path and f"{other}.".startswith(f"{path}."):
                yield Problem(f"{path} is varied too, and {other} is a part of it; leave one", f"search.space.{other}")


def _layers(experiment: Experiment) -> Found:
    """Settings of layers that there never are."""
    space = experiment.search.space if experiment.search else {}
    most: Any = getattr(space.get(COUNT), "high", None)
    for path in space:
        number = path.removeprefix("architecture.layers.").partition(".")[0]
        if path.startswith("architecture.layers.") and number.isdigit() and most is not None and int(number) >= most:
            message = f"there is never such a layer: {COUNT} goes to {most}, and the first layer is 0"
            yield Problem(message, f"search.space.{path}")


def _path(path: str, one: Declared) -> str | None:
    """What is wrong with a key that is to be varied. A choice may hold whole sections, or what stands for one."""
    for fixed, why in FIXED.items():
        if f"{path}.".startswith(f"{fixed}."):
            return why
    hint = hint_of(path)
    if hint is None:
        return f"there is no such key in a config{_near(path)}"
    whole = isinstance(one, Choice) and not any(fixed.startswith(f"{path}.") for fixed in FIXED)
    if records(hint) and kinds(hint) == {} and not whole:
        inner = [f"{path}.{key}" for record in records(hint) for key in keys(record)]
        return f"is a section of several keys; expected one of them, such as {inner[0]}"
    return None


def _near(path: str) -> str:
    near = suggestion(path, paths())
    elsewhere = find_key(path) if "." not in path else find_key(path.rpartition(".")[2])
    return near or (f"; did you mean {elsewhere}?" if elsewhere else "; dltrain explain lists the keys of each section")


def _ranges(experiment: Experiment) -> Found:
    search = experiment.search
    for path, one in (search.space if search else {}).items():
        for name, message in _range(one):
            yield Problem(message, f"search.space.{path}.{name}")


def _range(one: Declared) -> Iterator[tuple[str, str]]:
    if isinstance(one, Choice):
        twice = [value for place, value in enumerate(one.values) if _among(value, one.values[:place])]
        if twice:
            yield "values", f"{show(twice[0])} is given twice; it would be drawn twice as often"
        return
    if one.low >= one.high:
        yield "low", f"{one.low:g} is not below high ({one.high:g}); expected low < high"
    if isinstance(one, OneMinusLogUniform) and one.high >= 1:
        yield "high", f"{one.high:g} is not below 1, and 1 - v has no logarithm there; expected 0.999 or so"


def _among(value: Any, others: list[Any]) -> bool:
    """Equal, and of one type: 1 is not true."""
    return any(type(value) is type(other) and value == other for other in others)


def _conditions(experiment: Experiment) -> Found:
    space = experiment.search.space if experiment.search else {}
    for path, one in space.items():
        for key, wanted in (one.when or {}).items():
            if (message := _condition(path, key, wanted, space)) is not None:
                yield Problem(message, f"search.space.{path}.when.{key}")
        if path in _leading_to(path, space):
            yield Problem("the conditions lead back to this key", f"search.space.{path}.when")


def _condition(path: str, key: str, wanted: Any, space: Mapping[str, Declared]) -> str | None:
    if key == path:
        return "a key can't be a condition of itself"
    if key not in space and hint_of(key) is None:
        return f"there is no such key in a config{suggestion(key, [*space, *paths()])}"
    if wanted == []:
        return "an empty list is never met; expected a value, or several"
    other = space.get(key)
    values = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(other, Choice):
        never = [value for value in values if not _among(value, other.values)]
        if never:
            known = [show(value) for value in other.values]
            return f"{show(never[0])} is none of its values; expected {join(known)}"
    elif other is not None:
        outside = [value for value in values if type(value) not in (int, float) or not other.low <= value <= other.high]
        if outside:
            return f"{show(outside[0])} is outside of its range; expected {other.low:g} to {other.high:g}"
    return None


def _leading_to(path: str, space: Mapping[str, Declared]) -> set[str]:
    """All keys that the conditions of one lead to."""
    found: set[str] = set()
    ahead = [path]
    while ahead:
        one = space.get(ahead.pop())
        for key in (one.when if one else None) or {}:
            if key not in found:
                found.add(key)
                ahead.append(key)
    return found


def _objective(experiment: Experiment) -> Found:
    if experiment.search is None or (objective := experiment.search.objective) in OBJECTIVES:
        return
    part, _, name = objective.rpartition(".")
    key = "search.objective"
    if (name or part).lower() in MORE_IS_BETTER:
        message = f"{objective} is better the larger it is, and what is searched is minimized; expected"
        yield Problem(f"{message} {f'{part}.' if part in PARTS else 'dev.'}error", key)
    elif objective.partition(".")[0] == "test":
        yield Problem(
            "the test part is not for choosing: its error would no longer be one of new data; dev.error is", key
        )
    else:
        near = suggestion(objective, OBJECTIVES) or (
            f"; did you mean dev.{objective}?" if f"dev.{objective}" in OBJECTIVES else ""
        )
        yield Problem(f"{objective!r} is no number of a run; expected {join(OBJECTIVES[:4])}, cost, ...{near}", key)


def _rounds(experiment: Experiment) -> Found:
    search = experiment.search
    if search is None:
        return
    if search.kind in ONE_ROUND and (search.rounds or 1) > 1:
        yield Problem(f"{search.kind} has one round; leave it out (search.rounds=null)", "search.rounds")
    elif search.kind not in ONE_ROUND and (search.rounds or 1) > (search.trials or 60):
        yield Problem(f"{search.rounds} rounds of {search.trials} trials leave some without", "search.rounds")
    if search.prune is not None and search.objective not in IN_EPOCHS:
        yield Problem(f"poor trials end by their epochs; expected one of {join(IN_EPOCHS)}", "search.objective")
    if search.prune is not None and experiment.training.steps is not None:
        yield Problem("counts epochs, and training.steps is given; expected training.epochs", "search.prune.min_epochs")


def _times(experiment: Experiment) -> Found:
    timeout = experiment.search.trial_timeout if experiment.search else None
    if isinstance(timeout, str) and not seconds_of(timeout):
        yield Problem(f"{timeout!r} is no time above 0; expected {EXPECTED}", "search.trial_timeout")


SEARCH_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Experiment], Found]], ...] = (
    (("search",), _ranges),
    (("search",), _paths),
    (("search", "architecture"), _layers),
    (("search",), _conditions),
    (("search",), _objective),
    (("search", "training"), _rounds),
    (("search",), _times),
)
"""Each with the sections that it looks at."""
