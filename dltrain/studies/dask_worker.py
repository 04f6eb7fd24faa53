"""What runs on a Dask worker: a trial's own process, watched over by the thread that Dask gives to the task.

A worker needs dltrain, and the study's folder under the same path; nothing else is sent to it.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dltrain.studies.executor import Ended, Task
from dltrain.studies.executor_local import LocalProcesses

LOOK_SECONDS = 0.1
"""Between two looks at what was asked, and at whether anybody still wants the trial."""
KILL_SECONDS = 5.0
"""For a trial that nobody wants any more to save and leave; less than a coordinator's patience with held trials."""
SELF = secrets.token_hex(8)
"""This process: a worker that died and came back under its old address is another one."""
_ASKED: dict[str, list[int]] = {}
_MINE = threading.local()
"""A thread's own LocalProcesses: what it has loaded to start trials quickly serves the next trial too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """What a worker says of itself before it gets a trial."""

    process: str
    sees: bool
    """Whether the study's folder is there and can be written."""
    drift: Sequence[str] = ()
    """What of this machine differs from the one that the study was started on, each `name: old -> new`."""


class OtherProcess(RuntimeError):
    """The task was meant for the worker's process before this one."""


def examine(study: str, run_id: str, created: str) -> Fitness:
    """Whether this machine sees the study's folder, the same one, and computes what its coordinator's would."""
    from dltrain import runs
    from dltrain.errors import InputError
    from dltrain.runs.records import read_study

    try:
        record = read_study(study)
    except (InputError, OSError):
        return Fitness(process=SELF, sees=False)
    same = (record["id"], record["created"]) == (run_id, created) and os.access(study, os.W_OK)
    return Fitness(process=SELF, sees=same, drift=tuple(runs.facts_drift(record)))


def ask(attempt: str, number: int) -> None:
    """A signal for the trial of an attempt, which passes it on when it looks next."""
    _ASKED.setdefault(attempt, []).append(number)


def attempt(name: str, process: str, trial: int, words: Sequence[str], timeout: float | None) -> Ended:
    """One attempt of a trial. Raises OtherProcess where this worker is not the one it was meant for."""
    if process != SELF:
        raise OtherProcess(f"the worker of trial {trial} is another process now")
    executor = getattr(_MINE, "executor", None) or LocalProcesses(1)
    _MINE.executor = executor
    try:
        return _watched(executor, name, Task(trial=trial, words=words, timeout=timeout))
    finally:
        if executor.running:
            _MINE.executor = None
            executor.close()
        _ASKED.pop(name, None)


def _watched(executor: LocalProcesses, name: str, task: Task) -> Ended:
    wanted = Wanted()
    executor.start(task)
    until: float | None = None
    while True:
        ended = executor.wait(LOOK_SECONDS)
        if ended:
            return replace(ended[0], given_back=ended[0].given_back or until is not None)
        _pass_on(executor, _ASKED.pop(name, []))
        if until is None and not wanted():
            executor.ask_to_leave()
            until = time.monotonic() + KILL_SECONDS
        if until is not None and time.monotonic() >= until:
            return Ended(trial=task.trial, code=-signal.SIGKILL, given_back=True)


def _pass_on(executor: LocalProcesses, numbers: Sequence[int]) -> None:
    for number in numbers:
        if number == signal.SIGTERM:
            executor.ask_to_leave()
        else:
            executor.save()


class Wanted:
    """Whether the task of this thread is still to end here: its client has not left it, the worker is not leaving."""

    def __init__(self) -> None:
        from distributed import get_worker

        self.worker: Any = get_worker()
        self.key = self.worker.get_current_task()

    def __call__(self) -> bool:
        task = self.worker.state.tasks.get(self.key)
        leaving = self.worker.status.name not in ("running", "paused", "init")
        return not leaving and task is not None and task.state in ("executing", "long-running")
