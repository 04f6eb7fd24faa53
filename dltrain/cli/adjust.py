"""`dltrain adjust`"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dltrain.cli.options import RUNS_DIR, Json, RunsDir, print_json, split_arguments

PATIENCE = 10.0
"""Seconds that somebody at a terminal waits for the run to take it up."""
LOOK_SECONDS = 0.1
ALIVE = ("live", "elsewhere")
ANOTHER = "dltrain train {path}/config.resolved.yaml KEY=VALUE starts another"
WHAT_NOW = {
    "interrupted": "dltrain resume {name} goes on with it, and then it can be adjusted",
    "failed": "dltrain resume {name} goes on with it, and then it can be adjusted",
    "finished": ANOTHER,
    "diverged": ANOTHER,
}


def command(
    arguments: Annotated[
        list[str], typer.Argument(metavar="RUN [KEY=VALUE ...]", help="A live run, and what is to hold from now on.")
    ],
    stop: Annotated[bool, typer.Option("--stop", help="End it, finished, with the epoch in progress.")] = False,
    checkpoint: Annotated[bool, typer.Option("--checkpoint", help="Save its state now.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take back what the run has not taken up yet.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until the run has taken it up; a terminal waits some seconds anyway.")
    ] = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Change a live run from its next epoch on: learning rate, schedule, lambd, keep_prob, batch size, epochs.

    Example: dltrain adjust latest optimizer.learning_rate=0.0003
    """
    from dltrain import config, runs
    from dltrain.errors import InputError

    if cancel and (stop or checkpoint or split_arguments(arguments)[1]):
        raise InputError("--cancel takes back what was asked for; leave the rest out")
    path = _run(runs_dir, arguments)
    if cancel:
        gone = runs.withdraw(path)
        _say({"run": str(path), "withdrawn": gone}, f"{len(gone)} taken back", as_json)
        return
    changes = config.changes_of(split_arguments(arguments)[1])
    _require_something(changes, stop, checkpoint)
    life = _require_live(path)
    if changes:
        _require_fits(path, changes)
    since = runs.end_of_events(path)
    asked = [runs.ask(path, changes, stop=stop)] if changes or stop else []
    asked += [runs.ask(path, {}, checkpoint=True)] if checkpoint else []
    patience = None if wait else PATIENCE if sys.stdout.isatty() else 0.0
    for name in asked:
        _answer(path, name, _await(path, name, since, patience), life, as_json)


def _run(runs_dir: Path, arguments: list[str]) -> Path:
    """The single run that is meant. Raises InputError for a study and for a run inside one."""
    from dltrain import runs
    from dltrain.errors import InputError

    names = split_arguments(arguments)[0]
    if len(names) != 1:
        said = ", ".join(names) or "no run"
        raise InputError(f"{said}: expected one RUN, and KEY=VALUE like optimizer.learning_rate=0.0003")
    path = runs.find_either(runs_dir, names[0])
    inside = "/" in runs.home_of(path)[1]
    if inside or runs.is_study(path):
        what = f"a trial of the study {path.parents[1].name}" if inside else "a study"
        raise InputError(f"{path.name} is {what}: its trials are compared by their configs, and none is adjusted")
    return path


def _require_something(changes: Mapping[str, Any], stop: bool, checkpoint: bool) -> None:
    from dltrain.errors import InputError

    if not (changes or stop or checkpoint):
        raise InputError("nothing to adjust; expected KEY=VALUE like optimizer.learning_rate=0.0003, or --stop")
    if changes and stop:
        raise InputError(f"--stop ends the run with this epoch, so {next(iter(changes))} would never hold; leave one")


def _require_live(path: Path) -> str:
    from dltrain import runs
    from dltrain.errors import InputError

    life = runs.life_of(path)
    if life not in ALIVE:
        hint = WHAT_NOW.get(life, ANOTHER).format(name=path.name, path=path)
        raise InputError(f"run {path.name} is {life}, not live: {hint}")
    return life


def _require_fits(path: Path, changes: Mapping[str, Any]) -> None:
    """Raises InputError for what the run would refuse, as far as its config tells."""
    from dltrain import config, runs
    from dltrain.config.adjusting import experiment_at
    from dltrain.config.records import DataFacts
    from dltrain.errors import InputError, Problem

    replay = path / "config.replay.yaml"
    experiment = config.load([replay if replay.is_file() else path / "config.resolved.yaml"]).experiment
    train, dev = experiment.split.train, experiment.split.dev
    facts = DataFacts(
        m=train if isinstance(train, int) else 2**62,
        n_x=1,
        classes=(),
        task="regression",
        parts={"dev": dev if isinstance(dev, int) else 1},
    )
    epoch = (runs.last_metrics(path) or {}).get("epoch", 0) + 2  # after the one in progress
    adjustment = config.Adjustment(epoch=epoch, set=dict(changes))
    try:
        config.settled_change(experiment_at(experiment, epoch), adjustment, facts)
    except InputError as error:
        raise InputError(*(Problem(p.message, p.key, "command line") for p in error.problems)) from None


def _await(path: Path, name: str, since: int, patience: float | None) -> dict[str, Any] | None:
    """The event that answers a request, or None if the run did not in the time, or ended without."""
    from dltrain import runs

    end = None if patience is None else time.monotonic() + patience
    while True:
        over = runs.life_of(path) not in ALIVE  # looked at first: an answer may come before the end
        if (found := runs.answers(path, since).get(name)) is not None:
            return found
        if over or (end is not None and time.monotonic() >= end):
            return None
        time.sleep(LOOK_SECONDS)


def _answer(path: Path, name: str, event: dict[str, Any] | None, life: str, as_json: bool) -> None:
    """Says what came of a request. Raises InputError if the run refused it, or ended before it took it up."""
    from dltrain import runs
    from dltrain.errors import InputError

    if event is not None and "why" in event:
        raise InputError(f"run {path.name} did not take it up: {event['why']}")
    now = life if event is not None else runs.life_of(path)
    if now in ("finished", "diverged"):
        runs.withdraw(path, name)
        raise InputError(f"run {path.name} has {now} without taking it up")
    found = {key: value for key, value in (event or {}).items() if key not in ("time", "request")}
    _say({"run": str(path), "request": name, "taken": event is not None, **found}, _words(path, event, now), as_json)


def _words(path: Path, event: Mapping[str, Any] | None, life: str) -> str:
    from dltrain import runs

    if event is None and life not in ALIVE:
        return f"left for {path.name}, which is {life}: dltrain resume {path.name} takes it up"
    if event is None:
        far = "; it runs on another host, and cannot be seen from here" if life == "elsewhere" else ""
        return f"left for {path.name}, which takes it up when its epoch ends{far}"
    if event["kind"] == "checkpoint":
        return f"saved at step {event['step']}"
    if event.get("stop"):
        return f"ends with epoch {event['epoch'] - 1}"
    rate = event.get("learning_rate")
    asked = event["set"].get("optimizer.learning_rate", rate)
    scheduled = f" (the schedule makes it {rate:.4g})" if rate is not None and rate != asked else ""
    return f"from epoch {event['epoch']}: {runs.words_of(event['set'])}{scheduled}"


def _say(record: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        typer.echo(words)
