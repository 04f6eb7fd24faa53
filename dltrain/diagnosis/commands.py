"""Advice as lines for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST = 3


def next_commands(diagnosis: Mapping[str, Any], *, config: str | Path, run: str | Path, most: int = MOST) -> list[str]:
    """Up to three commands that follow the diagnosis's `advice`, best first, each ready for a POSIX shell.

    `config` is what `train` is given (the run's config.resolved.yaml, or the user's own file), `run` what stands
    for the run in `evaluate`.
    """
    lines = []
    for piece in diagnosis.get("advice") or ():
        if piece.get("command"):
            words = in_run(piece["command"], str(run))
        elif piece["overrides"]:
            words = ["dltrain", "train", str(config), *piece["overrides"]]
        else:
            continue
        lines.append(shlex.join(words))
    return lines[:most]


def in_run(command: str, run: str) -> list[str]:
    """The words of a piece's command, RUN and RUN/... in it as this run and what lies in it."""
    return [run + word[3:] if word == "RUN" or word.startswith("RUN/") else word for word in command.split()]
