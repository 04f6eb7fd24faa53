"""What no single key can tell: keys that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dltrain.config import SETS
from dltrain.config.english import join
from dltrain.config.parts import given_by
from dltrain.config.records import Experiment, ScheduleChoice
from dltrain.config.search_checks import SEARCH_CHECKS
from dltrain.config.split_checks import SPLIT_CHECKS
from dltrain.engine.optimizers import AdamW
from dltrain.engine.regularizers import L1L2, L2
from dltrain.engine.schedules import Manual, Plateau
from dltrain.errors import Problem

Found = Iterator[Problem]
OUTPUTS = {"binary": ("sigmoid", "softmax"), "multiclass": ("softmax",), "regression": ("linear",)}
"""The outputs that a task allows; the first is what `auto` takes."""


def check(experiment: Experiment, spoiled: set[str] = frozenset()) -> list[Problem]:  # type: ignore[assignment]
    """Every contradiction, but those that touch a section in which something is wrong already (`spoiled`)."""
    return [problem for sections, find in CHECKS if not spoiled & set(sections) for problem in find(experiment)]


def _columns(experiment: Experiment) -> Found:
    data = experiment.data
    for key in ("columns", "features", "exclude"):
        names = getattr(data, key)
        twice = sorted({name for name in names if names.count(name) > 1}) if isinstance(names, list) else []
        if twice:
            yield Problem(f"{join(twice, 'and')} given twice; each column has one name", f"data.{key}")
    yield from _roles(experiment)
    if isinstance(data.features, list) and data.exclude and set(data.features) & set(data.exclude):
        both = sorted(set(data.features) & set(data.exclude))
        yield Problem(f"{join(both, 'and')} stands in data.features too; leave it in one of them", "data.exclude")
    if data.features == []:
        yield Problem("an empty list leaves no input; expected column names, or all", "data.features")
    if data.image_shape and len(data.image_shape) > 3:
        yield Problem("expected [height, width] or [height, width, channels]", "data.image_shape")


def _roles(experiment: Experiment) -> Found:
    """The target, the rows' names and their weights are three columns, and no inputs."""
    data = experiment.data
    roles = [(role, getattr(data, role)) for role in ("target", "id", "weight") if getattr(data, role) is not None]
    for number, (role, column) in enumerate(roles):
        if isinstance(data.features, list) and column in data.features:
            yield Problem(f"{column} is the {role} (data.{role}) and can't be an input; leave it out", "data.features")
        for other, same in roles[:number]:
            if column == same:
                yield Problem(f"{column} is the {other} too (data.{other}); expected another column", f"data.{role}")
    if data.exclude and data.target in data.exclude:
        yield Problem(f"{data.target} is the target (data.target), never an input; leave it out", "data.exclude")


def _classes(experiment: Experiment) -> Found:
    data = experiment.data
    for key in ("label_map", "class_weights"):
        if data.task == "regression" and getattr(data, key) is not None:
            yield Problem("belongs to classes, and data.task is regression; leave it out", f"data.{key}")
    renamed = data.label_map or {}
    for old, new in renamed.items():
        if new != old and renamed.get(new, new) != new:
            message = f"{new!r} is replaced itself, by {renamed[new]!r}; write {renamed[new]!r} here too"
            yield Problem(message, f"data.label_map.{old}")
    if isinstance(data.class_weights, dict):
        for name in data.class_weights:
            if renamed.get(name, name) != name:
                message = f"data.label_map makes {name!r} {renamed[name]!r}; weigh that"
                yield Problem(message, f"data.class_weights.{name}")
        if not any(data.class_weights.values()):
            yield Problem("every weight is 0, which leaves nothing to learn", "data.class_weights")


def _sources(experiment: Experiment) -> Found:
    data = experiment.data
    first, second = _listed(data.source), _listed(data.dev_test_source)
    for key, names in (("source", first), ("dev_test_source", second)):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Problem(f"{name} is named twice; its rows would count twice", f"data.{key}")
        for name in names:
            if len(names) > 1 and name in SETS:
                yield Problem(f"{name} is a set of its own and can't be one of a list; expected files", f"data.{key}")
    for name in sorted(set(first) & set(second)):
        message = f"{name} stands in data.source too: dev and test rows would be trained on; expected other files"
        yield Problem(message, "data.dev_test_source")
    if data.arrays is not None and len(first) > 1:
        yield Problem("names arrays of one file or folder, and data.source lists several; name one", "data.arrays")
    if data.arrays is not None and second:
        message = "goes with data.source alone: arrays.dev and arrays.test say where those rows are; leave one out"
        yield Problem(message, "data.dev_test_source")


def _listed(source: str | list[str] | None) -> list[str]:
    return [source] if isinstance(source, str) else source or []


def _arrays(experiment: Experiment) -> Found:
    arrays = experiment.data.arrays
    if arrays is None:
        return
    if "train" not in arrays:
        yield Problem("train is missing; expected {train: [x_train, y_train], ...}", "data.arrays")
    for part, names in arrays.items():
        if len(names) != 2:
            yield Problem(f"{len(names)} names; expected two: inputs and targets", f"data.arrays.{part}")


def _lengths(experiment: Experiment) -> Found:
    training = experiment.training
    if training.epochs is not None and training.steps is not None:
        message = f"epochs ({training.epochs}) is given too; leave one (training.epochs=null takes it back)"
        yield Problem(message, "training.steps")
    if isinstance(experiment.schedule, Manual) and not experiment.schedule.values:
        yield Problem(
            "is required and not empty; expected {epoch: learning rate}, like {1: 0.1, 20: 0.01}", "schedule.values"
        )


def _stopping(experiment: Experiment) -> Found:
    if (
        experiment.training.early_stopping is not None
        and experiment.split.dev == 0
        and experiment.split.folds is None
        and "dev" not in given_by(experiment)
    ):
        yield Problem("early stopping watches the dev set, and split.dev is 0; give it rows", "training.early_stopping")


def _plateau(experiment: Experiment) -> Found:
    if experiment.split.dev == 0 and experiment.split.folds is None and "dev" not in given_by(experiment):
        yield from plateau_problems(experiment.schedule)


def plateau_problems(schedule: ScheduleChoice) -> Found:
    """A plateau that watches a dev set where there is none."""
    if isinstance(schedule, Plateau) and schedule.monitor.startswith("dev."):
        message = f"{schedule.monitor} is of the dev set, and there is none; expected train.error, train.loss or cost"
        yield Problem(message, "schedule.monitor")


def _decay(experiment: Experiment) -> Found:
    if not isinstance(experiment.optimizer, AdamW):
        return
    layers = enumerate(experiment.architecture.layers)
    found = [("regularizer", experiment.regularizer)]
    found += [
        (f"architecture.layers.{index}.regularizer", layer.regularizer) for index, layer in layers if layer.regularizer
    ]
    for key, regularizer in found:
        if isinstance(regularizer, (L2, L1L2)):
            message = (
                "adamw decays the weights itself and does not go with l2; expected none or l1, or optimizer.kind: adam"
            )
            yield Problem(message, key)


def _single(experiment: Experiment) -> Found:
    if experiment.training.batch_size == 1 and has_batch_norm(experiment):
        message = "1 does not go with batch norm, since one example has no variance; expected 2 or more"
        yield Problem(message, "training.batch_size")


def has_batch_norm(experiment: Experiment) -> bool:
    """Whether a hidden layer has it."""
    default = experiment.architecture.batch_norm
    layers = experiment.architecture.layers
    return any(bool(default if layer.batch_norm is None else layer.batch_norm) for layer in layers)


def _output(experiment: Experiment) -> Found:
    task, output = experiment.data.task, experiment.architecture.output
    if task != "auto" and output != "auto":
        yield from output_problems(task, output)
    if task in ("binary", "multiclass"):
        yield from rate_problems(experiment)


def output_problems(task: str, output: str) -> Found:
    """An output whose loss does not fit the task."""
    if output not in OUTPUTS[task]:
        yield Problem(f"{output} does not fit a {task} task; expected {join(OUTPUTS[task])}", "architecture.output")


def rate_problems(experiment: Experiment) -> Found:
    """Errors of classification are shares of examples, so they lie below 1."""
    for key in ("bayes_error", "threshold"):
        value = getattr(experiment.diagnosis, key)
        if value is not None and value >= 1:
            percent = f"; {value:g} % is {value / 100:g}" if value <= 100 else ""
            yield Problem(f"{value:g} is above any error rate; expected a number below 1{percent}", f"diagnosis.{key}")


CHECKS: tuple[tuple[tuple[str, ...], Callable[[Experiment], Found]], ...] = (
    (("data",), _columns),
    (("data",), _classes),
    (("data",), _sources),
    (("data",), _arrays),
    *SPLIT_CHECKS,
    *SEARCH_CHECKS,
    (("training", "schedule"), _lengths),
    (("data", "split", "training"), _stopping),
    (("data", "split", "schedule"), _plateau),
    (("optimizer", "regularizer", "architecture"), _decay),
    (("architecture", "training"), _single),
    (("data", "architecture", "diagnosis"), _output),
)
