"""`dltrain predict`"""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli.options import RUNS_DIR, Run, RunsDir
from dltrain.cli.streams import for_data


def command(
    run: Run,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Raw rows, columns in any order; - is stdin.")],
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    hardmax: Annotated[bool, typer.Option("--hardmax", help="Add one 0/1 column a class.")] = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Predict raw new rows with a run's model; CSV on stdout.

    Example: dltrain predict latest rows.csv --proba
    """
    from dltrain import runs, trained

    opened = trained.open_run(runs.find(runs_dir, run))
    stdout = for_data()
    for line in trained.predictions_csv(opened, file, proba=proba, hardmax=hardmax):
        stdout.write(line)
