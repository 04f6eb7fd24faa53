"""A study's folder: study.json, the config of its trials, their folders, what failed, and results.csv.

The trial folders are the truth: which trials are over is read from them. Only attempts that failed are recorded
beside them, since a process that was killed cannot say so itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from dltrain import runs
from dltrain.errors import Damaged, InputError, RunHeld
from dltrain.runs.records import ALIVE, EVENTS, LOCK, STUDY, TRIALS, read_study
from dltrain.storage import (
    Lines,
    Lock,
    hold,
    make_folders,
    read_if_there,
    shown,
    sweep_temporaries,
    to_json,
    write_bytes,
    write_json,
)

State = Literal["running", "interrupted", "finished", "failed"]
RESULTS, WINNER, ATTEMPTS, TRIAL_CONFIG, PAGE = (
    "results.csv",
    "winner.csv",
    "attempts",
    "config.trial.yaml",
    "report.html",
)
OVER = ("finished",)


class StudyOver(ValueError):
    """The study is finished; `record` is its study.json."""

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__("the study is finished")
        self.record = record


class StudyFolder:
    """A study's folder held by this process, until `close` or the process's end."""

    def __init__(self, path: Path, record: dict[str, Any], lock: Lock) -> None:
        self.path = path
        self.record = record
        self._lock = lock
        try:
            self._events = Lines(path / EVENTS)
        except BaseException:
            lock.release()
            raise

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def trials(self) -> Path:
        """The runs folder of the trials, whose ids are 0, 1, ..."""
        return self.path / TRIALS

    @property
    def config(self) -> Path:
        """What the trials' overrides are put over."""
        return self.path / TRIAL_CONFIG

    def trial(self, number: int) -> Path:
        return self.trials / str(number)

    def state(self, new: State, **fields: Any) -> None:
        """Rewrites study.json durably with the new state, the time and the fields given (they stay)."""
        self._events.sync()
        process = {"pid": os.getpid(), "host": os.uname().nodename}
        record = {**self.record, "state": new, "updated": runs.timestamp(), "process": process, **fields}
        write_json(self.path / STUDY, record)
        self.record = record

    def event(self, kind: str, **fields: Any) -> None:
        """Adds one line to events.jsonl."""
        self._events.append(to_json({"time": runs.timestamp(), "kind": kind, **fields}))

    def write(self, name: str, data: bytes) -> None:
        """Writes one file of the folder durably."""
        write_bytes(self.path / name, data)

    def attempts(self, number: int) -> list[dict[str, Any]]:
        """The attempts of a trial that failed, oldest first; the last one is `final` where no other is to follow."""
        data = read_if_there(self._attempts(number)) or b""
        found = []
        for line in data.split(b"\n")[:-1]:
            with suppress(ValueError):
                found.append(json.loads(line))
        return [attempt for attempt in found if isinstance(attempt, dict)]

    def add_attempt(self, number: int, **fields: Any) -> None:
        """Records an attempt that failed, durably."""
        make_folders(self.path / ATTEMPTS)
        lines = Lines(self._attempts(number))
        try:
            lines.append(to_json({"time": runs.timestamp(), **fields}))
            lines.sync()
        finally:
            lines.close()

    def _attempts(self, number: int) -> Path:
        return self.path / ATTEMPTS / f"{number}.jsonl"

    def close(self) -> None:
        self._events.close()
        self._lock.release()

    def __enter__(self) -> StudyFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create(
    runs_dir: Path, run_id: str | None, name: str, facts: Mapping[str, Any], files: Mapping[str, bytes]
) -> StudyFolder:
    """Claims a new study's folder, state `created`, as `runs.create` does a run's. facts: of study.json."""

    def content(record: dict[str, Any]) -> dict[str, bytes]:
        return {**files, STUDY: (to_json(record, indent=2) + "\n").encode(), EVENTS: b""}

    path, record, lock = runs.claim(runs_dir, run_id, name, facts, content)
    return StudyFolder(path, record, lock)


def reopen(path: Path) -> StudyFolder:
    """Takes over an interrupted study. Raises RunHeld (exit 69) when a live process has it, StudyOver, Damaged."""
    try:
        lock = hold(path / LOCK)
    except RunHeld as error:
        raise RunHeld(f"study {path.name} in {shown(path.parent)} is held by another live process") from error
    try:
        record = read_study(path)
        if record["state"] in OVER:
            raise StudyOver(record)
        if not os.path.isfile(path / TRIAL_CONFIG):
            raise Damaged(f"{shown(path)} is damaged: it has no {TRIAL_CONFIG}")
        if record["state"] in ALIVE:
            record["state"] = "interrupted"
        sweep_temporaries(path)
        return StudyFolder(path, record, lock)
    except BaseException:
        lock.release()
        raise


def add_page(path: Path, draw: Any) -> None:
    """Writes the report.html that a finished study lacks, unless a live process is about to."""
    with suppress(RunHeld), hold(path / LOCK):
        if not os.path.lexists(path / PAGE):
            sweep_temporaries(path)
            write_bytes(path / PAGE, draw())


def kind_of(record: Mapping[str, Any]) -> str:
    """seeds, folds, ... Raises InputError for a study.json without."""
    kind = (record.get("study") or {}).get("kind")
    if not isinstance(kind, str):
        raise InputError("study.json is damaged: it does not say what kind of study it is")
    return kind
