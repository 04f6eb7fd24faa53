"""What a live run is asked to do: files in its folder `requests`, which it takes up at the end of an epoch.

Whoever asks writes a file and nothing else, so it may be on another host; the live process alone changes the run. It
takes a request by renaming its file, so that a request is either taken or withdrawn, and removes it once what came of
it is recorded in events.jsonl.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dltrain.errors import InputError
from dltrain.runs.records import ALIVE, EVENTS, LOCK, RUN, home_of, read_events, read_record
from dltrain.storage import (
    claim,
    held,
    make_folders,
    read_first,
    read_from,
    remove,
    sync_folder,
    take_back,
    to_json,
    token,
    write_bytes,
)

PathLike = str | os.PathLike[str]
REQUESTS = "requests"
LARGEST = 1 << 16
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{8})\.(json|taken)")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `fault` says why it cannot be read, if it cannot."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> plain value."""
    stop: bool = False
    checkpoint: bool = False
    fault: str | None = None


def ask(path: PathLike, changes: Mapping[str, Any], *, stop: bool = False, checkpoint: bool = False) -> str:
    """Leaves a request in a run's folder, durably; its name, by which the order of requests is that of their times.
    Raises StorageError, InputError."""
    folder = Path(path) / REQUESTS
    make_folders(folder)
    name = f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{token(4)}"
    record = {"format": 1, "set": dict(changes), "stop": stop, "checkpoint": checkpoint}
    write_bytes(folder / f"{name}.json", (to_json(record) + "\n").encode())
    return name


def withdraw(path: PathLike, only: str | None = None) -> list[str]:
    """Takes back every request that was not taken yet, or one of them; their names."""
    folder = Path(path) / REQUESTS
    listed = [name for name, state in _listed(folder) if state == "json" and only in (None, name)]
    return [name for name in listed if take_back(folder / f"{name}.json")]


def _listed(folder: Path) -> list[tuple[str, str]]:
    """(name, json or taken) of each request, oldest first. Cheap where there are none."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((match[1], match[2]) for name in names if (match := _NAME.fullmatch(name)))


class Requests:
    """The requests to a run that this process holds. One inside a study is asked nothing."""

    def __init__(self, path: PathLike) -> None:
        self.folder = Path(path) / REQUESTS
        self.alone = os.sep not in home_of(path)[1]

    def waiting(self) -> bool:
        """Whether there are any."""
        return self.alone and bool(_listed(self.folder))

    def take(self, only_saving: bool = False) -> list[Request]:
        """Every request, oldest first, taken. `only_saving`: those that ask for a checkpoint and nothing else."""
        found = []
        for name, state in _listed(self.folder) if self.alone else ():
            request = _read(self.folder / f"{name}.{state}", name)
            saving = request.checkpoint and not (request.changes or request.stop)
            if (saving or not only_saving) and (state == "taken" or self._claim(name)):
                found.append(request)
        return found

    def _claim(self, name: str) -> bool:
        return claim(self.folder / f"{name}.json", self.folder / f"{name}.taken")

    def done(self, name: str) -> None:
        """Forgets a request that was taken: what came of it is recorded."""
        remove(self.folder / f"{name}.taken")
        sync_folder(self.folder)


def _read(file: Path, name: str) -> Request:
    try:
        data = read_first(file, LARGEST + 1)
        record = json.loads(data) if len(data) <= LARGEST else None
    except (InputError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("set"), dict):
        return Request(name, fault="it is no request")
    return Request(name, record["set"], record.get("stop") is True, record.get("checkpoint") is True)


def life_of(path: PathLike) -> str:
    """`live`; `elsewhere` where run.json says that it runs on another host, whose locks may not be seen from here; else
    the run's state (`interrupted` if its process is gone). Raises InputError, Damaged."""
    run = read_record(path, RUN)
    state = str(run.get("state"))
    if state not in ALIVE:
        return state
    if held(os.path.join(path, LOCK)):
        return "live"
    host = (run.get("process") or {}).get("host")
    return "elsewhere" if host not in (None, os.uname().nodename) else "interrupted"


def end_of_events(path: PathLike) -> int:
    """The length of events.jsonl: what is answered from now on stands behind it."""
    try:
        return os.stat(os.path.join(path, EVENTS)).st_size
    except FileNotFoundError:
        return 0


def answers(path: PathLike, since: int = 0) -> dict[str, dict[str, Any]]:
    """What came of requests: events by the request's name, of those written after the first `since` bytes."""
    found: dict[str, dict[str, Any]] = {}
    lines = read_from(os.path.join(path, EVENTS), since).split(b"\n")[:-1]
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("request"), str):
            found[event["request"]] = event
    return found


def adjustments_of(path: PathLike, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """{epoch, set} of each adjustment of a run, of its config and asked for later, by epoch. `run`: run.json."""
    own = (run.get("given") or {}).get("adjustments") or []
    asked = [event for event in read_events(path) if event.get("kind") == "adjustment"]
    found = [{"epoch": one["epoch"], "set": one["set"]} for one in [*own, *asked]]
    return sorted(found, key=lambda one: int(one["epoch"]))


def words_of(changes: Mapping[str, Any]) -> str:
    """`optimizer.learning_rate=0.0003 schedule={kind: cosine, ...}`, as one would type it."""
    return " ".join(f"{key}={_typed(value)}" for key, value in changes.items())


def _typed(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_typed(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
