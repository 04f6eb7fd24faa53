"""`dltrain train`"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli.boundary import say
from dltrain.cli.options import RUNS_DIR, Json, Quiet, RunsDir, print_json, split_arguments
from dltrain.cli.streams import Onlooker, tell, unread

if TYPE_CHECKING:
    from dltrain.experiment import Outcome, Ready

DIVERGED = 3
LOWER = "try a lower optimizer.learning_rate, optimizer.clip_norm=1, or data.normalize: standard"


def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="CONFIG... [KEY=VALUE ...]", help="YAML files, merged in order; - is stdin.")
    ],
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
    run_id: Annotated[str | None, typer.Option("--run-id", metavar="ID", help="The run's id.")] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try every stage on a few batches in a temporary folder; keep nothing.")
    ] = False,
) -> None:
    """Train the network that a config declares, and diagnose it.

    Example: dltrain train configs/digits.yaml optimizer.learning_rate=0.01
    """
    from dltrain import config, experiment

    configs, overrides = split_arguments(arguments)
    ready = experiment.prepare(config.load(configs, overrides))
    if smoke:
        from dltrain.cli.smoke import try_out

        try_out(ready, as_json)
        return
    path, outcome = train(ready, runs_dir, run_id, quiet or as_json)
    if outcome.diverged:
        say(f"{outcome.diverged}; {LOWER}")
    with unread():
        if as_json:
            print_json(_as_json(path, outcome))
        elif quiet:
            typer.echo(path)
        else:
            show(path, outcome, _again(configs, overrides, runs_dir))
    if outcome.diverged:
        raise typer.Exit(DIVERGED)


def train(ready: Ready, runs_dir: Path, run_id: str | None, quiet: bool) -> tuple[Path, Outcome]:
    """Trains in a new run folder, with a progress display on stderr; its report lies in the folder too."""
    from dltrain import experiment
    from dltrain.engine.fit import steps_of
    from dltrain.report.gather import page_of
    from dltrain.report.progress import progress

    program = ready.plan.program()
    m = ready.plan.facts.m
    with experiment.start(ready, runs_dir, run_id) as folder:
        for note in () if quiet else ready.notes:
            tell(f"note: {note}")
        with progress(
            total_steps=steps_of(program, m),
            steps_per_epoch=steps_of(program, m, epochs=1),
            task=ready.plan.facts.task,
            label=folder.id,
            quiet=quiet,
        ) as display:
            try:
                outcome = experiment.train(ready, folder, Onlooker(display))
            except KeyboardInterrupt:
                tell(f"note: {folder.path} keeps the epochs that were finished")
                raise
        folder.write("report.html", page_of([folder.path]).encode())
        return folder.path, outcome


def _again(configs: list[str], overrides: list[str], runs_dir: Path) -> str | None:
    """This command, for the next one to add to; None where it cannot be typed again."""
    if "-" in configs:
        return None
    where = ["--runs-dir", str(runs_dir)] if runs_dir != RUNS_DIR else []
    return shlex.join(["dltrain", "train", *configs, *where, *overrides])


def _as_json(path: Path, outcome: Outcome) -> dict[str, Any]:
    if outcome.diverged:
        found = outcome.diverged
        where = {"epoch": found.epoch, "step": found.step, "layer": found.layer, "what": found.what}
        return {"run": str(path), "state": "diverged", "diverged": where}
    return {"run": str(path), **(outcome.diagnosis or {})}


def show(path: Path, outcome: Outcome, command: str | None) -> None:
    """The table for people, and what to add to the command; the run's path is the last line."""
    if outcome.diagnosis:
        from dltrain.report.verdicts import print_diagnosis

        print_diagnosis({"run": str(path), **outcome.diagnosis}, title="", command=command)
    typer.echo(path)
