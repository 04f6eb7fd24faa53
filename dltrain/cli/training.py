"""What `train` and `resume` share: a training in a folder that is held, watched, and answered for at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dltrain.cli.boundary import say
from dltrain.cli.durations import seconds
from dltrain.cli.options import print_json
from dltrain.cli.streams import Onlooker, tell, unread
from dltrain.errors import RunExists

if TYPE_CHECKING:
    from dltrain.experiment import Outcome
    from dltrain.origin import Origin
    from dltrain.ready import Ready
    from dltrain.runs import RunFolder
    from dltrain.saving import Interrupts

DIVERGED = 3
LOWER = "try a lower optimizer.learning_rate, optimizer.clip_norm=1, or data.normalize: standard"


@dataclass(frozen=True, slots=True)
class Said:
    """How the result is to be said."""

    quiet: bool = False
    as_json: bool = False
    command: str | None = None
    """The command that started the training, for the next ones to add to."""


def watch_signals(requeue_code: int, max_time: str | None = None) -> Any:
    """The process's signals, from here on looked at, and its time. Raises Stopped if one came already."""
    from dltrain.signals import current

    current.watch(requeue_code, None if max_time is None else seconds(max_time, "--max-time"))
    return current


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
            print_json(_diagnosis(path))
        else:
            typer.echo(path)
    if diverged:
        raise typer.Exit(DIVERGED)


def _diagnosis(path: Path) -> dict[str, Any]:
    """Without NumPy, unless the test part was looked at."""
    from dltrain import runs

    if runs.read_test(path) is None and (found := runs.find_record(path, "diagnosis.json")) is not None:
        return {"run": str(path), **found}
    from dltrain import trained

    return trained.read_diagnosis(path)


def _draw_missing_page(path: Path) -> None:
    """The page is drawn last, after the run is finished: whoever was killed in between left it to us."""
    if (path / "report.html").exists():
        return
    from dltrain import runs
    from dltrain.report.gather import page_of

    runs.add_page(path, lambda: page_of([path]).encode())


def _where(record: Mapping[str, Any]) -> dict[str, Any]:
    what = str(record.get("reason")).partition(": ")[2]  # after the place: "diverged at step 3 (epoch 1): "
    return {key: record.get(key) for key in ("epoch", "step", "layer")} | {"what": what}


def begin(
    ready: Ready, runs_dir: Path, run_id: str | None, interrupts: Interrupts, said: Said, origin: Origin | None
) -> Mapping[str, Any] | None:
    """Trains in a new folder. If another process claimed the id in the meantime, its run.json is returned."""
    from dltrain import experiment, runs

    try:
        folder = experiment.start(ready, runs_dir, run_id, origin)
    except RunExists:
        record = runs.peek(runs_dir, run_id) if run_id else None
        if record is None:
            raise
        return record
    if ready.loaded.starter is not None and not (said.quiet or said.as_json):
        tell(f"note: the config is {folder.path / 'config.yaml'}")
    with folder:
        train_in(folder, ready, interrupts, said, origin)
    return None


def take_up(
    ready: Ready,
    path: Path,
    record: Mapping[str, Any],
    interrupts: Interrupts,
    said: Said,
    allow_drift: bool,
    *,
    origin: Origin | None = None,
    resolved: bool = False,
) -> None:
    """Goes on with a run that was interrupted, or says that it is done.

    Raises RunExists if it was asked for with another config or data, InputError for a machine on which its bits
    would differ. `resolved`: `ready` is the run's own config.resolved.yaml.
    """
    from dltrain import resuming, runs

    ready = resuming.with_threads(ready, record["threads"])
    resuming.require_same(record, ready, resolved)
    if is_done(record):
        say_done(path, record, said.quiet, said.as_json)
        return
    drift = resuming.require_no_drift(record, allow_drift)
    try:
        folder = runs.reopen(path.parent, path.name)
    except runs.RunOver as over:  # another process ended it while this one waited for the lock
        say_done(path, over.record, said.quiet, said.as_json)
        return
    with folder:
        for line in drift:
            folder.event("drift", what=line)
        train_in(folder, ready, interrupts, said, origin)


def train_in(folder: RunFolder, ready: Ready, interrupts: Interrupts, said: Said, origin: Origin | None = None) -> None:
    """Trains in a held folder with a display on stderr, draws its page and prints the result."""
    outcome = _train(folder, ready, interrupts, said.quiet or said.as_json, origin)
    if outcome.diverged:
        say(f"{outcome.diverged}; {LOWER}")
    with unread():
        if said.as_json:
            print_json(_as_json(folder.path, outcome))
        elif said.quiet:
            typer.echo(folder.path)
        else:
            _show(folder.path, outcome, said.command, ready)
    if outcome.diverged:
        raise typer.Exit(DIVERGED)


def _train(folder: RunFolder, ready: Ready, interrupts: Interrupts, quiet: bool, origin: Origin | None) -> Outcome:
    from dltrain import experiment
    from dltrain.engine.fit import steps_of
    from dltrain.report.gather import page_of
    from dltrain.report.progress import progress
    from dltrain.saving import Stopped

    course, m = ready.plan.course(), ready.plan.facts.m
    for note in () if quiet else ready.notes:
        tell(f"note: {note}")
    display = progress(
        total_steps=steps_of(course, m),
        steps_per_epoch=steps_of(course, m, epochs=1),
        epochs=course.total(m)[0],
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


def _show(path: Path, outcome: Outcome, command: str | None, ready: Ready) -> None:
    """The table for people, and what to add to the command; the run's path is the last line."""
    if outcome.diagnosis:
        from dltrain.report.verdicts import print_diagnosis
        from dltrain.trained import read_metrics

        shown = {"run": str(path), **outcome.diagnosis, "metrics": read_metrics(path) or {}}
        if command is not None:
            shown["advice"] = [_for_own_config(piece, ready) for piece in shown["advice"]]
        print_diagnosis(shown, title="", command=command)
    typer.echo(path)


def _for_own_config(piece: Mapping[str, Any], ready: Ready) -> dict[str, Any]:
    """Advice without the overrides that only config.resolved.yaml needs, whose layers spell their regularizers out."""
    layers = enumerate(ready.loaded.experiment.architecture.layers)
    idle = {f"architecture.layers.{i}.regularizer=null" for i, layer in layers if layer.regularizer is None}
    return {**piece, "overrides": [override for override in piece["overrides"] if override not in idle]}
