"""`dltrain resume`"""

from __future__ import annotations

from dltrain.cli import executors, study, training
from dltrain.cli.options import RUNS_DIR, AllowDrift, Json, MaxTime, Quiet, RequeueCode, Run, RunsDir


def command(
    run: Run,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
    workers: study.Workers = None,
    executor: executors.Executor = executors.Kind.local,
    scheduler: executors.Scheduler = None,
    max_time: MaxTime = None,
    allow_drift: AllowDrift = False,
    requeue_code: RequeueCode = 75,
) -> None:
    """Go on with an interrupted run or study, to the very bytes of one that was never stopped.

    Example: dltrain resume latest
    """
    signals = training.watch_signals(requeue_code, max_time)
    from dltrain import runs

    path = runs.find_either(runs_dir, run)
    if runs.is_study(path):
        how = study.How(
            runs_dir=path.parent,
            quiet=quiet,
            as_json=as_json,
            workers=workers,
            executor=executor,
            scheduler=scheduler,
            allow_drift=allow_drift,
        )
        study.go_on(path, runs.read_study(path), how, signals)
        return
    record = runs.read_run(path)
    if training.is_done(record):
        training.say_done(path, record, quiet, as_json)
        return
    from dltrain import config
    from dltrain.cli.preparing import prepare
    from dltrain.origin import recorded_origin
    from dltrain.saving import Interrupts

    ready = prepare(config.load([path / "config.resolved.yaml"]), quiet or as_json)
    said = training.Said(quiet, as_json)
    origin = recorded_origin(path, record)
    training.take_up(ready, path, record, Interrupts(signals), said, allow_drift, origin=origin, resolved=True)
