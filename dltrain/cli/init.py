"""`dltrain init`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli import datafile
from dltrain.cli.options import Json, Quiet, print_json
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from dltrain.config.starter import Look

STDOUT = "-"


def command(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="A data file, or several that are one table.")],
    target: datafile.Target = None,
    test: datafile.TestFile = None,
    columns: datafile.Columns = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="The config; NAME.yaml if not given, - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a commented config for a data file, to be changed and trained.

    Example: dltrain init titanic.csv --target Survived
    """
    what = datafile.asked_for(files, target, test, columns)
    path = Path(output or _named(files))
    if not _is_free(path, output, force):
        raise InputError(Problem("exists already; --force writes over it, -o names another", where=str(path)))
    folder = Path() if output == STDOUT else path.parent
    found, text = datafile.written(what, folder, show=not quiet and not as_json)
    _check(text, folder)
    if output != STDOUT:
        _write(path, text)
    if as_json:
        print_json({"config": text if output == STDOUT else str(path), **_record(found)})
    elif output == STDOUT:
        typer.echo(text, nl=False)
    else:
        typer.echo(path)


def _named(files: list[str]) -> str:
    """`titanic.yaml` in the current folder for `data/titanic.csv.gz`."""
    name = os.path.basename(os.path.abspath(files[0]))
    stem = name.partition(".")[0] if not name.startswith(".") else name.lstrip(".").partition(".")[0]
    return f"{stem or 'data'}.yaml"


def _is_free(path: Path, output: str | None, force: bool) -> bool:
    return output == STDOUT or not os.path.lexists(path) or (force and path.is_file())


def _check(text: str, folder: Path) -> None:
    """What is written loads: a bug of ours would show here, and not in a file."""
    from dltrain import config

    config.load([str(folder / datafile.NAME)], (), {str(folder / datafile.NAME): text})


def _write(path: Path, text: str) -> None:
    from dltrain.storage import write_text

    if not path.parent.is_dir():
        raise InputError(Problem("there is no such folder to write to", where=str(path.parent)))
    write_text(path, text)


def _record(found: Look) -> dict[str, Any]:
    from dataclasses import asdict

    keys = ("rows", "whole", "task", "missing", "label_map", "time", "columns")
    return {key: value for key, value in asdict(found).items() if key in keys}
