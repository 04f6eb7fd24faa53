"""`dltrain train`"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import datafile, study, training
from dltrain.cli.options import RUNS_DIR, MaxTime, RequeueCode, spread
from dltrain.cli.streams import tell

if TYPE_CHECKING:
    from dltrain.origin import Origin
    from dltrain.ready import Ready
    from dltrain.saving import Interrupts
    from dltrain.signals import Signals


@spread
def command(
    arguments: datafile.Arguments,
    *,
    about: datafile.About,
    seeds: study.Seeds = None,
    origin: Annotated[
        str | None, typer.Option("--from", metavar="RUN[@EPOCH]", help="Start from another run's parameters.")
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try every stage on a few batches in a temporary folder; keep nothing.")
    ] = False,
    how: study.How,
    max_time: MaxTime = None,
    until_epoch: Annotated[
        int | None,
        typer.Option("--until-epoch", metavar="N", min=1, hidden=True, help="Pause after this epoch, as trials do."),
    ] = None,
    requeue_code: RequeueCode = 75,
) -> None:
    """Train the network that a config declares, or a data file without one, and diagnose it.

    Example: dltrain train configs/digits.yaml optimizer.learning_rate=0.01

    Example: dltrain train titanic.csv --target Survived
    """
    signals = training.watch_signals(requeue_code, max_time)
    given = datafile.given(arguments, about)
    record = how.record()
    if smoke:
        _try_out(given, how, signals, origin)
        return
    if record is not None and _is_over(record, given, seeds, origin):
        _say_done(record, how)
        return
    from dltrain.origin import find_origin

    source = find_origin(how.runs_dir, origin) if origin and record is None else None
    run = None if how.run_id is None else how.runs_dir / how.run_id
    ready = given.prepare(quiet=how.silent, run=run, record=record)
    signals.answer()
    if ready.plan.experiment.search is not None and not how.silent:
        tell("note: search: is for dltrain search; this trains the config as it is")
    several = study.asked(ready, seeds, origin)
    if several is not None or study.is_study(record):
        study.start_or_go_on(ready, several, record, how, signals)
        return
    from dltrain.saving import Interrupts

    interrupts = Interrupts(signals, until_epoch)
    _train(ready, record, source, how, interrupts, origin, _again(given, how.runs_dir, origin))


def _try_out(given: datafile.Given, how: study.How, signals: Signals, origin: str | None) -> None:
    from dltrain.origin import find_origin

    if origin:
        find_origin(how.runs_dir, origin)
    ready = given.prepare(quiet=how.silent)
    signals.answer()
    from dltrain.cli.smoke import try_out

    try_out(ready, how.as_json)


def _train(
    ready: Ready,
    record: Mapping[str, Any] | None,
    source: Origin | None,
    how: study.How,
    interrupts: Interrupts,
    origin: str | None,
    command: str | None,
) -> None:
    """A new run, or the one of this id, which another process may have begun a moment ago."""
    from dltrain import resuming
    from dltrain.origin import recorded_origin

    if source:
        source.require_fits(ready.plan.architecture().layout())
    said = training.Said(how.quiet, how.as_json, command)
    if record is None:
        record = training.begin(ready, how.runs_dir, how.run_id, interrupts, said, source)
    if record is not None and how.run_id is not None:
        path = how.runs_dir / how.run_id
        resuming.require_same_origin(record, origin)
        source = recorded_origin(path, record)
        training.take_up(ready, path, record, interrupts, said, how.allow_drift, origin=source)


def _is_over(record: Mapping[str, Any], given: datafile.Given, seeds: int | None, origin: str | None) -> bool:
    """Whether the same was asked for before, and is done: no data need be read."""
    if not (training.is_done(record) and study.is_repeat(record, seeds)):
        return False
    from dltrain import resuming

    if given.data is None:
        return resuming.is_repeat(record, given.configs, given.overrides, origin)
    return resuming.is_repeated_start(record, given.data.starter(), given.overrides, origin)


def _say_done(record: Mapping[str, Any], how: study.How) -> None:
    path = how.runs_dir / str(how.run_id)
    if study.is_study(record):
        study.say_done(path, record, how)
    else:
        training.say_done(path, record, how.quiet, how.as_json)


def _again(given: datafile.Given, runs_dir: Path, origin: str | None) -> str | None:
    """This command, for the next one to add to; None where it cannot be typed again."""
    if "-" in given.configs:
        return None
    where = ["--runs-dir", str(runs_dir)] if runs_dir != RUNS_DIR else []
    start = ["--from", origin] if origin else []
    return shlex.join(["dltrain", "train", *given.words, *where, *start, *given.overrides])
