"""`dltrain watch`"""

from __future__ import annotations

from pathlib import Path

import typer

from dltrain.cli.options import RUNS_DIR, Json, Run, RunsDir


def command(run: Run, as_json: Json = False, runs_dir: RunsDir = RUNS_DIR) -> None:
    """Look on while a run or a study trains; Ctrl-C leaves it alone.

    Example: dltrain watch latest
    """
    from dltrain import runs
    from dltrain.report import watching

    path = runs.find_either(runs_dir, run)
    if runs.is_study(path):
        from dltrain.report.watching_study import watch_study

        watch_study(path, as_json=as_json)
        return
    watching.watch_run(path, as_json=as_json)
    if not as_json:
        typer.echo(_result(path))


def _result(path: Path) -> str:
    from dltrain.report.watching import result_line

    return result_line(path)
