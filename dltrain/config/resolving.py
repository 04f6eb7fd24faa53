"""`resolve`: an Experiment and the facts of the data to a Plan, in which `auto` is dead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from dltrain.config import adjusting
from dltrain.config.advice import advice
from dltrain.config.checks import OUTPUTS, has_batch_norm, output_problems, plateau_problems, rate_problems
from dltrain.config.plan import Plan
from dltrain.config.records import (
    DataFacts,
    DeclaredArchitecture,
    DeclaredLayer,
    Experiment,
    InitializerChoice,
    Split,
    Training,
)
from dltrain.config.records_adjustments import Adjustment
from dltrain.config.shares import settled_split
from dltrain.engine.architecture import BatchNorm, Output
from dltrain.engine.initializers import automatic
from dltrain.errors import InputError, Problem

BATCH_SIZE = 64
EPOCHS = 100
LARGE_PRODUCT = 4_000_000
"""Multiplications of a product from which on a second thread pays."""


def resolve(experiment: Experiment, facts: DataFacts) -> Plan:
    """Settles every auto, rest, full and null from the sizes, classes and task of the data.

    The same experiment and facts give the same plan on any machine. Raises InputError with all that does not
    fit the data; keys are dotted paths.
    """
    problems = _problems(experiment, facts)
    if problems:
        raise InputError(*problems)
    output = _output(experiment, facts)
    settled = replace(
        experiment,
        name=experiment.name or name_of(experiment.data.source),
        data=replace(experiment.data, task=facts.task),
        split=_split(experiment, facts),
        architecture=_architecture(experiment, output),
    )
    settled = replace(settled, training=_training(settled, facts))
    settled = replace(settled, adjustments=settled_adjustments(settled, facts))
    plan = Plan(settled, facts)
    return replace(plan, notes=(*_reasons(experiment, plan), *advice(plan)))


def _problems(experiment: Experiment, facts: DataFacts) -> list[Problem]:
    found: list[Problem] = []
    declared, output = experiment.data.task, experiment.architecture.output
    if declared not in ("auto", facts.task):
        found.append(Problem(f"{declared} does not fit the target, whose task is {facts.task}", "data.task"))
    elif output != "auto":
        found += output_problems(facts.task, output)
    if facts.task != "regression":
        found += rate_problems(experiment)
    found += _batch_problems(experiment, facts)
    if experiment.training.early_stopping is not None and not facts.parts.get("dev"):
        found.append(Problem("early stopping watches the dev set, and there is none", "training.early_stopping"))
    if not facts.parts.get("dev"):
        found += plateau_problems(experiment.schedule)
    return found


def _batch_problems(experiment: Experiment, facts: DataFacts) -> list[Problem]:
    size = experiment.training.batch_size
    if isinstance(size, int) and size > facts.m:
        message = f"batch_size {size} is larger than the m = {facts.m} training examples; use full"
        return [Problem(message, "training.batch_size")]
    if has_batch_norm(experiment) and (facts.m == 1 or size == 1):
        message = "batch norm needs two examples a step at least, since one has no variance"
        return [Problem(message, "training.batch_size")]
    return []


def readjust(plan: Plan, adjustments: Sequence[Adjustment]) -> Plan:
    """The plan with these adjustments in place of its own. Raises InputError with all that is wrong with them."""
    experiment = replace(plan.experiment, adjustments=list(adjustments))
    return replace(plan, experiment=replace(experiment, adjustments=settled_adjustments(experiment, plan.facts)))


def settled_adjustments(experiment: Experiment, facts: DataFacts) -> list[Adjustment]:
    """The adjustments of a settled experiment, settled too, by epoch. Raises InputError with all that is wrong."""
    found: list[Adjustment] = []
    problems: list[Problem] = []
    now = experiment
    for index, adjustment in adjusting.in_order(experiment.adjustments):
        try:
            now = settled_change(now, adjustment, facts)
            found.append(replace(adjustment, set=adjusting.canonical(now, adjustment.set)))
        except InputError as error:
            problems += [adjusting.at_key(problem, index) for problem in error.problems]
    if problems:
        raise InputError(*problems)
    return found


def settled_change(now: Experiment, adjustment: Adjustment, facts: DataFacts) -> Experiment:
    """A settled experiment once an adjustment holds. Raises InputError, keys being those that are set."""
    after = adjusting.adjusted(now, adjustment.set)
    after = replace(after, training=replace(after.training, batch_size=_batch_size(after, facts)))
    problems = [*adjusting.length_problems(after, adjustment), *_batch_problems(after, facts)]
    if not facts.parts.get("dev"):
        problems += plateau_problems(after.schedule)
    if problems:
        raise InputError(*problems)
    return after


def name_of(source: str | Sequence[str]) -> str:
    """The source's stem, fit to begin a run's id: `digits` for /data/digits.csv.gz, and for /data/digits/*.csv.

    Of a list, the first one's. Of a glob, what stands before its first wild card, else the folder's name.
    """
    parts = Path(source if isinstance(source, str) else source[0]).parts
    names = (re.split(r"[*?\[]", part)[0].rstrip("-_. ") for part in reversed(parts))
    name = next((name for name in names if name.strip("/")), "")
    stem = name.split(".")[0] or name
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:41]
    return clean or "run"


def _output(experiment: Experiment, facts: DataFacts) -> Output:
    declared = experiment.architecture.output
    automatic_output: dict[str, Output] = {"sigmoid": "sigmoid", "softmax": "softmax", "linear": "linear"}
    return automatic_output[OUTPUTS[facts.task][0]] if declared == "auto" else declared


def _split(experiment: Experiment, facts: DataFacts) -> Split:
    split = experiment.split
    automatic = facts.task != "regression" and split.by not in ("time", "hash", "column")
    stratify = automatic if split.stratify == "auto" else split.stratify
    settled = settled_split(experiment, {"train": facts.m, **facts.parts}, stratify)
    limited = experiment.data.train_limit is not None and isinstance(split.train, int)
    return replace(settled, train=split.train) if limited else settled  # m is what is left of train's rows


def _architecture(experiment: Experiment, output: Output) -> DeclaredArchitecture:
    declared = experiment.architecture
    return replace(
        declared,
        layers=[_layer(layer, experiment) for layer in declared.layers],
        batch_norm=_batch_norm(declared.batch_norm),
        initializer=_initializer(declared.initializer, output),
        output=output,
    )


def _layer(layer: DeclaredLayer, experiment: Experiment) -> DeclaredLayer:
    above = experiment.architecture
    activation = layer.activation or above.activation
    return DeclaredLayer(
        units=layer.units,
        activation=activation,
        keep_prob=above.keep_prob if layer.keep_prob is None else layer.keep_prob,
        batch_norm=_batch_norm(above.batch_norm if layer.batch_norm is None else layer.batch_norm),
        initializer=_initializer(layer.initializer or above.initializer, activation),
        regularizer=layer.regularizer or experiment.regularizer,
    )


def _batch_norm(declared: BatchNorm | bool) -> BatchNorm | bool:
    return BatchNorm() if declared is True else declared


def _initializer(declared: InitializerChoice | Literal["auto"], activation: str) -> InitializerChoice:
    return automatic(activation) if declared == "auto" else declared


def _training(experiment: Experiment, facts: DataFacts) -> Training:
    training, batch_size = experiment.training, _batch_size(experiment, facts)
    epochs = EPOCHS if training.epochs is None and training.steps is None else training.epochs
    threads = training.threads
    if threads == "auto":
        outputs = len(facts.classes) if experiment.architecture.output == "softmax" else 1
        sizes = (facts.n_x, *(layer.units for layer in experiment.architecture.layers), outputs)
        threads = automatic_threads(batch_size, sizes)
    return replace(training, batch_size=batch_size, epochs=epochs, threads=threads)


def _batch_size(experiment: Experiment, facts: DataFacts) -> int:
    size = experiment.training.batch_size
    return facts.m if size == "full" else min(BATCH_SIZE, facts.m) if size == "auto" else size


def automatic_threads(batch_size: int, sizes: tuple[int, ...]) -> int:
    """Two where the largest product of a step is large enough to share, else one. Never a matter of the machine."""
    largest = max(batch_size * n_in * n_out for n_in, n_out in zip(sizes, sizes[1:], strict=False))
    return 2 if largest >= LARGE_PRODUCT else 1


def _reasons(experiment: Experiment, plan: Plan) -> list[str]:
    """Why each auto settled as it did; why the task and the split did, the data room says."""
    settled, facts, reasons = plan.experiment, plan.facts, []
    if experiment.architecture.output == "auto":
        reasons.append(f"architecture.output: {settled.architecture.output}, for a {facts.task} task")
    if experiment.training.batch_size == "auto":
        reasons.append(f"training.batch_size: {plan.batch_size}, the smaller of {BATCH_SIZE} and m = {facts.m}")
    if experiment.training.threads == "auto":
        reasons.append(f"training.threads: {plan.threads}, by the sizes of the products of a step")
    return reasons
