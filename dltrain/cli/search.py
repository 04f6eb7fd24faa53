"""`dltrain search`"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import batch, planning, rechecking, study, training
from dltrain.cli.durations import seconds
from dltrain.cli.options import MaxTime, RequeueCode, split_arguments, spread
from dltrain.cli.streams import tell
from dltrain.errors import InputError

if TYPE_CHECKING:
    from dltrain.ready import Ready
    from dltrain.studies.search_plan import SearchPlan


@spread
def command(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="CONFIG... [KEY=VALUE ...]", help="YAML files, merged in order; - is stdin."),
    ] = None,
    *,
    how: study.How,
    jobs: batch.Jobs,
    plan: planning.Planning,
    again: rechecking.Rechecking,
    max_time: MaxTime = None,
    requeue_code: RequeueCode = 75,
) -> None:
    """Search for better hyperparameters: train many configs of the space that a config declares, many at once.

    Example: dltrain search configs/search.yaml search.trials=30
    """
    signals = training.watch_signals(requeue_code, max_time)
    jobs.check()
    budget = plan.seconds()
    if again.recheck is not None:
        if jobs.asked or jobs.emit or budget is not None:
            raise InputError("--recheck is a study of its own; leave the other options out")
        rechecking.run(again.recheck, arguments or [], how, signals)
        return
    record = None if budget is not None else how.record()
    if jobs.asked:
        _run_job(arguments or [], how, jobs, signals)
        return
    if record is not None and not jobs.emit and _is_over(record, arguments or []):
        study.say_done(how.runs_dir / record["id"], record, how)
        return
    ready, found = _planned(arguments or [], how)
    signals.answer()
    if budget is not None:
        planning.say(ready, found.search, how, budget, arguments or [])
    elif jobs.emit:
        batch.emit(ready, found.search, record, found.rules, how, jobs)
    else:
        study.start_or_go_on(ready, found.search, record, how, signals, found.rules)


def _is_over(record: Mapping[str, Any], arguments: list[str]) -> bool:
    """Whether the same was asked for before, and is done: no data need be read."""
    if record["state"] != "finished" or (record.get("study") or {}).get("kind") != "search":
        return False
    from dltrain import resuming

    return resuming.is_repeat(record, *split_arguments(arguments))


def _planned(arguments: list[str], how: study.How) -> tuple[Ready, SearchPlan]:
    from dltrain import config
    from dltrain.cli.preparing import prepare
    from dltrain.studies.search_plan import plan_search

    configs, overrides = split_arguments(arguments)
    if not configs:
        raise InputError("give a CONFIG with a search section, like configs/search.yaml")
    ready = prepare(config.load(configs, overrides), how.silent)
    plan = plan_search(ready)
    if how.trial_timeout is not None:
        rules = replace(plan.rules, trial_timeout=seconds(how.trial_timeout, "--trial-timeout"))
        plan = replace(plan, rules=rules)
    for note in () if how.silent else plan.notes:
        tell(f"note: {note}")
    return ready, plan


def _run_job(arguments: list[str], how: study.How, jobs: batch.Jobs, signals: Any) -> None:
    """The study's folder says all; a CONFIG is compared with it, or makes it where it is not there yet."""
    if how.run_id is None:
        raise InputError("--round and --collect need --run-id: which search it is")
    if arguments:
        ready, plan = _planned(arguments, how)
        batch.make(ready, plan.search, plan.rules, how)
    record = how.record()
    if record is None:
        raise InputError(f"there is no search {how.run_id} in {how.runs_dir}; give its CONFIG, which makes it")
    signals.answer()
    batch.run(how.runs_dir / how.run_id, record, how, jobs, signals)
