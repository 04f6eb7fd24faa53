"""Exponentially weighted averages in the terminal: window, lag and noise of each β, the start, and a sketch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.report.bars import LEVELS
from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import NOTHING, clean, count, number

WIDTH = 60
"""Characters of the sketch."""


def print_averages(
    found: Mapping[str, Any], lines: Mapping[str, Sequence[float]], *, stream: TextIO | None = None
) -> None:
    """`found`: the plain data of `average --json`. `lines`: name -> values, drawn on one scale."""
    name = clean(found["column"])
    title = f"{name} of {clean(found['file'])}: {count(found['n'])} values, noise {number(found['noise'], 3)}"
    show(title, "", _table(found), "", *_sketch(lines), stream=stream)


def _table(found: Mapping[str, Any]) -> Any:
    table = plain_table()
    column(table, "beta", right=True)
    for header in ("window", "lag", "measured", "noise", "left"):
        column(table, header, right=True)
    column(table, "first value", right=True)
    column(table, "corrected", right=True)
    column(table, "last", right=True)
    column(table, "corrected", right=True)
    for each in found["averages"]:
        share = each["noise"] / found["noise"] if found["noise"] else None
        numbers = [each["window"], each["lag"]]
        ends = [each[when][what] for when in ("first", "last") for what in ("plain", "corrected")]
        table.add_row(
            f"{each['beta']:g}",
            *(number(value, 3) for value in numbers),
            NOTHING if each["measured_lag"] is None else count(each["measured_lag"]),
            number(each["noise"], 3),
            NOTHING if share is None else f"{100 * share:.1f}%",
            *(number(value, 4) for value in ends),
        )
    return table


def _sketch(lines: Mapping[str, Sequence[float]]) -> list[str]:
    means = {clean(name): _means(np.asarray(values, float)) for name, values in lines.items()}
    low = min(min(line) for line in means.values())
    high = max(max(line) for line in means.values())
    width = max(map(len, means))
    drawn = [f"{name:{width}}  {_blocks(line, low, high)}" for name, line in means.items()]
    return [*drawn, f"{'':{width}}  from {number(low, 3)} to {number(high, 3)}, each block the mean of its stretch"]


def _means(values: Floats) -> list[float]:
    return [float(piece.mean()) for piece in np.array_split(values, min(WIDTH, values.size))]


def _blocks(line: Sequence[float], low: float, high: float) -> str:
    return "".join(LEVELS[round((value - low) / ((high - low) or 1.0) * 7)] for value in line)
