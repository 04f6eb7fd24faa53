"""Coming back to a run that exists: a quick look at it, or taking it over."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dltrain.errors import Damaged, InputError, RunHeld
from dltrain.runs.checkpoints import CHECKPOINTS
from dltrain.runs.claim import who
from dltrain.runs.folder import RunFolder
from dltrain.runs.listing import like_a_run
from dltrain.runs.records import (
    ALIVE,
    EVENTS,
    LOCK,
    METRICS,
    PAGE,
    RUN,
    STUDY,
    is_study,
    read_record,
    read_run,
    read_study,
)
from dltrain.storage import Lines, Lock, hold, shown, sweep_temporaries, write_bytes

PathLike = str | os.PathLike[str]
_OVER = ("finished", "diverged")


class RunOver(ValueError):
    """The run finished or diverged; there is nothing to go on with. `record` is its run.json."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__(f"the run has {record['state']}")
        self.record = record


def peek(runs_dir: PathLike, run_id: str) -> dict[str, Any] | None:
    """run.json of the run, or study.json of the study, its state as of now (`interrupted` when nobody holds it), or
    None if there is none. Loads no NumPy. Raises Damaged when it is there and cannot be read."""
    folder = _place(runs_dir, run_id)
    if not like_a_run(os.fspath(folder)):
        return None
    if is_study(folder):
        _check_file(folder / STUDY)
        return read_study(folder)
    _check_file(folder / RUN)
    return read_run(folder)


def reopen(runs_dir: PathLike, run_id: str) -> RunFolder:
    """Takes over an interrupted or failed run, to go on from `load_checkpoint`. run.json is not changed until
    `state("running")`; temporary files of a killed process and a torn last line are removed.

    Raises InputError when there is none, RunHeld (exit 69) when a live process has it, Damaged (65), StorageError,
    and RunOver (a ValueError) for one that has finished or diverged, perhaps since the caller looked.
    """
    folder = _place(runs_dir, run_id)
    if not like_a_run(os.fspath(folder)):
        raise InputError(f"there is no run {shown(run_id)} in {shown(runs_dir)}")
    try:
        lock = hold(folder / LOCK)
    except RunHeld as error:
        place = f"run {shown(run_id)} in {shown(runs_dir)}"
        raise RunHeld(f"{place} is held by another live process{who(folder)}") from error
    try:
        return _open(folder, lock)
    except BaseException:
        lock.release()
        raise


def add_page(path: PathLike, draw: Callable[[], bytes]) -> None:
    """Writes the report.html that a finished run lacks, unless a live process is about to. Raises StorageError."""
    folder = Path(path)
    with suppress(RunHeld), hold(folder / LOCK):
        if not os.path.lexists(folder / PAGE):
            sweep_temporaries(folder)
            write_bytes(folder / PAGE, draw())


def _place(runs_dir: PathLike, run_id: str) -> Path:
    if not run_id or run_id.startswith(".") or os.path.basename(run_id) != run_id or "\0" in run_id:
        raise InputError(f"run id {run_id!r}: expected the name of a folder in {shown(runs_dir)}")
    return Path(runs_dir) / run_id


def _open(folder: Path, lock: Lock) -> RunFolder:
    _check_file(folder / RUN)
    record = read_record(folder, RUN)
    state = record["state"]
    if state in _OVER:
        raise RunOver(record)
    if state in ALIVE:
        record["state"] = "interrupted"  # its process is dead: we hold its lock
    record["process"] = {"pid": os.getpid(), "host": os.uname().nodename}
    for place in (folder, folder / CHECKPOINTS):
        sweep_temporaries(place)
    metrics = _lines(folder / METRICS)
    try:
        events = _lines(folder / EVENTS)
    except BaseException:
        metrics.close()
        raise
    return RunFolder(folder, record, lock, metrics, events, loaded=False)


def _lines(file: Path) -> Lines:
    if os.path.lexists(file):
        _check_file(file)
    return Lines(file)


def _check_file(file: Path) -> None:
    """Raises Damaged unless it is a regular file, without opening what would hang."""
    if not os.path.lexists(file):
        raise Damaged(f"{shown(file.parent)} is damaged: it has no {file.name}")
    if file.is_symlink() or not file.is_file():
        raise Damaged(f"{shown(file)} is damaged: not a regular file")
