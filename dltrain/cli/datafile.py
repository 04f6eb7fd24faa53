"""A data file in a config's place: what is asked for, the config that is written for it, and its way into a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli.options import require_text, split_arguments
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from dltrain.config import Loaded
    from dltrain.config.starter import Look
    from dltrain.ready import Ready

NAME = "config.yaml"
"""What the config is called in messages, and in the run's folder."""
OPTIONS = {
    "data.target": "--target",
    "data.columns": "--columns",
    "split.files.test": "--test",
}
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="Of a data file: the column to predict, or -1 for the last."),
]
TestFile = Annotated[str | None, typer.Option("--test", metavar="FILE", help="Of a data file: a file of test rows.")]
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="A,B,...", help="Of a data file: names, where it has no header.")
]
Arguments = Annotated[
    list[str],
    typer.Argument(
        metavar="CONFIG...|DATAFILE [KEY=VALUE ...]",
        help="YAML files, merged in order; - is stdin. Or a data file with --target: no config needed.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The options that go with a data file, of the commands that take one in a config's place."""

    target: Target = None
    test: TestFile = None
    columns: Columns = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A data file, or several that are one table, and what was said of it."""

    files: tuple[str, ...]
    """As typed."""
    target: str | None = None
    test: str | None = None
    columns: tuple[str, ...] | None = None

    @property
    def words(self) -> list[str]:
        """The same again, for a command."""
        words = list(self.files)
        for option, value in (("--target", self.target), ("--test", self.test)):
            words += [] if value is None else [option, value]
        return words + ([] if self.columns is None else ["--columns", ",".join(self.columns)])

    def starter(self) -> dict[str, Any]:
        """What run.json keeps of it."""
        return {
            "files": [_absolute(file) for file in self.files],
            "target": self.target,
            "test": None if self.test is None else _absolute(self.test),
            "columns": None if self.columns is None else list(self.columns),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a command line is about: configs, or data files, and overrides."""

    configs: list[str]
    overrides: list[str]
    data: Asked | None

    @property
    def words(self) -> list[str]:
        """The same again, without the overrides."""
        return self.data.words if self.data else self.configs

    def prepare(
        self, *, quiet: bool = False, run: Path | None = None, record: Mapping[str, Any] | None = None
    ) -> Ready:
        """With its data read and settled; `run` and `record` are of the run that may be gone on with."""
        if self.data is not None:
            return prepare(self.data, self.overrides, run, record, show=not quiet)
        from dltrain import config
        from dltrain.cli.preparing import prepare as prepared

        return prepared(config.load(self.configs, self.overrides), quiet)


def given(arguments: Sequence[str], about: About) -> Given:
    """Raises InputError as `asked`."""
    configs, overrides = split_arguments(arguments)
    data = asked(configs, about.target, about.test, about.columns)
    return Given(configs=configs, overrides=overrides, data=data)


def asked(
    names: Sequence[str], target: str | None = None, test: str | None = None, columns: str | None = None
) -> Asked | None:
    """What is asked for where the names are those of data files; None where they are configs.

    Raises InputError where both are there, or options of data files stand beside configs.
    """
    options = {"--target": target, "--test": test, "--columns": columns}
    given = [option for option, value in options.items() if value is not None]
    data = [name for name in names if is_data(name, bool(given))]
    if not data:
        if given and names:
            there = "data.target" if target is not None else "split.files.test" if test is not None else "data.columns"
            raise InputError(f"{given[0]} goes with a data file, and {names[0]} is a config; set {there}= behind it")
        return None
    if len(data) < len(names):
        config = next(name for name in names if name not in data)
        message = f"{data[0]} is a data file and {config} a config; expected the one or the other"
        raise InputError(f"{message} (data.source={data[0]} gives a config its data)")
    return Asked(files=tuple(data), target=target, test=test, columns=None if columns is None else _names(columns))


def asked_for(files: Sequence[str], target: str | None, test: str | None, columns: str | None) -> Asked:
    """The same where only data files can be meant. Raises InputError for configs."""
    require_text([*files, *([] if test is None else [test])])
    for name in files:
        if name == "-" or name.lower().endswith((".yaml", ".yml")):
            raise InputError(f"{name} is a config already; expected a data file (dltrain train {name} trains it)")
    return Asked(files=tuple(files), target=target, test=test, columns=None if columns is None else _names(columns))


def is_data(name: str, options: bool = False) -> bool:
    """Whether a name is that of a data file or folder: by its ending; any other with options of data files."""
    if name == "-" or name.lower().endswith((".yaml", ".yml")):
        return False
    from dltrain.config.endings import is_data as ends_like_data

    return ends_like_data(name) or os.path.isdir(name) or options


def _names(columns: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in columns.split(","))
    if not all(names):
        raise InputError(f"--columns: an empty name in {columns!r}; expected A,B,...")
    return names


def look_at(what: Asked) -> Look:
    """Raises InputError that speaks of options, not of keys."""
    from dltrain.data.looking.look import Request, look

    given = what.starter()
    request = Request(files=tuple(given["files"]), target=what.target, test=given["test"], columns=what.columns)
    try:
        return look(request)
    except InputError as error:
        raise as_options(error) from None


def written(what: Asked, folder: Path | None, show: bool) -> tuple[Look, str]:
    """What the files hold and the config for them, paths in it relative to `folder`. `show`: a table on stderr."""
    from dltrain.config.starter import write

    found = look_at(what)
    if show:
        import sys

        from dltrain.cli.streams import stuck
        from dltrain.report.look_table import print_look

        if not stuck(sys.stderr):
            print_look(found, stream=sys.stderr)
    return found, write(found, None if folder is None else os.path.abspath(folder))


def load(
    what: Asked, overrides: Sequence[str], run: Path | None, record: Mapping[str, Any] | None, show: bool
) -> Loaded:
    """The config for data files, with the overrides over it.

    If the run exists and was asked for in the same words, its own config is taken: a later release may write another.
    """
    from dltrain import config, resuming

    starter = what.starter()
    text = None
    if run is not None and record is not None and resuming.is_same_start(record, starter):
        try:
            text = (run / NAME).read_text(encoding="utf-8")
        except (OSError, ValueError):
            text = None
    if text is None:
        _, text = written(what, None, show)
    try:
        return replace(config.load([NAME], overrides, {NAME: text}), starter=starter)
    except InputError as error:
        raise as_options(error) from None


def prepare(
    what: Asked, overrides: Sequence[str], run: Path | None, record: Mapping[str, Any] | None, show: bool
) -> Ready:
    """The data and config of a run that starts from data files, or goes on."""
    from dltrain.cli.preparing import prepare as prepared

    loaded = load(what, overrides, run, record, show)
    try:
        return prepared(loaded, not show)
    except InputError as error:
        raise as_options(error) from None


def as_options(error: InputError) -> InputError:
    """The error as someone understands it who never saw a config."""
    return type(error)(*(_as_option(problem) for problem in error.problems))


def _as_option(problem: Problem) -> Problem:
    where = None if problem.where is not None and problem.where.startswith(f"{NAME}:") else problem.where
    key = OPTIONS.get(problem.key or "", problem.key)
    message = problem.message.replace("names in data.columns", "names with --columns A,B,...")
    message = message.replace("leave data.columns out", "leave --columns out")
    return Problem(message, None if (key or "").startswith("data.source") else key, where)


def _absolute(name: str) -> str:
    return os.path.abspath(os.path.expanduser(name))
