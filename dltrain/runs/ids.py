"""What a run may be called: a name that is safe as a folder's on every file system, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dltrain.errors import InputError
from dltrain.storage import token

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 64 - len("-20261122T133000Z-0a1b2c")
_RESERVED = frozenset(
    (
        "latest",
        "looks.jsonl",
        "run.json",
        "study.json",
        "config.yaml",
        "config.resolved.yaml",
        "config.replay.yaml",
        "metrics.jsonl",
        "events.jsonl",
        "diagnosis.json",
        "predictions.npz",
        "test.json",
        "model.safetensors",
        "preparation.json",
        "results.csv",
        "report.html",
        "checkpoints",
        "requests",
        "trials",
    )
)


def new_id(name: str, now: datetime) -> str:
    """`<name>-<utc stamp>-<6 hex>`, what does not fit into an id replaced by `-`."""
    stem = _NOT_ALLOWED.sub("-", name)[:_LONGEST_NAME].strip("._-") or "run"
    return f"{stem}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token(3)}"


def checked_id(run_id: str) -> str:
    """The id as it is; InputError unless it is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or
    digit, or when it is `latest` or the name of a file of a run folder."""
    if not _ID.fullmatch(run_id):
        given = run_id if len(run_id) <= 80 else run_id[:77] + "..."
        raise InputError(
            f"run id {given!r}: expected 1 to 64 of A-Z a-z 0-9 . _ - beginning with a letter or a digit"
            f"; try {_suggestion(run_id)}"
        )
    if run_id.lower() in _RESERVED:
        raise InputError(f"run id {run_id!r}: this name is reserved; try {_suggestion('run-' + run_id)}")
    return run_id


def _suggestion(run_id: str) -> str:
    stem = _NOT_ALLOWED.sub("-", run_id).lstrip("._-")[:64]
    return stem if stem and stem.lower() not in _RESERVED else "run-1"
