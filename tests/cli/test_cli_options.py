"""Options that commands share are declared once, in a record, and spread over a command's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from dltrain.cli import learning_curve, recipe, train
from dltrain.cli.options import spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    number: Annotated[int, typer.Option("--number", help="Any.")] = 3
    loud: Annotated[bool, typer.Option("--loud")] = False


def test_a_records_fields_are_options_in_its_place() -> None:
    said: list[object] = []

    @spread
    def command(name: str, *, first: str = "a", shared: Shared, last: str = "z") -> None:
        """What it does."""
        said.append((name, first, shared, last))

    app = typer.Typer()
    app.command()(command)
    helped = CliRunner().invoke(app, ["--help"]).output
    places = [helped.index(option) for option in ("--first", "--number", "--loud", "--last")]
    assert places == sorted(places) and "What it does." in helped
    assert CliRunner().invoke(app, ["x", "--loud", "--number", "5"]).exit_code == 0
    assert CliRunner().invoke(app, ["y"]).exit_code == 0
    assert said == [("x", "a", Shared(number=5, loud=True), "z"), ("y", "a", Shared(), "z")]


def test_commands_that_train_share_their_options() -> None:
    import inspect

    wanted = {"workers", "executor", "scheduler", "trial_timeout", "quiet", "as_json", "runs_dir", "run_id"}
    for command in (train.command, learning_curve.command, recipe.command):
        assert wanted <= set(inspect.signature(command).parameters)
