"""Listing the runs of a folder and finding one by what a person types. Reads small files, loads no NumPy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dltrain.errors import InputError, did_you_mean
from dltrain.runs.folder import timestamp
from dltrain.runs.records import (
    DIAGNOSIS,
    LOCK,
    METRICS,
    RUN,
    STUDY,
    TEST,
    TRIALS,
    find_record,
    is_study,
    last_metrics,
    read_run,
    read_study,
)
from dltrain.runs.settings import settings_of
from dltrain.storage import plainly, shown

PathLike = str | os.PathLike[str]
_PARTS = ("train", "train_dev", "dev")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of a list of runs."""

    id: str
    path: Path
    state: str
    """created, running, interrupted, finished, diverged or failed; `damaged` when run.json cannot be read."""
    created: str
    """UTC, ISO 8601; of a damaged run the folder's last change."""
    task: str | None
    errors: Mapping[str, float]
    """The error of each part that was measured: train, train_dev, dev, and test once asked for."""
    headline: str | None
    epochs: int | None
    kind: str = "run"
    """run, or study: several runs, which are no lines of their own."""
    settings: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The settled config; None where none was kept."""


def list_runs(runs_dir: PathLike) -> list[RunSummary]:
    """Every run and study of the folder, newest first; a broken one is listed as `damaged`. No folder, no runs.

    Raises InputError or StorageError when the folder cannot be read.
    """
    summaries = [summary for name in _names(runs_dir) if (summary := _summary(os.path.join(runs_dir, name)))]
    return sorted(summaries, key=lambda summary: (summary.created, summary.id), reverse=True)


def _names(runs_dir: PathLike) -> list[str]:
    """The names of the folders that may be runs."""
    with plainly("read", runs_dir):
        try:
            with os.scandir(runs_dir) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
        except FileNotFoundError:
            return []


def _summary(folder: str) -> RunSummary | None:
    """The run's line; None for a folder that is no run."""
    try:
        if is_study(folder):
            return _summary_of_study(folder)
        run = read_run(folder)
        diagnosis = find_record(folder, DIAGNOSIS) or {}
        test = find_record(folder, TEST) or {}
    except InputError:
        return _damaged(folder) if like_a_run(folder) else None
    errors = _errors(diagnosis, test)
    return RunSummary(
        id=os.path.basename(folder),
        path=Path(folder),
        state=run["state"],
        created=run["created"],
        task=_text(run.get("task")),
        errors=errors,
        headline=_text(diagnosis.get("headline")),
        epochs=_epochs(folder, run),
        settings=settings_of(run),
    )


def _summary_of_study(folder: str) -> RunSummary:
    study = read_study(folder)
    summary = study.get("summary") or {}
    return RunSummary(
        id=os.path.basename(folder),
        path=Path(folder),
        state=study["state"],
        created=study["created"],
        task=_text(study.get("task")),
        errors=_errors(summary, {}),
        headline=_text(summary.get("headline")),
        epochs=None,
        kind="study",
    )


def _errors(diagnosis: dict[str, Any], test: dict[str, Any]) -> dict[str, float]:
    measured = diagnosis.get("errors")
    entries = {part: measured.get(part) for part in _PARTS} if isinstance(measured, dict) else {}
    entries["test"] = test.get("error")
    values = {part: entry.get("value") for part, entry in entries.items() if isinstance(entry, dict)}
    return {part: float(value) for part, value in values.items() if isinstance(value, int | float)}


def _epochs(folder: str, run: dict[str, Any]) -> int | None:
    """As run.json says, else as the last line of metrics.jsonl does."""
    record = run if isinstance(run.get("epochs"), int) else last_metrics(folder) or {}
    value = record.get("epochs", record.get("epoch"))
    return value if isinstance(value, int) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def like_a_run(folder: str) -> bool:
    """Whether the folder is a run's, be it a damaged one."""
    return any(os.path.lexists(os.path.join(folder, name)) for name in (RUN, STUDY, LOCK, METRICS))


def _damaged(folder: str) -> RunSummary:
    try:
        changed = timestamp(datetime.fromtimestamp(os.stat(folder).st_mtime, UTC))
    except OSError:
        changed = ""
    return RunSummary(os.path.basename(folder), Path(folder), "damaged", changed, None, {}, None, None)


def find(runs_dir: PathLike, run: str) -> Path:
    """The folder of the run that is meant: a path, an id, the beginning of one id, `latest`, or `STUDY/17`.

    Raises InputError: nothing found (where it looked, did you mean), the beginning of several, or a study.
    """
    path = find_either(runs_dir, run)
    if is_study(path):
        raise InputError(f"{shown(path)} is a study, not a single run; {_one_of(path, runs_dir)}")
    return path


def _one_of(study: Path, runs_dir: PathLike) -> str:
    """What to type instead."""
    inside = os.path.abspath(study.parent) == os.path.abspath(runs_dir)
    name = study.name if inside else os.fspath(study)
    number, error = best_trial(study)
    if number is None:
        return f"name one of its runs, such as {name}/0"
    return f"type {name}/{number}, its best{'' if error is None else f' (dev error {error:.4g})'}"


def best_trial(study: Path) -> tuple[int | None, float | None]:
    """The number of the trial that its summary calls the best, else of the one with the least dev error (train error,
    where there is no dev), and that error; None where none has finished."""
    best = (read_study(study).get("summary") or {}).get("best")
    runs = [run for run in list_runs(study / TRIALS) if run.id.isdigit()]
    errors = {int(run.id): run.errors.get("dev", run.errors.get("train")) for run in runs if run.state == "finished"}
    if isinstance(best, dict) and best.get("trial") in errors:
        return best["trial"], errors[best["trial"]]
    known = {number: error for number, error in errors.items() if error is not None}
    number = min(known, key=lambda number: (known[number], number), default=None)
    return number, None if number is None else known[number]


def find_either(runs_dir: PathLike, run: str) -> Path:
    """The folder of the run or the study that is meant. Raises InputError as `find`."""
    if run == "latest":
        return _latest(runs_dir)
    if _is_run(run) or (run and is_study(run)):
        return Path(run)
    study, slash, number = run.rstrip(os.sep).rpartition(os.sep)
    if slash and study and number.isascii() and number.isdigit():
        return _trial(runs_dir, study, number)
    if not run or os.sep in run or run in (os.curdir, os.pardir):
        raise InputError(_not_a_path(run))
    names = _names(runs_dir)
    if run in names:
        return Path(runs_dir) / run
    begun = sorted(name for name in names if name.startswith(run) and like_a_run(os.path.join(runs_dir, name)))
    if len(begun) == 1:
        return Path(runs_dir) / begun[0]
    if begun:
        some = ", ".join(begun[:3]) + (", ..." if len(begun) > 3 else "")
        raise InputError(
            f"run {run}: {len(begun)} runs in {shown(runs_dir)} begin so: {some}; type more of the id, or latest"
        )
    raise _nothing_found(runs_dir, run, names)


def _trial(runs_dir: PathLike, study: str, number: str) -> Path:
    """`STUDY/17`, or the path of a study and 17."""
    path = find_either(runs_dir, study)
    trial = path / TRIALS / number
    if is_study(path) and like_a_run(os.fspath(trial)):
        return trial
    if not is_study(path):
        raise InputError(f"run {shown(study)}/{number}: {path.name} is a single run, not a study with trials")
    there = [name for name in _names(path / TRIALS) if name.isdigit()]
    some = f"it has {min(map(int, there))} to {max(map(int, there))}" if there else "it has none so far"
    raise InputError(f"study {path.name} has no trial {number}; {some}")


def _not_a_path(run: str) -> str:
    if not run:
        return "run: an empty name; expected a path, an id, the beginning of one, or latest"
    if not os.path.isdir(run):
        return f"run {shown(run)}: there is no such folder; dltrain runs lists the runs"
    return f"run {shown(run)}: not a run folder, there is no {RUN} in it; dltrain train makes one"


def _is_run(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, RUN))


def _latest(runs_dir: PathLike) -> Path:
    """The newest by run.json; damaged runs only when there is nothing else."""
    runs = list_runs(runs_dir)
    if not runs:
        raise _nothing_found(runs_dir, "latest", [])
    return next((run.path for run in runs if run.state != "damaged"), runs[0].path)


def _nothing_found(runs_dir: PathLike, run: str, names: list[str]) -> InputError:
    if not names:
        return InputError(
            f"run {shown(run)}: there are no runs in {shown(runs_dir)} yet; "
            "start one with dltrain train CONFIG, or name the folder with --runs-dir"
        )
    # Compared by its beginning too: ids end in a time and six digits that nobody types.
    whole = {name[: len(run)]: name for name in sorted(names)} | {name: name for name in names}
    near = did_you_mean(run, list(whole)[:5000]).removeprefix("; did you mean ").removesuffix("?")
    hint = f"; did you mean {whole[near]}?" if near in whole else "; dltrain runs lists them"
    return InputError(f"run {shown(run)}: none of the {len(names)} in {shown(runs_dir)} has this id{hint}")
