"""`dltrain evaluate`"""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli.options import RUNS_DIR, Json, Quiet, Run, RunsDir, print_json
from dltrain.cli.streams import tell
from dltrain.errors import InputError, did_you_mean

PARTS = ("train", "train_dev", "dev", "test")


def _part(name: str) -> str:
    if name not in PARTS:
        raise InputError(f"--part: {name} is no part; expected {', '.join(PARTS)}{did_you_mean(name, PARTS)}")
    return name


def command(
    run: Run,
    part: Annotated[
        str, typer.Option("--part", metavar="PART", help="train, train_dev, dev or test: of the run's own data.")
    ] = "test",
    data: Annotated[
        str | None, typer.Option("--data", metavar="FILE", help="A new labelled file instead; - is stdin.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Measure a run's errors on a part of its data, or on a new labelled file.

    Each look at the test part is recorded: many looks make it a second dev set. With -q: the error alone.

    Example: dltrain evaluate latest --part test
    """
    from dltrain import runs, trained
    from dltrain.report.tables import print_evaluation

    named, path = _part(part), runs.find(runs_dir, run)
    found = trained.evaluate_file(path, data) if data else trained.evaluate_part(path, named)
    for note in () if quiet else found.notes:
        tell(f"note: {note}")
    if as_json:
        print_json(found.record)
        return
    if quiet:
        typer.echo(repr(found.record["error"]["value"]))
        return
    print_evaluation(found.record, task=found.task, confidence=found.confidence)
