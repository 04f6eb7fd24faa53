"""`dltrain train`"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dltrain.cli import datafile, executors, study, training
from dltrain.cli.options import (
    RUNS_DIR,
    AllowDrift,
    Json,
    MaxTime,
    Quiet,
    RequeueCode,
    RunsDir,
    split_arguments,
)


def command(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG...|DATAFILE [KEY=VALUE ...]",
            help="YAML files, merged in order; - is stdin. Or a data file with --target: no config needed.",
        ),
    ],
    target: datafile.Target = None,
    test: datafile.TestFile = None,
    columns: datafile.Columns = None,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", metavar="ID", help="Start this run, go on with it, or see that it is finished."),
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--from", metavar="RUN[@EPOCH]", help="Start from another run's parameters.")
    ] = None,
    seeds: study.Seeds = None,
    workers: study.Workers = None,
    executor: executors.Executor = executors.Kind.local,
    scheduler: executors.Scheduler = None,
    trial_timeout: study.TrialTimeout = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try every stage on a few batches in a temporary folder; keep nothing.")
    ] = False,
    max_time: MaxTime = None,
    allow_drift: AllowDrift = False,
    requeue_code: RequeueCode = 75,
) -> None:
    """Train the network that a config declares, or a data file without one, and diagnose it.

    Example: dltrain train configs/digits.yaml optimizer.learning_rate=0.01

    Example: dltrain train titanic.csv --target Survived
    """
    signals = training.watch_signals(requeue_code, max_time)
    from dltrain import runs

    configs, overrides = split_arguments(arguments)
    data = datafile.asked(configs, target, test, columns)
    if run_id is not None:
        runs.checked_id(run_id)
    record: Mapping[str, Any] | None = None if run_id is None or smoke else runs.peek(runs_dir, run_id)
    how = study.How(
        runs_dir=runs_dir,
        run_id=run_id,
        quiet=quiet,
        as_json=as_json,
        workers=workers,
        executor=executor,
        scheduler=scheduler,
        trial_timeout=trial_timeout,
        allow_drift=allow_drift,
    )
    over = record is not None and training.is_done(record) and study.is_repeat(record, seeds)
    if record is not None and over and _is_repeat(record, data, configs, overrides, origin):
        _say_done(record, how)
        return
    from dltrain import config, resuming
    from dltrain.cli.preparing import prepare
    from dltrain.origin import find_origin, recorded_origin
    from dltrain.saving import Interrupts

    source = find_origin(runs_dir, origin) if origin and record is None else None
    ready = (
        prepare(config.load(configs, overrides), quiet or as_json)
        if data is None
        else datafile.prepare(data, overrides, runs_dir, run_id, record, show=not quiet and not as_json)
    )
    signals.answer()
    if smoke:
        from dltrain.cli.smoke import try_out

        try_out(ready, as_json)
        return
    several = study.asked(ready, seeds, origin)
    if several is not None or study.is_study(record):
        study.start_or_go_on(ready, several, record, how, signals)
        return
    if source:
        source.require_fits(ready.plan.architecture().layout())
    said = training.Said(quiet, as_json, _again(data.words if data else configs, overrides, runs_dir, origin))
    if record is None:
        record = training.begin(ready, runs_dir, run_id, Interrupts(signals), said, source)
    if record is not None and run_id is not None:
        path = runs_dir / run_id
        resuming.require_same_origin(record, origin)
        source = recorded_origin(path, record)
        training.take_up(ready, path, record, Interrupts(signals), said, allow_drift, origin=source)


def _say_done(record: Mapping[str, Any], how: study.How) -> None:
    path = how.runs_dir / str(how.run_id)
    if study.is_study(record):
        study.say_done(path, record, how)
    else:
        training.say_done(path, record, how.quiet, how.as_json)


def _is_repeat(
    record: Mapping[str, Any], data: datafile.Asked | None, configs: list[str], overrides: list[str], origin: str | None
) -> bool:
    from dltrain import resuming

    if data is None:
        return resuming.is_repeat(record, configs, overrides, origin)
    return resuming.is_repeated_start(record, data.starter(), overrides, origin)


def _again(configs: list[str], overrides: list[str], runs_dir: Path, origin: str | None) -> str | None:
    """This command, for the next one to add to; None where it cannot be typed again."""
    if "-" in configs:
        return None
    where = ["--runs-dir", str(runs_dir)] if runs_dir != RUNS_DIR else []
    start = ["--from", origin] if origin else []
    return shlex.join(["dltrain", "train", *configs, *where, *start, *overrides])
