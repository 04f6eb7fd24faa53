"""What to run after a search, as lines for a shell."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def next_commands(record: Mapping[str, Any], path: Path) -> list[tuple[str, str]]:
    """(what for, command) of a search that found something: train the winner, widen the ranges at whose edge it lies.
    record: study.json, of the study in `path`."""
    summary = record.get("summary") or {}
    if not summary.get("best"):
        return []
    found = [("train the winner", train_winner(record, path))]
    if summary["edges"]:
        moved = [edge["suggestion"] for edge in summary["edges"]]
        found.append(("search a wider range", shlex.join(["dltrain", "search", *_config(record, path), *moved])))
    again = shlex.join(["dltrain", "search", "--recheck", str(path)])
    return [*found, ("see whether it is still the best when data or config have changed", again)]


def winners_table(record: Mapping[str, Any], run: str) -> dict[str, Any]:
    """The winner's diagnosis as one of the run named; commands that take its config take that of its first training."""
    winner = record["summary"]["winner"]
    first = f"RUN/trials/{winner['trials'][0]['trial']}/" if winner.get("trials") else "RUN/"
    advice = [
        {**piece, "command": piece["command"].replace("RUN/config.", f"{first}config.")}
        if piece.get("command")
        else piece
        for piece in winner.get("advice") or ()
    ]
    return {**winner, "run": run, "advice": advice}


def train_winner(record: Mapping[str, Any], path: Path) -> str:
    """The command that trains the best point; more overrides may follow."""
    overrides = record["summary"]["best"]["overrides"]
    config = [word for word in _config(record, path) if not word.startswith(("search=", "search."))]
    return shlex.join(["dltrain", "train", *config, *map(_override, overrides.items())])


def _override(item: tuple[str, Any]) -> str:
    key, value = item
    return f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _config(record: Mapping[str, Any], path: Path) -> Sequence[str]:
    """The configs that the search was given, and its overrides; where they are gone the settled one it keeps."""
    given = record.get("given") or {}
    configs, folder = given.get("configs") or [], str(given.get("folder") or "")
    if not configs or not all(os.path.isfile(config) for config in configs):
        return [str(path / "config.resolved.yaml")]
    inside = folder and folder == os.getcwd()
    names = [os.path.relpath(name, folder) if inside and name.startswith(folder + os.sep) else name for name in configs]
    return [*names, *(str(override) for override in given.get("overrides") or ())]
