"""`dltrain evaluate`"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dltrain.cli.options import RUNS_DIR, Json, Run, RunsDir, print_json


class Part(StrEnum):
    train = "train"
    train_dev = "train_dev"
    dev = "dev"
    test = "test"


def command(
    run: Run,
    part: Annotated[Part, typer.Option("--part", help="Which part of the run's data.")] = Part.test,
    data: Annotated[
        str | None, typer.Option("--data", metavar="FILE", help="A new labelled file instead; - is stdin.")
    ] = None,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Measure a run's errors on a part of its data, or on a new labelled file.

    Each look at the test part is recorded: many looks make it a second dev set.

    Example: dltrain evaluate latest --part test
    """
    from dltrain import runs, trained
    from dltrain.report.tables import print_evaluation

    path = runs.find(runs_dir, run)
    found = trained.evaluate_file(path, data) if data else trained.evaluate_part(path, part.value)
    if as_json:
        print_json(found.record)
        return
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    print_evaluation(found.record, task=found.task, confidence=found.confidence)
