"""`dltrain gradcheck`"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from dltrain.cli.options import Json, Quiet, print_json, split_arguments

if TYPE_CHECKING:
    from dltrain.gradcheck import Report

FOUND = 4
ROWS = 32


class Options(TypedDict):
    """What every check takes."""

    epsilon: float
    one_sided: bool
    samples: int | None


def command(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CONFIG] [KEY=VALUE ...]", help="Without one: every kind of network."),
    ] = None,
    epsilon: Annotated[float, typer.Option(help="ε of the difference quotient.")] = 1e-7,
    after_steps: Annotated[int, typer.Option(min=0, help="Check again after so many steps.")] = 10,
    with_dropout: Annotated[bool, typer.Option("--with-dropout", help="Keep dropout on, its masks frozen.")] = False,
    one_sided: Annotated[bool, typer.Option("--one-sided", help="The less accurate quotient.")] = False,
    samples: Annotated[int | None, typer.Option(min=1, help="Check so many parameters, drawn at random.")] = None,
    module: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:NAME", help="Check your own code: NAME() gives theta, cost, gradient."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check the gradients of backpropagation against difference quotients.

    Example: dltrain gradcheck configs/digits.yaml
    """
    from dltrain import gradcheck
    from dltrain.errors import InputError

    given = list(arguments or [])
    options: Options = {"epsilon": epsilon, "one_sided": one_sided, "samples": samples}
    if module and given:
        raise InputError("give a config or --module, not both")
    reports: Iterator[tuple[str, Report]]
    if module:
        reports = iter([(module, gradcheck.check(gradcheck.load_module(module), **options))])
    elif given:
        reports = _of_config(given, after_steps, with_dropout, options)
    else:
        reports = gradcheck.check_all(after_steps=after_steps, with_dropout=with_dropout, **options)
    found = list(_watched(reports, many=not module and not given and not quiet, after_steps=after_steps))
    _show(found, as_json, quiet, many=not module and not given)
    if any(report.exit_code for _, report in found):
        raise typer.Exit(FOUND)


def _of_config(
    arguments: list[str], after_steps: int, with_dropout: bool, options: Options
) -> Iterator[tuple[str, Report]]:
    """The config's own network, in float64, on its first training rows."""
    from dltrain import config, experiment, gradcheck

    ready = experiment.prepare(config.load(*split_arguments(arguments)))
    program = ready.plan.program()
    rows = ready.rows("train")
    assert rows is not None
    n = min(ROWS, len(rows))
    weights = rows.loss_weights()
    reports = gradcheck.check_program(
        program,
        rows.X[:n],
        rows.y[:n],
        after_steps=after_steps,
        with_dropout=with_dropout,
        epsilon=options["epsilon"],
        one_sided=options["one_sided"],
        samples=options["samples"] or gradcheck.suggested_samples(program),
        weights=None if weights is None else weights[:n],
    )
    for report in reports:
        yield str(ready.plan.experiment.name), report


def _watched(reports: Iterator[tuple[str, Report]], many: bool, after_steps: int) -> Iterator[tuple[str, Report]]:
    """The same reports, counted on a terminal's stderr as they come."""
    from dltrain import gradcheck
    from dltrain.report.counting import counting

    return counting(reports, "gradient checks", gradcheck.count(after_steps)) if many else reports


def _show(found: list[tuple[str, Report]], as_json: bool, quiet: bool, many: bool) -> None:
    if as_json:
        print_json({"checks": [{"case": name, **report.to_json()} for name, report in found]})
        return
    if quiet:
        typer.echo("\n".join(report.verdict for _, report in found))
        return
    from dltrain.report.tables import print_gradcheck, print_gradchecks

    if many:
        print_gradchecks({f"{name}, {report.at}": report.to_json() for name, report in found})
        return
    for n, (name, report) in enumerate(found):
        if n:
            typer.echo()
        print_gradcheck(report.to_json(), title=f"{name}, {report.at}")
