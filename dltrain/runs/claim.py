"""Claiming a run id: a folder is made ready under a hidden name, then renamed onto the id.

So a run folder is never seen half made, and of many processes that want one id exactly one gets it. The
lock is taken while the folder is still hidden: a claimed run is held from its first moment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dltrain.errors import InputError, RunExists, RunHeld
from dltrain.runs.facts import machine_facts
from dltrain.runs.folder import RunFolder, checked_name, timestamp
from dltrain.runs.ids import checked_id, new_id
from dltrain.runs.records import EVENTS, LOCK, METRICS, RUN, read_either
from dltrain.storage import (
    Lines,
    Lock,
    fill_folder,
    held,
    hold,
    make_folders,
    publish_folder,
    remove_tree,
    shown,
    to_json,
    token,
)

PathLike = str | os.PathLike[str]
_STAGING = ".staging-"
_STALE_SECONDS = 3600


def create(
    runs_dir: PathLike,
    run_id: str | None,
    name: str,
    files: Mapping[str, bytes],
    *,
    task: str | None = None,
    data_sha256: str | None = None,
    parent: str | None = None,
    threads: int | None = None,
    given: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Makes and holds a new run folder, state `created`, with the files given and run.json.

    given: what was asked for (`describe_request`), to tell later whether it is asked for again.
    Without a run_id it gets `<name>-<utc stamp>-<6 hex>`. Raises InputError for an id that is none, RunExists
    (exit 73) when the id is taken, RunHeld (69) when a live process holds it, StorageError (74).
    """
    facts: dict[str, Any] = {"task": task, "threads": threads, "data": {"sha256": data_sha256}, "parent": parent}
    facts["given"] = given
    others = {checked_name(name): data for name, data in files.items()}

    def content(record: dict[str, Any]) -> dict[str, bytes]:
        return {**others, RUN: (to_json(record, indent=2) + "\n").encode(), METRICS: b"", EVENTS: b""}

    target, record, lock = claim(runs_dir, run_id, name, facts, content)
    try:
        metrics, events = Lines(target / METRICS), Lines(target / EVENTS)
    except BaseException:
        lock.release()
        raise
    return RunFolder(target, record, lock, metrics, events)


def claim(
    runs_dir: PathLike,
    run_id: str | None,
    name: str,
    facts: Mapping[str, Any],
    content: Callable[[dict[str, Any]], Mapping[str, bytes]],
) -> tuple[Path, dict[str, Any], Lock]:
    """Makes and holds a new folder of a run or a study: its path, its first record (`facts`, the id, the times, the
    machine) and its lock. `content(record)` are the files in it. Raises as `create`.
    """
    chosen = None if run_id is None else checked_id(run_id)
    folder = Path(runs_dir)
    if chosen is not None:
        _refuse_taken(folder / chosen)
    make_folders(folder)
    _sweep_staging(folder)
    while True:
        now = datetime.now(UTC)
        target = folder / (chosen or new_id(name, now))
        record = _first_record(target.name, facts, now)
        lock = _claim(target, content(record))
        if lock is not None:
            return target, record, lock
        if chosen is not None:
            _refuse_taken(folder / chosen)


def _refuse_taken(path: Path) -> None:
    """Raises RunHeld or RunExists when there is something of that name; it is not touched."""
    if not os.path.lexists(path):
        return
    if held(path / LOCK):
        raise RunHeld(f"run {path.name} in {shown(path.parent)} is held by another live process{who(path)}")
    with suppress(OSError):
        if path.is_dir() and not os.listdir(path):  # nothing in it to lose
            return
    place = f"run {path.name} exists already in {shown(path.parent)}{_state(path)}"
    raise RunExists(f"{place}; choose another --run-id, or leave it out")


def who(path: Path) -> str:
    """` (pid N on HOST)` of a held run, as far as its run.json says so."""
    with suppress(InputError):
        process = read_either(path).get("process")
        if isinstance(process, dict):
            return f" (pid {process.get('pid')} on {process.get('host')})"
    return ""


def _state(path: Path) -> str:
    with suppress(InputError):
        return f" ({read_either(path)['state']})"
    return ""


def _claim(target: Path, files: Mapping[str, bytes]) -> Lock | None:
    """The lock of the claimed folder, or None when the name is taken."""
    staging = target.parent / f"{_STAGING}{target.name}-{token(4)}"
    lock: Lock | None = None
    done = False
    try:
        make_folders(staging)
        lock = hold(staging / LOCK)
        fill_folder(staging, files)
        if not publish_folder(staging, target):
            return None
        done = True
        return lock
    finally:
        if not done:
            remove_tree(staging)
            if lock is not None:
                lock.release()


def _first_record(run_id: str, facts: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "id": run_id,
        "state": "created",
        "created": timestamp(now),
        "updated": timestamp(now),
        **facts,
        "process": {"pid": os.getpid(), "host": os.uname().nodename},
        **machine_facts(),
    }


def _sweep_staging(folder: Path) -> None:
    """Removes what killed processes left half made: hidden, old, and held by nobody."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_STAGING) and entry.stat().st_mtime < time.time() - _STALE_SECONDS:
                _remove_unheld(Path(entry.path))


def _remove_unheld(staging: Path) -> None:
    with suppress(InputError), hold(staging / LOCK, patience=0):
        remove_tree(staging)
