"""`dltrain compare`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltrain.cli.options import RUNS_DIR, Json, Quiet, RunsDir, print_json
from dltrain.errors import InputError, Problem


def command(
    names: Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Two runs or more; a study is its runs.")],
    by_config: Annotated[
        bool,
        typer.Option("--by-config", help="Take runs that differ only by seed as one config; 3 or more seeds each."),
    ] = False,
    confidence: Annotated[str | None, typer.Option(metavar="RATE", help="Of the intervals; the first run's.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Say what differs between runs, and test their dev errors on the same examples.

    With -q: their names, the best first.

    Example: dltrain compare latest digits-20261122T134600Z-a1b2c3
    """
    level = _confidence(confidence)
    paths = [path for name in names for path in _runs_of(runs_dir, name)]
    from dltrain.comparing import compare_runs

    found = compare_runs(paths, by_config=by_config, confidence=level)
    if as_json:
        print_json(found)
        return
    if quiet:
        kind = "config" if by_config else "run"
        typer.echo("\n".join(str(one[kind]) for one in found[f"{kind}s"]))
        return
    from dltrain.report.comparison import print_comparison

    print_comparison(found)


def _confidence(text: str | None) -> float | None:
    from dltrain.diagnosis import parse_rate

    if text is None:
        return None
    value = parse_rate(text, "--confidence")
    if not 0 < value < 1:
        raise InputError(Problem("expected more than 0% and less than 100%, such as 95%", "--confidence"))
    return value


def _runs_of(runs_dir: Path, name: str) -> list[Path]:
    """The run, or the finished runs of a study."""
    from dltrain import runs

    path = runs.find_either(runs_dir, name)
    if not runs.is_study(path):
        return [path]
    trials = [trial.path for trial in runs.list_runs(path / "trials") if trial.headline is not None]
    if not trials:
        raise InputError(f"study {path.name} has no finished run to compare")
    return sorted(trials, key=lambda trial: int(trial.name) if trial.name.isdigit() else 0)
