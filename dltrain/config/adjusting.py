"""What may change from an epoch on, checked and settled: `adjustments`, and what `dltrain adjust` asks of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dltrain.config.checks import check
from dltrain.config.english import suggestion
from dltrain.config.hints import as_data
from dltrain.config.nodes import Node, plain
from dltrain.config.normalizing import complete
from dltrain.config.overrides import Overrides
from dltrain.config.records import DeclaredArchitecture, DeclaredLayer, Experiment
from dltrain.config.records_adjustments import Adjustment
from dltrain.config.validating import find_key, validate
from dltrain.errors import InputError, Problem

Changes = Mapping[str, Any]
"""Dotted key -> plain value."""
ADJUSTABLE = (
    "optimizer.learning_rate",
    "schedule",
    "regularizer",
    "architecture.keep_prob",
    "architecture.input_keep_prob",
    "training.batch_size",
    "training.epochs",
    "training.steps",
)
"""Keys that may change, with all that is below them; and those of single layers (`_OF_LAYER`)."""
SAID = (
    "optimizer.learning_rate, schedule (or its keys), regularizer.lambd, architecture.keep_prob, "
    "architecture.layers.N.keep_prob, training.batch_size or training.epochs"
)
_OF_LAYER = re.compile(r"(architecture\.layers\.\d+\.(?:keep_prob|regularizer))(\..+)?")


def adjusted(experiment: Experiment, changes: Changes) -> Experiment:
    """The experiment with the values changed, by the rules of every override; declared or settled.

    In a settled one `architecture.keep_prob` and `regularizer` also change the layers that had the same value, as if
    they had been left out there. Raises InputError with every problem, whose key is that of the value.
    """
    leaves = list(_leaves(changes))
    refused = [problem for key, _ in leaves if (problem := _refusal(key, experiment)) is not None]
    if refused:
        raise InputError(*refused)
    changed = Overrides(Experiment)
    base = replace(experiment, adjustments=[], search=None)
    root = _node(as_data(base))
    for key, value in changes.items():
        root = changed.put(root, key, _node(value))
    found = validate(plain(complete(root, Experiment)))
    problems = [*changed.problems, *(found if isinstance(found, list) else check(found))]
    if problems or isinstance(found, list):
        raise InputError(*(Problem(problem.message, _own(problem.key, changes)) for problem in problems))
    keys = {key for key, _ in leaves}
    architecture = _followed(experiment, found, keys)
    _require_effect(experiment, architecture, keys)
    return replace(
        experiment,
        optimizer=found.optimizer,
        schedule=found.schedule,
        regularizer=found.regularizer,
        architecture=architecture,
        training=found.training,
    )


def changes_of(overrides: Sequence[str]) -> dict[str, Any]:
    """What KEY=VALUE words ask for. Raises InputError for every one that is none."""
    reader = Overrides(Experiment)
    found = [pair for override in overrides if (pair := reader.parse(override)) is not None]
    if reader.problems:
        raise InputError(*reader.problems)
    return {key: plain(value) for key, value in found}


def canonical(after: Experiment, changes: Changes) -> dict[str, Any]:
    """The changes as the adjusted experiment has them: schedules and regularizers whole."""
    groups = dict.fromkeys(group for key, _ in _leaves(changes) if (group := _group(key)) is not None)
    return {group: as_data(_at(after, group)) for group in groups}


def in_order(adjustments: Sequence[Adjustment]) -> list[tuple[int, Adjustment]]:
    """By epoch, and where that is the same as they stand; each with its place in the list."""
    return sorted(enumerate(adjustments), key=lambda pair: pair[1].epoch)


def problems_of(experiment: Experiment) -> list[Problem]:
    """What is wrong with the adjustments of a declared experiment, as far as can be told without its data."""
    found: list[Problem] = []
    now = experiment
    for index, adjustment in in_order(experiment.adjustments):
        try:
            now = adjusted(now, adjustment.set)
            found += [at_key(problem, index) for problem in length_problems(now, adjustment)]
        except InputError as error:
            found += [at_key(problem, index) for problem in error.problems]
    return found


def length_problems(after: Experiment, adjustment: Adjustment) -> Iterator[Problem]:
    """Fewer epochs than are complete by then."""
    done, epochs = adjustment.epoch - 1, after.training.epochs
    if epochs is not None and epochs < done and _touches(adjustment, "training.epochs"):
        message = f"{epochs} is less than the {done} complete by then; expected {done} (to end there) or more"
        yield Problem(message, "training.epochs")


def at_key(problem: Problem, index: int) -> Problem:
    """The problem with the place of its adjustment in the config."""
    return Problem(problem.message, f"adjustments.{index}.set.{problem.key}" if problem.key else f"adjustments.{index}")


def experiment_at(experiment: Experiment, epoch: int) -> Experiment:
    """A settled experiment as it is in an epoch, from 1; without adjustments of its own."""
    now = experiment
    for _, adjustment in in_order(experiment.adjustments):
        if adjustment.epoch <= epoch:
            now = adjusted(now, adjustment.set)
    return replace(now, adjustments=[])


def _touches(adjustment: Adjustment, group: str) -> bool:
    return any(_group(key) == group for key, _ in _leaves(adjustment.set))


def _leaves(changes: Changes, above: str = "") -> Iterator[tuple[str, Any]]:
    """The values that are set, each with its dotted key; a mapping is one value where it may be set as a whole."""
    for key, value in changes.items():
        here = f"{above}{key}"
        if isinstance(value, Mapping) and value and _group(here) is None:
            yield from _leaves(value, f"{here}.")
        else:
            yield here, value


def _group(key: str) -> str | None:
    """What is settled as a whole: the schedule of schedule.decay."""
    if (match := _OF_LAYER.fullmatch(key)) is not None:
        return match[1]
    return next((group for group in ADJUSTABLE if key == group or key.startswith(f"{group}.")), None)


def _refusal(key: str, experiment: Experiment) -> Problem | None:
    by_steps = experiment.training.steps is not None
    if key == "training.epochs" and by_steps:
        return Problem("this training counts steps; expected training.steps", key)
    if key == "training.steps" and not by_steps:
        return Problem("this training counts epochs; expected training.epochs", key)
    if _group(key) is not None:
        return None
    meant = find_key(key) or ""
    near = f"; did you mean {meant}?" if _group(meant) and meant != key else suggestion(key, ADJUSTABLE)
    return Problem(f"cannot be adjusted; expected {SAID}{near}", key)


def _own(key: str | None, changes: Changes) -> str:
    """The key of a problem, if it is one that was set or lies below one; else the first that was set."""
    names = [leaf for leaf, _ in _leaves(changes)]
    return key if key and any(f"{key}.".startswith(f"{name}.") for name in names) else names[0]


def _followed(before: Experiment, after: Experiment, keys: set[str]) -> DeclaredArchitecture:
    """The new architecture, in which the layers that had the shared value have the new one."""
    layers = []
    for index, (old, new) in enumerate(zip(before.architecture.layers, after.architecture.layers, strict=True)):
        own = {_group(key) for key in keys if key.startswith(f"architecture.layers.{index}.")}
        layers.append(_follow(before, after, old, new, {str(group).rpartition(".")[2] for group in own}))
    return replace(after.architecture, layers=layers)


def _follow(
    before: Experiment, after: Experiment, old: DeclaredLayer, new: DeclaredLayer, own: set[str]
) -> DeclaredLayer:
    if "keep_prob" not in own and old.keep_prob == before.architecture.keep_prob:
        new = replace(new, keep_prob=after.architecture.keep_prob)
    if "regularizer" not in own and old.regularizer == before.regularizer:
        new = replace(new, regularizer=after.regularizer)
    return new


def _require_effect(before: Experiment, after: DeclaredArchitecture, keys: set[str]) -> None:
    """Raises InputError where `architecture.keep_prob` changes no layer."""
    layers = before.architecture.layers
    shared = before.architecture.keep_prob
    if "architecture.keep_prob" in keys and all(layer.keep_prob not in (None, shared) for layer in layers):
        why = "since each has its own (architecture.layers.0.keep_prob)" if layers else "since there is none"
        raise InputError(Problem(f"changes no hidden layer, {why}", "architecture.keep_prob"))


def _at(experiment: Experiment, key: str) -> Any:
    found: Any = experiment
    for part in key.split("."):
        found = found[int(part)] if isinstance(found, list) else getattr(found, part)
    return found


def _node(value: Any) -> Node:
    """Plain data as nodes without places."""
    if isinstance(value, Mapping):
        return Node({str(key): _node(item) for key, item in value.items()}, None)
    if isinstance(value, list):
        return Node([_node(item) for item in value], None)
    return Node(value, None)
