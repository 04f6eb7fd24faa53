"""`dltrain runs`"""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli.options import RUNS_DIR, Json, Quiet, RunsDir, print_json


def command(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Show this one.")] = None,
    sort: Annotated[str, typer.Option(help="Column to sort by; - before it turns the order round.")] = "-created",
    only: Annotated[
        list[str] | None, typer.Option("--filter", metavar="KEY=VALUE", help="Only runs like this: state=finished.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """List runs, or show one.

    With -q: their paths alone, or its state.

    Example: dltrain runs --sort dev --filter state=finished
    """
    from dltrain import runs
    from dltrain.cli import listing

    if run is not None:
        path = runs.find_either(runs_dir, run)
        if quiet and not as_json:
            typer.echo(runs.read_either(path)["state"])
            return
        listing.show_one(path, as_json)
        return
    summaries = runs.list_runs(runs_dir)
    rows = listing.chosen(summaries, sort, only or [])
    if as_json:
        print_json({"runs": rows})
    elif as_csv:
        listing.print_csv(rows)
    elif quiet:
        for row in rows:
            typer.echo(row["path"])
    else:
        listing.print_table(rows, runs_dir, {summary.id: summary.settings for summary in summaries})
