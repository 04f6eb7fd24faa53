"""The record of every look at a test part: an error measured on it often is no longer an honest one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dltrain.runs.folder import timestamp
from dltrain.runs.listing import PathLike
from dltrain.storage import Lines, make_folders, read_if_there, to_json

LOOKS = "looks.jsonl"
_PATIENCE = 10.0


def record_look(runs_dir: PathLike, rows_sha256: str, run: str, n: int, error: float) -> int:
    """Adds a look to `looks.jsonl` of the runs folder, durably, and returns how many earlier looks there
    were at the same rows, by whichever run. Looks of several processes at once are all counted.

    rows_sha256 names the rows looked at; n is their number. Raises StorageError or InputError.
    """
    folder = Path(runs_dir)
    make_folders(folder)
    lines = Lines(folder / LOOKS, patience=_PATIENCE)
    try:
        earlier = sum(_rows(line) == rows_sha256 for line in lines.read().splitlines())
        look = {"rows_sha256": rows_sha256, "run": run, "time": timestamp(), "n": n, "error": error}
        lines.append(to_json(look))
        lines.sync()
    finally:
        lines.close()
    return earlier


def count_looks(runs_dir: PathLike, run: str) -> dict[str, int]:
    """{looks, runs}: how often the test rows that `run` was last measured on were looked at, and by how many runs.
    None of both for a run that never looked."""
    data = read_if_there(os.path.join(runs_dir, LOOKS)) or b""
    looks = [look for line in data.splitlines() if (look := _look(line))]
    rows = next((look.get("rows_sha256") for look in reversed(looks) if look.get("run") == run), None)
    same = [str(look.get("run")) for look in looks if rows is not None and look.get("rows_sha256") == rows]
    return {"looks": len(same), "runs": len(set(same))}


def _rows(line: bytes) -> object:
    return _look(line).get("rows_sha256")


def _look(line: bytes) -> dict[str, Any]:
    """Empty for a line that makes no sense."""
    try:
        look = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return look if isinstance(look, dict) else {}
