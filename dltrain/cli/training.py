"""What `train` and `resume` share: a training in a folder that is held, watched, and answered for at its end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dltrain.cli.boundary import say
from dltrain.cli.durations import seconds
from dltrain.cli.options import print_json
from dltrain.cli.streams import Onlooker, tell, unread

if TYPE_CHECKING:
    from dltrain.experiment import Outcome
    from dltrain.origin import Origin
    from dltrain.ready import Ready
    from dltrain.runs import RunFolder
    from dltrain.saving import Interrupts

DIVERGED = 3
LOWER = "try a lower optimizer.learning_rate, optimizer.clip_norm=1, or data.normalize: standard"


def watch_signals(requeue_code: int) -> Any:
    """Installs the handlers: first of all, before anything slow is loaded."""
    from dltrain.signals import Signals

    signals = Signals(requeue_code)
    signals.install()
    return signals


def interrupts(signals: Any, max_time: str | None) -> Interrupts:
    """Signals, and the time that the process was given."""
    limit = None if max_time is None else seconds(max_time, "--max-time")
    from dltrain.saving import Interrupts

    return Interrupts(signals, limit)


def is_done(record: Mapping[str, Any] | None) -> bool:
    """Whether there is nothing left to do for a run."""
    return record is not None and record["state"] in ("finished", "diverged")


def say_done(path: Path, record: Mapping[str, Any], quiet: bool, as_json: bool) -> None:
    """What a run that was finished before says again; a diverged one leaves with its code again."""
    diverged = record["state"] == "diverged"
    _draw_missing_page(path)
    if not quiet and not as_json:
        tell(f"note: {path.name} is {record['state']} already; nothing to do")
    if diverged:
        say(f"{record.get('reason', 'diverged')}; {LOWER}")
    with unread():
        if as_json and diverged:
            print_json({"run": str(path), "state": "diverged", "diverged": _where(record)})
        elif as_json:
            from dltrain import trained

            print_json(trained.read_diagnosis(path))
        else:
            typer.echo(path)
    if diverged:
        raise typer.Exit(DIVERGED)


def _draw_missing_page(path: Path) -> None:
    """The page is drawn last, after the run is finished: whoever was killed in between left it to us."""
    if (path / "report.html").exists():
        return
    from dltrain import runs
    from dltrain.report.gather import page_of

    runs.add_page(path, lambda: page_of([path]).encode())


def _where(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record.get(key) for key in ("epoch", "step", "layer")} | {"what": record.get("reason")}


def go_on(
    ready: Ready,
    path: Path,
    record: Mapping[str, Any],
    interrupts: Interrupts,
    *,
    allow_drift: bool,
    quiet: bool,
    as_json: bool,
    command: str | None = None,
    origin: Origin | None = None,
) -> None:
    """Goes on with a run that was interrupted. Raises InputError for a machine on which its bits would differ."""
    from dltrain import resuming, runs

    drift = resuming.require_no_drift(record, allow_drift)
    try:
        folder = runs.reopen(path.parent, path.name)
    except runs.RunOver as over:  # another process ended it while this one waited for the lock
        say_done(path, over.record, quiet, as_json)
        return
    with folder:
        for line in drift:
            folder.event("drift", what=line)
        train_in(folder, ready, interrupts, quiet=quiet, as_json=as_json, command=command, origin=origin)


def train_in(
    folder: RunFolder,
    ready: Ready,
    interrupts: Interrupts,
    *,
    quiet: bool,
    as_json: bool,
    command: str | None,
    origin: Origin | None = None,
) -> None:
    """Trains in a held folder with a display on stderr, draws its page and prints the result."""
    outcome = _train(folder, ready, interrupts, quiet or as_json, origin)
    if outcome.diverged:
        say(f"{outcome.diverged}; {LOWER}")
    with unread():
        if as_json:
            print_json(_as_json(folder.path, outcome))
        elif quiet:
            typer.echo(folder.path)
        else:
            _show(folder.path, outcome, command)
    if outcome.diverged:
        raise typer.Exit(DIVERGED)


def _train(folder: RunFolder, ready: Ready, interrupts: Interrupts, quiet: bool, origin: Origin | None) -> Outcome:
    from dltrain import experiment
    from dltrain.engine.fit import steps_of
    from dltrain.report.gather import page_of
    from dltrain.report.progress import progress
    from dltrain.saving import Stopped

    program, m = ready.plan.program(), ready.plan.facts.m
    for note in () if quiet else ready.notes:
        tell(f"note: {note}")
    display = progress(
        total_steps=steps_of(program, m),
        steps_per_epoch=steps_of(program, m, epochs=1),
        task=ready.plan.facts.task,
        label=folder.id,
        quiet=quiet,
    )
    try:
        with display as shown:
            outcome = experiment.train(ready, folder, Onlooker(shown), interrupts, origin)
    except Stopped as stopped:
        tell(f"note: {stopped}: stopped after a checkpoint; dltrain resume {folder.path} goes on")
        raise
    folder.write("report.html", page_of([folder.path]).encode())
    return outcome


def _as_json(path: Path, outcome: Outcome) -> dict[str, Any]:
    if outcome.diverged:
        found = outcome.diverged
        where = {"epoch": found.epoch, "step": found.step, "layer": found.layer, "what": found.what}
        return {"run": str(path), "state": "diverged", "diverged": where}
    return {"run": str(path), **(outcome.diagnosis or {})}


def _show(path: Path, outcome: Outcome, command: str | None) -> None:
    """The table for people, and what to add to the command; the run's path is the last line."""
    if outcome.diagnosis:
        from dltrain.report.verdicts import print_diagnosis

        print_diagnosis({"run": str(path), **outcome.diagnosis}, title="", command=command)
    typer.echo(path)
