"""`dltrain learning-curve`"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import datafile, study, training
from dltrain.cli.options import MaxTime, RequeueCode, spread
from dltrain.cli.streams import tell
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from dltrain.ready import Ready
    from dltrain.studies.learning_curve import LearningCurve


@spread
def command(
    arguments: datafile.Arguments,
    *,
    about: datafile.About,
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", metavar="N,N,...", help="Training examples, or shares: 100,200,50%,100%."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="K", min=1, max=1000, help="Runs at each size.")] = 3,
    how: study.How,
    max_time: MaxTime = None,
    requeue_code: RequeueCode = 75,
) -> None:
    """Measure errors against the number of training examples, and say what twice as many would buy.

    Example: dltrain learning-curve configs/digits.yaml --seeds 5
    """
    signals = training.watch_signals(requeue_code, max_time)
    given, record = datafile.given(arguments, about), how.record()
    run = None if how.run_id is None else how.runs_dir / how.run_id
    ready = given.prepare(quiet=how.silent, run=run, record=record)
    curve = _curve(ready, sizes, seeds)
    signals.answer()
    _tell_beforehand(ready, curve, how)
    study.start_or_go_on(ready, curve, record, how, signals)


def _curve(ready: Ready, sizes: str | None, seeds: int) -> LearningCurve:
    """What is to be trained. Raises InputError for sizes that cannot be."""
    from dltrain.engine.fit import steps_of
    from dltrain.studies.learning_curve import LearningCurve, default_sizes

    experiment, facts = ready.plan.experiment, ready.plan.facts
    if experiment.split.folds is not None and experiment.split.fold is None:
        message = "a learning curve is measured on one dev part; name one with split.fold, or leave this out"
        raise InputError(Problem(message, "split.folds"))
    if "dev" not in facts.parts:
        raise InputError(Problem("a learning curve is measured on dev, and there are no such rows", "split.dev"))
    classes = len(facts.classes)
    chosen = default_sizes(facts.m, classes) if sizes is None else _sizes(sizes, facts.m, max(2, classes))
    full = ready.loaded.experiment.training.batch_size == "full"
    return LearningCurve(
        sizes=chosen,
        seeds=seeds,
        first=experiment.seed,
        steps=steps_of(replace(ready.plan.program(), early_stopping=None), facts.m),
        batch_size=None if full else ready.plan.batch_size,
    )


def _sizes(text: str, m: int, least: int) -> tuple[int, ...]:
    """Counts and shares of m, ascending."""
    found: set[int] = set()
    problems = []
    for word in (part.strip() for part in text.split(",")):
        number = word.removesuffix("%")
        try:
            size = round(m * float(number) / 100) if word.endswith("%") else int(word)
        except (ValueError, OverflowError):
            problems.append(f"--sizes: {word!r} is no size; expected counts or shares, such as 100,200,50%,100%")
            continue
        if not least <= size <= m:
            there = f"there are {m} training examples, and {least} are the fewest that show every class"
            problems.append(f"--sizes: {word} is {size} examples; {there}")
        found.add(size)
    if problems:
        raise InputError(*problems)
    return tuple(sorted(found))


def _tell_beforehand(ready: Ready, curve: LearningCurve, how: study.How) -> None:
    """What the trials cannot tell, before they are trained. Fewer examples make more epochs of the same steps, and a
    rate that falls by epochs falls more often."""
    from dltrain.studies.learning_curve import FEWEST

    sizes = len(curve.sizes)
    if sizes < FEWEST and not how.silent:
        asked = f"{sizes} {'size gives a point' if sizes == 1 else 'sizes give points'}"
        tell(f"note: {asked}, but no fit of a curve: --sizes with {FEWEST} or more does")
    elif curve.seeds == 1 and not how.silent:
        tell("note: one seed gives no band around the curve: --seeds 3 or more does")
    schedule: Any = ready.plan.experiment.schedule
    if schedule.kind not in ("constant", "cosine", "plateau") and schedule.per == "epoch" and not how.silent:
        tell("note: the learning rate falls by epochs, of which smaller sizes have more; schedule.per=step is fairer")
    if ready.plan.experiment.training.early_stopping is not None and not how.silent:
        tell("note: early stopping is off: every size trains for the same number of steps")
