"""The record of every look at a test part: an error measured on it often is no longer an honest one."""

from __future__ import annotations

import json
from pathlib import Path

from dltrain.runs.folder import timestamp
from dltrain.runs.listing import PathLike
from dltrain.storage import Lines, make_folders, to_json

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


def _rows(line: bytes) -> object:
    try:
        look = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return look.get("rows_sha256") if isinstance(look, dict) else None
