"""`dltrain minimize`"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer

from dltrain.cli.options import Json, Quiet, print_json, split_arguments
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from dltrain.autodiff import Expression, Minimized
    from dltrain.autodiff.parsing import Data
    from dltrain.engine.optimizers import Optimizer
    from dltrain.engine.schedules import Schedule

    Read: TypeAlias = tuple[Expression, Optimizer, Schedule, tuple[str, ...], dict[str, float]]

T = TypeVar("T")
DIVERGED = 3
MOST_STEPS = 1_000_000
Arguments = Annotated[
    list[str],
    typer.Argument(
        metavar="EXPRESSION [KEY=VALUE ...]",
        help="A cost of numbers, names, + - * / **, x[0] of data, pi, abs cos exp log max min plateau relu saddle "
        "sigmoid sin sqrt tan tanh; and keys of optimizer and schedule. After -- if it begins with a minus.",
    ),
]
Rate = Annotated[str | None, typer.Option(metavar="ALPHA", help="optimizer.learning_rate; by kind, if not given.")]
Steps = Annotated[int, typer.Option(min=0, max=MOST_STEPS, help="Updates; each is an epoch to the schedule.")]
Start = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Where a variable starts; 0 otherwise.")]
Kind = Annotated[str | None, typer.Option(metavar="KIND", help="As in a config; gradient_descent, if not given.")]
Falling = Annotated[str | None, typer.Option(metavar="KIND", help="As in a config; constant, if not given.")]
Files = Annotated[list[str] | None, typer.Option(metavar="NAME=FILE", help="Numbers for NAME[0] and NAME[0][0].")]
Every = Annotated[int | None, typer.Option(metavar="N", min=1, help="Show the path, each N steps.")]


def command(
    arguments: Arguments,
    learning_rate: Rate = None,
    steps: Steps = 1000,
    start: Start = None,
    optimizer: Kind = None,
    schedule: Falling = None,
    data: Files = None,
    every: Every = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Minimize a cost typed by hand; automatic differentiation finds its gradient.

    Example: dltrain minimize "w**2 - 10*w + 25" --learning-rate 0.01 --steps 1000
    """
    from dltrain.cli.streams import tell

    text, overrides = _expression(arguments)
    kinds = {"optimizer": optimizer, "schedule": schedule}
    moving = [*_set(kinds), *overrides, *_set({"optimizer.learning_rate": learning_rate})]
    expression, update, falling, notices, begin = _read(text, moving, data or [], start or [])
    for notice in () if quiet else notices:
        tell(f"note: {notice}")
    from dltrain.autodiff import minimize

    found = minimize(expression, update, falling, steps=steps, start=begin, every=every)
    _show(found, as_json, quiet)
    if found.diverged:
        raise typer.Exit(DIVERGED)


def _expression(arguments: list[str]) -> tuple[str, list[str]]:
    """The one argument that is no KEY=VALUE. An expression with == or = in it is told as such by the parser."""
    texts, overrides = split_arguments(arguments)
    if not texts and len(arguments) == 1:
        texts, overrides = arguments, []
    if len(texts) != 1:
        many = f"{len(texts)} expressions; expected one, in quotes" if texts else "an expression is missing"
        raise InputError(f'{many}: dltrain minimize "w**2 - 10*w + 25"')
    return texts[0], overrides


def _set(values: dict[str, str | None]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items() if value is not None]


def _pairs(texts: list[str], option: str, expected: str) -> dict[str, str]:
    """NAME=VALUE, each name once."""
    found: dict[str, str] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name.isidentifier() or not value:
            problems.append(Problem(f"{text!r} is not allowed; expected {expected}", option))
        elif name in found:
            problems.append(Problem(f"{name} is given twice; leave one", option))
        found[name] = value
    if problems:
        raise InputError(*problems)
    return found


def _numbers(texts: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    problems = []
    for name, text in _pairs(texts, "--start", "NAME=VALUE, such as w=3").items():
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            problems.append(Problem(f"{name}: {text!r} is no finite number", "--start"))
    if problems:
        raise InputError(*problems)
    return found


def _read(text: str, moving: list[str], data: list[str], start: list[str]) -> Read:
    """All that was typed, or all that is wrong with it."""
    from dltrain.autodiff import parse
    from dltrain.config.moving import load_moving

    problems: list[Problem] = []

    def kept(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except InputError as error:
            problems.extend(error.problems)
            return None

    given = kept(lambda: _files(data))
    expression = None if given is None else kept(lambda: parse(text, given))
    update = kept(lambda: load_moving(moving))
    begin = kept(lambda: _numbers(start))
    if expression is None or update is None or begin is None:
        raise InputError(*problems)
    return (expression, *update, begin)


def _files(texts: list[str]) -> Data:
    from dltrain.data.series import read_numbers

    pairs = _pairs(texts, "--data", "NAME=FILE, such as x=coefficients.csv")
    return {name: read_numbers(Path(file).expanduser()) for name, file in pairs.items()}


def _show(found: Minimized, as_json: bool, quiet: bool) -> None:
    from dltrain.report.descents import print_descent, values_line

    record = found.to_json()
    if found.diverged:
        _tell_diverged(found)
    if as_json:
        print_json(record)
    elif quiet and not found.diverged:
        typer.echo(values_line(record["after"]["values"]))
    elif not found.diverged:
        print_descent(record)
    elif record["before"]:
        typer.echo(values_line(record["before"]["values"]))


def _tell_diverged(found: Minimized) -> None:
    from dltrain.cli.boundary import say
    from dltrain.report.descents import values_line

    lost = found.diverged
    assert lost is not None
    where = values_line(dict(zip(found.expression.variables, lost.theta, strict=True)))
    what = "try a smaller --learning-rate"
    if lost.step == 0:
        what = "start elsewhere: --start"
    elif lost.what.endswith("-inf"):
        what = "it falls without end, so there is no minimum on this way"
    say(f"{lost} at {where[:200]}; {what}")
