"""`dltrain report`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltrain.cli.options import RUNS_DIR, Json, RunsDir, print_json


def command(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN...|STUDY", help="Runs; several share one page. Or a study.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; a single run's own folder if left out."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the curves of runs as .svg, .png or .pdf instead of a page."),
    ] = None,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Draw runs on one HTML page that opens offline; prints its path.

    Example: dltrain report latest
    """
    from dltrain import runs, storage
    from dltrain.errors import InputError
    from dltrain.report.gather import page_of, plot_of
    from dltrain.report.study_page import study_page

    paths = [runs.find_either(runs_dir, name) for name in names]
    studies = [path for path in paths if runs.is_study(path)]
    if studies and len(paths) > 1:
        raise InputError(f"{studies[0].name} is a study, which has a page of its own; draw it alone")
    if plot is not None and (studies or output):
        raise InputError("--plot draws the curves of runs, and no page: name runs, and leave -o out")
    target = plot or output or (paths[0] / "report.html" if len(paths) == 1 else Path("report.html"))
    if plot is not None:
        storage.write_bytes(target, plot_of(paths, plot))
    else:
        storage.write_text(target, study_page(paths[0]) if studies else page_of(paths))
    if as_json:
        print_json({"report": str(target), "runs": [str(path) for path in paths]})
    else:
        typer.echo(target)
