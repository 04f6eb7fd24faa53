"""Options and arguments that several commands share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", metavar="FOLDER", envvar="DLTRAIN_RUNS_DIR", help="Where runs are.", show_default=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print the result alone.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A path, an id, a unique prefix of one, or latest.")]
RUNS_DIR = Path("runs")
MaxTime = Annotated[
    str | None,
    typer.Option("--max-time", metavar="TIME", help="Save and leave after 55m, 1h30m, ...; then run it again."),
]
AllowDrift = Annotated[
    bool, typer.Option("--allow-drift", help="Go on though NumPy or the processor changed: the bits may differ.")
]
RequeueCode = Annotated[
    int,
    typer.Option("--requeue-code", metavar="N", min=1, max=255, help="Exit code that says: run me again."),
]

_OVERRIDE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*=")


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Config files and KEY=VALUE overrides, which may stand in any order."""
    overrides = [argument for argument in arguments if _OVERRIDE.match(argument)]
    return [argument for argument in arguments if not _OVERRIDE.match(argument)], overrides


def print_json(record: Mapping[str, Any]) -> None:
    """One object, on one line if nobody looks: machines parse it either way."""
    typer.echo(json.dumps({"schema_version": 1, **record}, ensure_ascii=False, allow_nan=False, indent=2))
