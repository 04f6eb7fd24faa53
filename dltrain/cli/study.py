"""What commands share that make studies: `train --seeds`, `train` with folds, `learning-curve`, `resume` of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import executors
from dltrain.cli.boundary import say
from dltrain.cli.durations import seconds as seconds_of
from dltrain.cli.options import RUNS_DIR, AllowDrift, Json, Quiet, RunId, RunsDir, print_json
from dltrain.cli.streams import TrialsOnlooker, tell, unread
from dltrain.errors import ClusterGone, InputError, RunExists

if TYPE_CHECKING:
    from dltrain.cli.executors import Opening
    from dltrain.ready import Ready
    from dltrain.signals import Signals
    from dltrain.studies.folder import StudyFolder
    from dltrain.studies.model import Rules, Study

FAILED, DIVERGED = 5, 3
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", metavar="K", min=2, max=1000, help="A study: the same with seeds seed, seed+1, ..."),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=1024, help="Trials of a study at once; default: the cores."),
]
TrialTimeout = Annotated[
    str | None,
    typer.Option("--trial-timeout", metavar="TIME", help="Of a study: end a trial's attempt after 10m, 1h, ..."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """Where and how a run or a study is trained, and its result said: the options that such commands share."""

    workers: Workers = None
    executor: executors.Executor = executors.Kind.local
    scheduler: executors.Scheduler = None
    trial_timeout: TrialTimeout = None
    quiet: Quiet = False
    as_json: Json = False
    runs_dir: RunsDir = RUNS_DIR
    run_id: RunId = None
    allow_drift: AllowDrift = False

    @property
    def silent(self) -> bool:
        return self.quiet or self.as_json

    def record(self) -> Mapping[str, Any] | None:
        """run.json or study.json of the id, None where there is none yet. Raises InputError for what is no id."""
        if self.run_id is None:
            return None
        from dltrain import runs

        return runs.peek(self.runs_dir, runs.checked_id(self.run_id))


def is_study(record: Mapping[str, Any] | None) -> bool:
    """Whether a record found under an id is study.json."""
    return record is not None and "study" in record


def is_repeat(record: Mapping[str, Any], seeds: int | None) -> bool:
    """Whether a request that is otherwise the same asks for the same kind of study, or for none as before."""
    study = record.get("study") or {}
    if not study:
        return seeds is None
    if seeds is None:
        return study.get("kind") == "folds"
    return study.get("kind") == "seeds" and study.get("seeds") == seeds


def asked(ready: Ready, seeds: int | None, origin: str | None) -> Study | None:
    """The study that `train` is to be, or None for a single run."""
    split = ready.plan.experiment.split
    folds = split.folds if split.fold is None else None
    if seeds is None and folds is None:
        return None
    if seeds is not None and folds is not None:
        raise InputError("--seeds does not go with split.folds: a study varies the one or the other")
    if origin is not None:
        raise InputError("--from starts a single run, not a study of several; leave one out")
    from dltrain.studies.folds import Folds
    from dltrain.studies.seeds import Seeds as SeedsStudy

    seed = ready.plan.experiment.seed
    return SeedsStudy(seeds=seeds, first=seed) if seeds is not None else Folds(folds=folds or 0, seed=seed)


def start_or_go_on(
    ready: Ready,
    study: Study | None,
    record: Mapping[str, Any] | None,
    how: How,
    signals: Signals,
    rules: Rules | None = None,
) -> None:
    """A new study, or the one of this id. Raises RunExists where the id is that of something else."""
    from dltrain.studies import starting

    if record is None and study is not None:
        for note in () if how.silent else ready.notes:
            tell(f"note: {note}")
        open_executor = _opening(how)
        with starting.start(ready, study, rules or _rules(how), how.runs_dir, how.run_id) as folder:
            _conduct(folder, open_executor, how, signals)
        return
    assert record is not None
    if study is None:
        raise RunExists(f"run {record['id']} exists and is a study; choose another --run-id")
    require_study(record)
    starting.require_same(record, ready, study)
    go_on(how.runs_dir / record["id"], record, how, signals)


def require_study(record: Mapping[str, Any]) -> None:
    """Raises RunExists for a single run's record."""
    if not is_study(record):
        raise RunExists(f"run {record['id']} exists and is a single run; choose another --run-id")


def go_on(path: Path, record: Mapping[str, Any], how: How, signals: Signals) -> None:
    """Goes on with an interrupted study, or says again what a finished one said."""
    from dltrain.studies import starting
    from dltrain.studies.folder import StudyOver

    if record["state"] == "finished":
        say_done(path, record, how)
        return
    open_executor = _opening(how)
    try:
        folder = starting.take_up(path, how.allow_drift)
    except StudyOver as over:  # another process ended it while this one waited for the lock
        say_done(path, over.record, how)
        return
    with folder:
        _conduct(folder, open_executor, how, signals)


def _opening(how: How) -> Opening:
    return executors.opening(how.executor, how.scheduler, how.workers, how.allow_drift)


def _rules(how: How) -> Rules:
    from dltrain.studies.model import Rules

    return Rules(trial_timeout=None if how.trial_timeout is None else seconds_of(how.trial_timeout, "--trial-timeout"))


def _conduct(folder: StudyFolder, open_executor: Opening, how: How, signals: Signals) -> None:
    from dltrain.report.trials import trials_display
    from dltrain.signals import Stopped
    from dltrain.studies import starting

    executor = open_executor(folder)
    display = trials_display(
        folder.path,
        task=folder.record["task"],
        workers=executor.workers,
        quiet=how.silent,
        record=folder.record,
    )
    try:
        with display as shown:
            starting.conduct(folder, executor, TrialsOnlooker(shown), signals, how.allow_drift)
    except Stopped as stopped:
        tell(f"note: {stopped}: stopped, every trial saved; dltrain resume {folder.path} goes on")
        raise
    except ClusterGone:
        tell(f"note: stopped; what every trial saved is kept, and dltrain resume {folder.path} goes on")
        raise
    draw_page(folder)
    say_result(folder.path, folder.record, how)


def draw_page(folder: StudyFolder) -> None:
    """Writes a finished study's report.html."""
    from dltrain.report.study_page import study_page

    folder.write("report.html", study_page(folder.path).encode())


def say_done(path: Path, record: Mapping[str, Any], how: How) -> None:
    """What a study that was finished before says again, and its exit code."""
    from dltrain.studies.folder import add_page

    def draw() -> bytes:
        from dltrain.report.study_page import study_page

        return study_page(path).encode()

    if not (path / "report.html").exists():
        add_page(path, draw)
    if not how.silent:
        tell(f"note: {path.name} is finished already; nothing to do")
    say_result(path, record, how)


def say_result(path: Path, record: Mapping[str, Any], how: How) -> None:
    """What came of a finished study. Leaves with 5 where trials were lost, with 3 where all diverged."""
    summary = record.get("summary") or {}
    rows = [*(summary.get("trials") or ()), *((summary.get("winner") or {}).get("trials") or ())]
    lost = [row for row in rows if row["state"] in ("crashed", "timed_out")]
    for row in lost:
        say(f"trial {row['trial']} {row['state'].replace('_', ' ')}: {row.get('cause')}")
    with unread():
        if how.as_json:
            print_json({"run": str(path), "state": record["state"], "study": record["study"], **summary})
        elif how.quiet:
            typer.echo(path)
        else:
            from dltrain.report.study_tables import print_study

            print_study(record, path=str(path))
            typer.echo(path)
    if lost:
        raise typer.Exit(FAILED)
    if not any(row["state"] == "finished" for row in rows):
        say("every trial diverged; try a lower optimizer.learning_rate")
        raise typer.Exit(DIVERGED)
