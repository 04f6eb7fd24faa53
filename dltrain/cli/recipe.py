"""`dltrain recipe`"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import study
from dltrain.cli.durations import seconds as seconds_of
from dltrain.cli.options import RequeueCode, Run, print_json, spread
from dltrain.cli.streams import tell
from dltrain.errors import InputError, Problem, RunExists

if TYPE_CHECKING:
    from dltrain.signals import Signals
    from dltrain.studies.recipe import Recipe

BUDGET, STEPS = "10m", 6


@spread
def command(
    run: Run,
    *,
    try_: Annotated[bool, typer.Option("--try", help="Train the steps at equal budget; say which helped.")] = False,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="TIME", help=f"Of --try, in all: 90s, 10m, 1h; {BUDGET}.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", min=1, max=100, help=f"Of --try: so many at most; {STEPS}.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="K", min=1, max=1000, help="Of --try: 1, or 3 and more; 1.")
    ] = None,
    bayes_error: Annotated[
        str | None, typer.Option("--bayes-error", metavar="RATE", help="State the Bayes error: 1% or 0.01.")
    ] = None,
    how: study.How,
    requeue_code: RequeueCode = 75,
) -> None:
    """Print the basic recipe for a run as steps that can be run, and with --try train them.

    Example: dltrain recipe latest

    Example: dltrain recipe latest --try --budget 10m
    """
    if not try_:
        _refuse_lone({"--budget": budget, "--steps": steps, "--seeds": seeds, "--run-id": how.run_id})
        _show(how, run, bayes_error)
        return
    from dltrain.signals import current

    asked = {"seconds": seconds_of(budget or BUDGET, "--budget"), "most": steps or STEPS, "seeds": seeds or 1}
    if asked["seeds"] == 2:
        raise InputError(Problem("expected 1, or 3 and more for a claim about the configs", "--seeds"))
    current.watch(requeue_code, asked["seconds"], "--budget")
    _try(run, asked, _bayes(bayes_error), how, current)


def _refuse_lone(options: Mapping[str, Any]) -> None:
    lone = [option for option, value in options.items() if value is not None]
    if lone:
        raise InputError(*(Problem("goes with --try", option) for option in lone))


def _bayes(text: str | None) -> float | None:
    from dltrain.diagnosis import parse_rate

    return None if text is None else parse_rate(text, "--bayes-error")


def _show(how: study.How, name: str, bayes_error: str | None) -> None:
    """The flow chart of a run, whose config and data are not read again."""
    from dltrain import runs, trained
    from dltrain.diagnosis.flowchart import flowchart
    from dltrain.studies.known_curves import known_curve

    path, stated = runs.find(how.runs_dir, name), _bayes(bayes_error)
    found = trained.read_diagnosis(path, stated)
    curve = known_curve(path)
    chart = flowchart(found, trained.plan_of(path, found), str(path), curve, trained.stating(stated))
    kept = {key: found[key] for key in ("run", "headline", "verdict")}
    record = {**kept, "path": chart, "learning_curve": curve, "try": _try_command(chart, path, stated)}
    if how.as_json:
        print_json(record)
        return
    from dltrain.report.recipe import print_commands, print_recipe

    (print_commands if how.quiet else print_recipe)(record)


def _try_command(chart: Sequence[Mapping[str, Any]], path: Path, bayes_error: float | None) -> str | None:
    """What trains the steps, if there are any that it can train."""
    from dltrain.studies.recipe_plan import OTHER_ROWS

    changes = [step["overrides"] for entry in chart for step in entry["steps"] if step["overrides"]]
    if all(any(override.startswith(OTHER_ROWS) for override in overrides) for overrides in changes):
        return None
    stated = [] if bayes_error is None else ["--bayes-error", str(bayes_error)]
    return shlex.join(["dltrain", "recipe", str(path), *stated, "--try", "--budget", BUDGET])


def _try(name: str, asked: Mapping[str, Any], bayes_error: float | None, how: study.How, signals: Signals) -> None:
    from dltrain import runs

    path = runs.find(how.runs_dir, name)
    if how.run_id is not None:
        runs.checked_id(how.run_id)
        if (record := runs.peek(how.runs_dir, how.run_id)) is not None:
            _go_on(record, path, {**asked, "bayes_error": bayes_error}, how, signals)
            return
    begin = perf_counter()
    from dltrain import trained
    from dltrain.diagnosis.advice import ranked
    from dltrain.studies.executor_local import cores
    from dltrain.studies.recipe_plan import Asked, plan_recipe

    found = trained.read_diagnosis(path, bayes_error)
    ready = trained.again(path)
    wanted = Asked(**asked, workers=how.workers or cores(), reading=perf_counter() - begin)
    recipe, left_out = plan_recipe(path, ready, ranked(found, ready.plan), wanted)
    recipe = replace(recipe, bayes_error=bayes_error)
    signals.answer()
    for line in () if how.silent else (*left_out, _said(recipe)):
        tell(f"note: {line}")
    study.start_or_go_on(ready, recipe, None, how, signals)


def _go_on(record: Mapping[str, Any], path: Path, asked: Mapping[str, Any], how: study.How, signals: Signals) -> None:
    """With the steps and the budget as they were settled when the study was started."""
    from dltrain import runs
    from dltrain.studies import starting
    from dltrain.studies.kinds import study_of
    from dltrain.studies.recipe import Recipe

    if not study.is_study(record):
        raise RunExists(f"run {record['id']} exists and is a single run; choose another --run-id")
    settled = study_of(record["study"])
    if not isinstance(settled, Recipe):
        raise RunExists(f"study {record['id']} exists and is of another kind; choose another --run-id")
    starting.require_same(record, None, replace(settled, run=runs.home_of(path)[1], **asked))
    study.go_on(how.runs_dir / record["id"], record, how, signals)


def _said(recipe: Recipe) -> str:
    """What the seconds were converted to."""
    from dltrain.report.recipe import cost

    trials = (len(recipe.steps) + recipe.as_it_was) * recipe.seeds
    return f"{trials} trials for run {recipe.run}, each for {cost(recipe.budget)} at most"
