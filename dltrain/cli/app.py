"""All commands, in the panels of `dltrain --help`."""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli import (
    adjust,
    average,
    check,
    compare,
    data_fetch,
    data_list,
    data_preview,
    diagnose,
    evaluate,
    explain,
    gradcheck,
    init,
    learning_curve,
    minimize,
    predict,
    recipe,
    report,
    resume,
    runs,
    schema,
    search,
    train,
    watch,
)

app = typer.Typer(
    name="dltrain",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from dltrain import __version__

        typer.echo(f"dltrain {__version__}")
        raise typer.Exit


@app.callback()
def dltrain(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug.")] = False,  # see boundary.main
) -> None:
    """Trains neural networks declared in YAML, and says what is wrong with them and what to run next.

    Example: dltrain train configs/digits.yaml
    """


TRAIN, DIAGNOSE, SEARCH = "Train", "Diagnose", "Search"
RUNS, DATA, CONFIG = "Runs", "Data", "Config"
app.command("train", rich_help_panel=TRAIN)(train.command)
app.command("resume", rich_help_panel=TRAIN)(resume.command)
app.command("evaluate", rich_help_panel=TRAIN)(evaluate.command)
app.command("predict", rich_help_panel=TRAIN)(predict.command)
app.command("minimize", rich_help_panel=TRAIN)(minimize.command)
app.command("diagnose", rich_help_panel=DIAGNOSE)(diagnose.command)
app.command("recipe", rich_help_panel=DIAGNOSE)(recipe.command)
app.command("learning-curve", rich_help_panel=DIAGNOSE)(learning_curve.command)
app.command("gradcheck", rich_help_panel=DIAGNOSE)(gradcheck.command)
app.command("search", rich_help_panel=SEARCH)(search.command)
app.command("adjust", rich_help_panel=SEARCH)(adjust.command)
app.command("watch", rich_help_panel=SEARCH)(watch.command)
app.command("runs", rich_help_panel=RUNS)(runs.command)
app.command("compare", rich_help_panel=RUNS)(compare.command)
app.command("report", rich_help_panel=RUNS)(report.command)
app.command("average", rich_help_panel=DATA)(average.command)
app.command("init", rich_help_panel=CONFIG)(init.command)
app.command("check", rich_help_panel=CONFIG)(check.command)
app.command("schema", rich_help_panel=CONFIG)(schema.command)
app.command("explain", rich_help_panel=CONFIG)(explain.command)

data = typer.Typer(help="Data sets by name, and a look at augmented pictures.", no_args_is_help=True)
data.command("list")(data_list.command)
data.command("fetch")(data_fetch.command)
data.command("preview")(data_preview.command)
app.add_typer(data, name="data", rich_help_panel=DATA)
