"""`dltrain search`"""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli import study, training
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
        typer.Argument(metavar="CONFIG... [KEY=VALUE ...]", help="YAML files, merged in order; - is stdin."),
    ],
    workers: study.Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", metavar="ID", help="Start this search, go on with it, or see that it is finished."),
    ] = None,
    max_time: MaxTime = None,
    allow_drift: AllowDrift = False,
    requeue_code: RequeueCode = 75,
) -> None:
    """Search for better hyperparameters: train many configs of the space that a config declares, many at once.

    Example: dltrain search configs/search.yaml search.trials=30
    """
    signals = training.watch_signals(requeue_code, max_time)
    from dltrain import config, runs
    from dltrain.cli.preparing import prepare

    configs, overrides = split_arguments(arguments)
    if run_id is not None:
        runs.checked_id(run_id)
    record = None if run_id is None else runs.peek(runs_dir, run_id)
    how = study.How(
        runs_dir=runs_dir,
        run_id=run_id,
        quiet=quiet,
        as_json=as_json,
        workers=workers,
        allow_drift=allow_drift,
    )
    from dltrain.studies.search_plan import plan_search

    ready = prepare(config.load(configs, overrides), quiet or as_json)
    search, rules = plan_search(ready)
    signals.answer()
    study.start_or_go_on(ready, search, record, how, signals, rules)
