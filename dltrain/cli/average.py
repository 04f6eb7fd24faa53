"""`dltrain average`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dltrain.cli.options import Json, print_json
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from dltrain.engine.arrays import Floats

STDOUT = "-"


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table: csv, tsv, jsonl or parquet.")],
    column: Annotated[str, typer.Option("--column", metavar="COLUMN", help="The series: a name, or -1 for the last.")],
    beta: Annotated[
        list[float] | None, typer.Option(metavar="BETA", help="0.9, if not given; several allowed.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the averages as CSV; - is stdout.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Average a series with exponentially falling weights, with and without bias correction.

    Example: dltrain average configs/temperature.csv --column T --beta 0.98
    """
    betas = _checked(beta or [0.9])
    from dltrain.data.series import read_series
    from dltrain.engine import averages

    if output and as_json:
        raise InputError("--json and -o both want the output; leave one")
    name, theta = read_series(file, column)
    plain = {b: averages.weighted_average(theta, b) for b in betas}
    fair = {b: averages.corrected(v, b) for b, v in plain.items()}
    if output:
        _write(output, name, theta, plain, fair)
        return
    record = _record(file, name, theta, plain, fair)
    if as_json:
        print_json(record)
        return
    from dltrain.report.averages import print_averages

    print_averages(record, _lines(name, theta, plain, fair))


def _checked(betas: list[float]) -> list[float]:
    bad = [b for b in betas if not 0 <= b < 1]
    twice = sorted({b for b in betas if betas.count(b) > 1})
    if bad or twice:
        raise InputError(
            *(Problem(f"{b:g} is not allowed; expected at least 0 and below 1, such as 0.9", "--beta") for b in bad),
            *(Problem(f"{b:g} is given twice; leave one", "--beta") for b in twice),
        )
    return betas


Averages = dict[float, "Floats"]


def _record(file: Path, name: str, theta: Floats, plain: Averages, fair: Averages) -> dict[str, Any]:
    from dltrain.engine import averages

    found = [
        {
            "beta": beta,
            "window": averages.window(beta),
            "lag": averages.mean_lag(beta),
            "measured_lag": averages.measured_lag(theta, beta),
            "noise": averages.noise(fair[beta]),
            "first": {"plain": float(v[0]), "corrected": float(fair[beta][0])},
            "last": {"plain": float(v[-1]), "corrected": float(fair[beta][-1])},
        }
        for beta, v in plain.items()
    ]
    noise = averages.noise(theta)
    return {"file": str(file), "column": name, "n": theta.size, "noise": noise, "averages": found}


def _lines(name: str, theta: Floats, plain: Averages, fair: Averages) -> dict[str, Any]:
    lines = {name: theta}
    for beta, v in plain.items():
        lines |= {f"beta {beta:g}": v, f"beta {beta:g} corrected": fair[beta]}
    return lines


def _write(output: str, name: str, theta: Floats, plain: Averages, fair: Averages) -> None:
    import csv
    import io

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    columns = _lines(name, theta, plain, fair)
    rows.writerow(["t", *(label.replace(" ", "_") if label != name else label for label in columns)])
    rows.writerows(zip(range(1, theta.size + 1), *(values.tolist() for values in columns.values()), strict=True))
    if output == STDOUT:
        from dltrain.cli.streams import for_data

        for_data().write(text.getvalue())
        return
    from dltrain.storage import write_text

    if not Path(output).parent.is_dir():
        raise InputError(Problem("there is no such folder to write to", where=str(Path(output).parent)))
    write_text(Path(output), text.getvalue())
