"""Options and arguments that several commands share."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from dltrain.errors import InputError

RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", metavar="FOLDER", envvar="DLTRAIN_RUNS_DIR", help="Where runs are.", show_default=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print the result alone.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A path, an id, a unique prefix of one, or latest.")]
RUNS_DIR = Path("runs")
RunId = Annotated[
    str | None,
    typer.Option("--run-id", metavar="ID", help="Start it under this id, go on with it, or see that it is finished."),
]
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


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of each record among its parameters as options of their own, in its place.

    So that options which commands share are declared once, in a frozen dataclass.
    """
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)
    records = {name: hints[name] for name in signature.parameters if is_dataclass(hints[name])}
    parameters = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        for one in (_options_of(records[name]) if name in records else [parameter.replace(annotation=hints[name])])
    ]

    @wraps(command)
    def spread_out(**given: Any) -> None:
        made = {
            name: record(**{one.name: given.pop(one.name) for one in fields(record)})
            for name, record in records.items()
        }
        command(**given, **made)

    spread_out.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spread_out.__annotations__ = {one.name: one.annotation for one in parameters}
    return spread_out


def _options_of(record: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(record, include_extras=True)
    return [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(record)
    ]


_OVERRIDE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*=")


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Config files and KEY=VALUE overrides, which may stand in any order."""
    require_text(arguments)
    overrides = [argument for argument in arguments if _OVERRIDE.match(argument)]
    return [argument for argument in arguments if not _OVERRIDE.match(argument)], overrides


def require_text(names: Sequence[str]) -> None:
    """Raises InputError for names with bytes that are no text: what is written of a run is UTF-8."""
    wrong = []
    for name in names:
        try:
            os.path.abspath(name).encode()
        except UnicodeEncodeError:
            wrong.append(os.fsencode(name).decode(errors="backslashreplace"))
    if wrong:
        raise InputError(*(f"{name}: not UTF-8; rename the file or its folder" for name in wrong))


def print_json(record: Mapping[str, Any]) -> None:
    """One object, on one line if nobody looks: machines parse it either way."""
    typer.echo(json.dumps({"schema_version": 1, **record}, ensure_ascii=False, allow_nan=False, indent=2))
