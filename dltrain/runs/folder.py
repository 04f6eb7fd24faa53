"""One run's folder, from the claim of its id to its last state. The live process alone writes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from dltrain.runs.records import EVENTS, METRICS, RUN
from dltrain.storage import Lines, Lock, to_json, write_bytes, write_json

State = Literal["running", "interrupted", "finished", "diverged", "failed"]
_NEXT = {
    "created": ("running", "interrupted", "failed"),
    "running": ("interrupted", "finished", "diverged", "failed"),
    "interrupted": ("running",),
    "failed": ("running",),
    "diverged": (),
    "finished": (),
}
_FIXED = ("schema_version", "id", "state", "created", "updated")
_OWN = (RUN, METRICS, EVENTS)


def timestamp(now: datetime | None = None) -> str:
    """UTC in ISO 8601 to the microsecond, so that the order of texts is the order of times."""
    moment = datetime.now(UTC) if now is None else now.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def checked_name(name: str) -> str:
    """The name of a file to write into a run folder. ValueError for a path, a hidden name, or a file that
    RunFolder writes by a method of its own."""
    if not name or name.startswith(".") or os.path.basename(name) != name or name in _OWN:
        raise ValueError(f"not a file to write here: {name!r}")
    return name


class RunFolder:
    """A run folder held by this process, until `close` or the process's end. Made by `create`."""

    def __init__(self, path: Path, record: dict[str, Any], lock: Lock, metrics: Lines, events: Lines) -> None:
        self.path = path
        self._record = record
        self._lock = lock
        self._metrics = metrics
        self._events = events

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def record(self) -> dict[str, Any]:
        """run.json as last written."""
        return dict(self._record)

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Adds one line to metrics.jsonl; a number that is not finite becomes null. Raises StorageError."""
        self._metrics.append(to_json(dict(record)))

    def event(self, kind: str, **fields: Any) -> None:
        """Adds one line to events.jsonl: the time, what happened, and what belongs to it."""
        self._events.append(to_json({"time": timestamp(), "kind": kind, **fields}))

    def sync(self) -> None:
        """Returns when every metrics and events line so far would survive a power loss."""
        self._metrics.sync()
        self._events.sync()

    def state(self, new_state: State, **fields: Any) -> None:
        """Rewrites run.json durably with the new state, the time and the fields given (they stay).

        The lines written before it are made durable first: a run that says finished has all of its metrics.
        ValueError for a step that no run takes (finished to running).
        """
        old = self._record["state"]
        if new_state not in _NEXT[old]:
            raise ValueError(f"a run does not go from {old} to {new_state}")
        if fixed := [key for key in fields if key in _FIXED]:
            raise ValueError(f"not to be set from outside: {', '.join(fixed)}")
        if new_state not in ("running", "failed"):  # a run that failed may have lost its files
            self.sync()
        record = {**self._record, "state": new_state, "updated": timestamp(), **fields}
        write_json(self.path / RUN, record)
        self._record = record

    def write(self, name: str, data: bytes) -> None:
        """Writes one file of the folder durably. ValueError as `checked_name`."""
        write_bytes(self.path / checked_name(name), data)

    def close(self) -> None:
        """Closes the files and frees the run; a second time does nothing. The state stays as it is."""
        self._metrics.close()
        self._events.close()
        self._lock.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
