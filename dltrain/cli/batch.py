"""Studies as jobs of a batch system: `--emit`, `--round R --array-index I`, `--collect`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import study
from dltrain.cli.boundary import say
from dltrain.cli.options import print_json
from dltrain.cli.streams import TrialsOnlooker, tell, unread
from dltrain.errors import InputError, Problem, RunExists, RunHeld

if TYPE_CHECKING:
    from dltrain.ready import Ready
    from dltrain.signals import Signals
    from dltrain.studies.batch import NotYet, Standing
    from dltrain.studies.folder import StudyFolder
    from dltrain.studies.model import Result, Rules, Study

STDOUT = "-"
PATIENCE = 30.0
"""Seconds for another job to make the study's folder."""


class System(StrEnum):
    """Batch systems that a script can be written for."""

    slurm = "slurm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """What one process is to do for a study whose trials are jobs."""

    emit: Annotated[
        System | None, typer.Option("--emit", help="Write the script that submits it as job arrays, and train nothing.")
    ] = None
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Of --emit: the script; stdout if not given.")
    ] = None
    round: Annotated[int | None, typer.Option("--round", metavar="R", min=1, help="As a job: which round, from 1.")] = (
        None
    )
    array_index: Annotated[
        int | None, typer.Option("--array-index", metavar="I", min=0, help="Train one trial of the round, from 0.")
    ] = None
    collect: Annotated[bool, typer.Option("--collect", help="Close the round, once its trials are over.")] = False

    @property
    def asked(self) -> bool:
        """Whether it is one trial, or the end of a round."""
        return self.array_index is not None or self.collect or self.round is not None

    def check(self) -> None:
        """Raises InputError for options that do not go together."""
        if self.emit and self.asked:
            raise InputError("--emit writes the script of all rounds; leave --round, --array-index and --collect out")
        if self.output is not None and not self.emit:
            raise InputError("-o goes with --emit slurm; add it")
        if self.collect and self.array_index is not None:
            raise InputError("--collect closes a round, --array-index trains a trial of it; leave one out")
        if self.array_index is not None and self.round is None:
            raise InputError("--array-index needs --round: which round the trial is of")
        if self.asked and self.array_index is None and not self.collect:
            raise InputError("--round needs --array-index I, to train a trial of it, or --collect, to close it")


def make(ready: Ready, study_: Study, rules: Rules, how: study.How) -> None:
    """Makes the study's folder, unless it is there or another job is quicker. Raises RunExists for another study's."""
    from dltrain.studies import starting
    from dltrain.studies.batch import open_round

    record = how.record()
    if record is None:
        try:
            with starting.start(ready, study_, rules, how.runs_dir, how.run_id) as folder:
                open_round(folder, study_)
                return
        except (RunExists, RunHeld):
            record = _made_by_another(how)
    study.require_study(record)
    starting.require_same(record, ready, study_)


def _made_by_another(how: study.How) -> Mapping[str, Any]:
    """study.json, once it says which trials there are."""
    end = time.monotonic() + PATIENCE
    while True:
        record = how.record()
        if record is not None and ("batch" in record or time.monotonic() >= end):
            return record
        time.sleep(0.1)


def emit(
    ready: Ready, study_: Study, record: Mapping[str, Any] | None, rules: Rules, how: study.How, jobs: Jobs
) -> None:
    """Makes the study's folder, or takes up the one of this id, and writes the script of what is left."""
    from dltrain.studies import starting
    from dltrain.studies.slurm import script

    _require_writable(jobs.output)
    if record is not None and record["state"] == "finished":
        study.require_study(record)
        starting.require_same(record, ready, study_)
        _write(script(how.runs_dir / record["id"], _title(record["id"], record), []), jobs.output, how)
        return
    with _folder(ready, study_, record, rules, how) as folder:
        from dltrain.studies.batch import open_round

        found = open_round(folder, study_)
        text = script(folder.path, _title(folder.id, folder.record), _rounds(folder, found))
        _write(text, jobs.output, how)


def _folder(ready: Ready, study_: Study, record: Mapping[str, Any] | None, rules: Rules, how: study.How) -> StudyFolder:
    from dltrain.studies import starting

    if record is None:
        for note in () if how.silent else ready.notes:
            tell(f"note: {note}")
        return starting.start(ready, study_, rules, how.runs_dir, how.run_id)
    study.require_study(record)
    starting.require_same(record, ready, study_)
    return starting.take_up(how.runs_dir / record["id"], how.allow_drift)


def _rounds(folder: StudyFolder, found: Standing) -> list[Any]:
    """What is left: the missing ones of the open round, and all of those after it."""
    from dltrain.studies.slurm import Round

    sizes = folder.record["batch"]["sizes"]
    later = [Round(number, range(sizes[number - 1])) for number in range(found.round + 1, len(sizes) + 1)]
    return [Round(found.round, list(found.missing)), *later]


def _title(run_id: str, record: Mapping[str, Any]) -> str:
    sizes = (record.get("batch") or {}).get("sizes") or ()
    what = f": {sum(sizes)} trainings in {len(sizes)} {'rounds' if len(sizes) > 1 else 'round'}" if sizes else ""
    return f"The study {run_id} as job arrays of Slurm{what}."


def _require_writable(output: str | None) -> None:
    """Before anything is made."""
    if output in (None, STDOUT):
        return
    path = Path(str(output))
    if not path.parent.is_dir():
        raise InputError(Problem("there is no such folder to write to", where=str(path.parent)))
    if os.path.lexists(path) and not path.is_file():
        raise InputError(Problem("is there and is no file", where=str(path)))


def _write(text: str, output: str | None, how: study.How) -> None:
    if output in (None, STDOUT):
        typer.echo(text, nl=False)
        return
    from dltrain.storage import write_text

    write_text(str(output), text)
    if not how.silent:
        tell(f"note: submit it with: bash {output}")
    typer.echo(output)


def run(path: Path, record: Mapping[str, Any], how: study.How, jobs: Jobs, signals: Signals) -> None:
    """Trains a trial of a round, or closes the round."""
    from dltrain.studies.batch import NotYet

    study.require_study(record)
    try:
        if jobs.array_index is not None:
            assert jobs.round is not None
            _run_trial(path, record, how, jobs.round, jobs.array_index, signals)
        else:
            _close(path, record, how, jobs.round)
    except NotYet as not_yet:
        say(str(not_yet))
        _print_missing(not_yet, how)
        raise


def _print_missing(not_yet: NotYet, how: study.How) -> None:
    """The indices that a batch system may run again: results, so on stdout."""
    missing = not_yet.found.missing if not_yet.found is not None else {}
    round_ = not_yet.found.round if not_yet.found is not None else None
    with unread():
        if how.as_json:
            print_json({"state": "waiting", "why": str(not_yet), "round": round_, "missing": list(missing)})
        else:
            for index in missing:
                typer.echo(index)


def _run_trial(
    path: Path, record: Mapping[str, Any], how: study.How, round_: int, index: int, signals: Signals
) -> None:
    from dltrain.report.trials import trials_display
    from dltrain.signals import Stopped
    from dltrain.studies.batch import job_of, run_job

    job = job_of(record, round_, index)
    if job is None:
        if not how.silent:
            tell(f"note: trial {index} of round {round_} is over already; nothing to do")
        return
    display = trials_display(path, task=str(record["task"]), workers=1, quiet=how.silent)
    try:
        with display as shown:
            result = run_job(path, job, TrialsOnlooker(shown), signals, how.allow_drift)
    except Stopped as stopped:
        tell(f"note: {stopped}: stopped, trial {job.trial} saved")
        raise
    _say_trial(result, how)


def _say_trial(result: Result, how: study.How) -> None:
    from dltrain.studies.model import LOST

    with unread():
        if how.as_json:
            fields = {"trial": result.trial, "state": result.outcome, "objective": result.objective}
            print_json({"run": str(result.path), **fields, "cause": result.cause})
        else:
            typer.echo(result.path)
    if result.outcome in LOST:
        say(f"trial {result.trial} {result.outcome.replace('_', ' ')}: {result.cause}")
        raise typer.Exit(study.FAILED)


def _close(path: Path, record: Mapping[str, Any], how: study.How, round_: int | None) -> None:
    from dltrain.studies import starting
    from dltrain.studies.batch import close_round, require_round
    from dltrain.studies.folder import StudyOver
    from dltrain.studies.kinds import study_of

    require_round(record, 1 if round_ is None else round_)
    try:
        folder, found = close_round(path, round_)
    except StudyOver as over:
        study.say_done(path, over.record, how)
        return
    with folder:
        if found.stage is not None:
            _say_open(path, found, how)
            return
        starting.conclude(folder, study_of(folder.record["study"]), found.done)
        study.draw_page(folder)
        study.say_result(path, folder.record, how)


def _say_open(path: Path, found: Standing, how: study.How) -> None:
    trials = len(found.stage.trials) if found.stage is not None else 0
    if not how.silent:
        tell(f"note: round {found.round} is open: {trials} trials")
    with unread():
        if how.as_json:
            print_json({"run": str(path), "state": "running", "round": found.round, "trials": trials})
        else:
            typer.echo(path)
