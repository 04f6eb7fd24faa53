"""One run's folder, from the claim of its id to its last state. The live process alone writes it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltrain.errors import Damaged
from dltrain.runs.checkpoints import Checkpoint, Protection, encode_checkpoint
from dltrain.runs.records import EVENTS, METRICS, RUN
from dltrain.runs.shelf import Fault, Shelf
from dltrain.storage import Lines, Lock, shown, to_json, write_bytes, write_files, write_json

if TYPE_CHECKING:
    import numpy.typing as npt

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
    """A run folder held by this process, until `close` or the process's end. Made by `create`, or by `reopen`."""

    def __init__(
        self, path: Path, record: dict[str, Any], lock: Lock, metrics: Lines, events: Lines, *, loaded: bool = True
    ) -> None:
        self.path = path
        self._record = record
        self._lock = lock
        self._metrics = metrics
        self._events = events
        self._hash = hashlib.sha256()
        self._shelf = Shelf(path)
        self._loaded = loaded  # or metrics.jsonl is still to be cut to what a checkpoint says
        self.notes: list[str] = []
        """What the user should know of what was found on loading: one line for each damaged checkpoint."""

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def record(self) -> dict[str, Any]:
        """run.json as last written."""
        return dict(self._record)

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Adds one line to metrics.jsonl; a number that is not finite becomes null. Raises StorageError."""
        self._check_loaded()
        line = to_json(dict(record))
        self._metrics.append(line)
        self._hash.update(line.encode() + b"\n")

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
        if new_state == "finished":
            self._shelf.sync()
        record = {**self._record, "state": new_state, "updated": timestamp(), **fields}
        write_json(self.path / RUN, record)
        self._record = record

    def remember(self, **fields: Any) -> None:
        """Fields of run.json that are written with the next state. ValueError as `state`."""
        if fixed := [key for key in fields if key in _FIXED]:
            raise ValueError(f"not to be set from outside: {', '.join(fixed)}")
        self._record |= fields

    def write(self, name: str, data: bytes) -> None:
        """Writes one file of the folder durably. ValueError as `checked_name`."""
        write_bytes(self.path / checked_name(name), data)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """`write` of several: all of them survive a power loss once this returns."""
        write_files(self.path, {checked_name(name): data for name, data in files.items()})

    def save_checkpoint(
        self,
        arrays: Mapping[str, npt.NDArray[Any]],
        meta: Mapping[str, Any],
        *,
        keep: int = 2,
        protect: Protection = False,
    ) -> str:
        """Writes a checkpoint durably, then removes all but the newest `keep` and the protected ones; its name.

        arrays: finite, float32, float64 or int64. meta: plain data with `step` (int), `epoch` (whole epochs done)
        and `batch` (batches done in the next one); the length and hash of metrics.jsonl so far and `protected` are
        added. Equal arguments after equal metrics give an equal name and equal bytes. protect: True stays until
        `keep_only`, "best" until the next "best". The first one, of step 0, is read back from the disk.
        Raises StorageError (nothing was removed then); ValueError for a state that could not be loaded.
        """
        if ours := {"metrics", "protected"} & meta.keys():
            raise ValueError(f"not to be set from outside: {', '.join(sorted(ours))}")
        if keep < 1:
            raise ValueError(f"keep {keep}: expected 1 or more")
        self._check_loaded()
        self._metrics.sync()
        metrics = {"bytes": self._metrics.length, "sha256": self._hash.hexdigest()}
        name, pieces = encode_checkpoint(arrays, {**meta, "metrics": metrics, "protected": protect})
        self._shelf.put(name, pieces, protect)
        if meta["step"] == 0:
            self._shelf.read_back(name)
        self._shelf.prune(keep)
        return name

    def load_checkpoint(self, *, fault: Fault | None = None, keep: int | None = None) -> Checkpoint | None:
        """The newest sound checkpoint, with metrics.jsonl cut to what it was then; None (and no metrics) when
        there is none at all and no line was written yet.

        Sound: every byte has the hash in the name, the numbers are finite, metrics.jsonl begins with the bytes
        that the checkpoint quotes, and `fault(checkpoint)`, the caller's own look, finds nothing. A damaged one is
        named in an event and in `notes`, and the one before is tried. `keep` prunes as `save_checkpoint` does.
        Raises Damaged (exit 65) when there are checkpoints and none is sound, or metrics without any: then nothing
        is changed.
        """
        written = self._metrics.read()
        found = self._shelf.newest_sound(
            lambda checkpoint: metrics_fault(checkpoint.meta, written) or (fault and fault(checkpoint)), self._damaged
        )
        length = found.meta["metrics"]["bytes"] if found else 0
        if written and not found:  # a checkpoint of step 0 stood before the first line
            raise Damaged(f"{shown(self.path)} is damaged: {METRICS} has lines, but its checkpoints are gone")
        self._metrics.cut(length)
        self._hash = hashlib.sha256(written[:length])
        self._loaded = True
        if keep is not None:
            self._shelf.prune(keep)
        return found

    def _check_loaded(self) -> None:
        if not self._loaded:
            raise ValueError("a run that was reopened goes on from load_checkpoint")

    def _damaged(self, name: str, why: str) -> None:
        self.notes.append(f"{name}: {why}")
        self.event("damaged", name=name, why=why)

    def keep_only(self, names: Collection[str]) -> None:
        """Removes every checkpoint but these: a finished run keeps the best and the last. Raises StorageError."""
        self._shelf.keep_only(names)
        self._shelf.sweep()

    def close(self) -> None:
        """Closes the files and frees the run; a second time does nothing. The state stays as it is."""
        self._metrics.close()
        self._events.close()
        self._lock.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def metrics_fault(meta: Mapping[str, Any], written: bytes) -> str | None:
    """Whether metrics.jsonl begins with what a checkpoint quotes of it, in words."""
    quoted = meta.get("metrics")
    length = quoted.get("bytes") if isinstance(quoted, dict) else None
    if not isinstance(quoted, dict) or not isinstance(length, int) or length < 0:
        return f"it does not say how long {METRICS} was"
    if length > len(written):
        return f"it quotes {length} bytes of {METRICS}, which has {len(written)} in whole lines"
    if hashlib.sha256(written[:length]).hexdigest() != quoted.get("sha256"):
        return f"{METRICS} does not begin with the lines that it quotes"
    return None
