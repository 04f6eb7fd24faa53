"""What `minimize` found, in the terminal: where it began and ended, the path, and what lies at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import number

MOST_COLUMNS = 8
"""Variables that have columns of their own in the table."""
ADAPTIVE = ("rmsprop", "adam", "adamw")
OFF = 0.01
"""How far off a saddle's axis a start is suggested."""


def values_line(values: Mapping[str, float]) -> str:
    """`w = 4.9999999916, b = 0`: 11 significant digits."""
    return ", ".join(f"{name} = {_exactly(value)}" for name, value in values.items())


def print_descent(found: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """The plain data of `minimize --json`, finished."""
    points = found["path"] or [found["before"], found["after"]]
    names = found["variables"] if len(found["variables"]) <= MOST_COLUMNS else ()
    table = plain_table()
    for header in ("step", *names, "cost", "gradient norm"):
        column(table, header, right=True)
    for point in points:
        values = [_exactly(point["values"][name]) for name in names]
        table.add_row(f"{point['step']:,}", *values, number(point["cost"], 6), number(point["gradient_norm"], 2))
    lines = [values_line(found["before"]["values"]), values_line(found["after"]["values"])]
    show(*lines, "", table, "", *_ending_lines(found), stream=stream)


def _exactly(value: float) -> str:
    return f"{value:.11g}" if value else "0"


def _ending_lines(found: Mapping[str, Any]) -> list[str]:
    ended, gradient = found["ended"], number(found["after"]["gradient_norm"], 2)
    along, fell = ended["along"], number(ended["fell"], 2)
    if ended["kind"] == "minimum":
        return [f"a minimum: curvature {_span(ended['curvatures'])}, gradient {gradient}"]
    if ended["kind"] in ("saddle", "maximum"):
        falls = f"the gradient is {gradient}, and the cost falls along {along}"
        return [
            f"a {ended['kind']}, no minimum: {falls} (curvature {number(ended['curvatures'][0], 3)})",
            *_away(found),
        ]
    if ended["kind"] == "flat":
        return [f"flat: the gradient is {gradient}, and along {along} the curvature is 0", *_away(found)]
    if ended["kind"] == "kink":
        return [f"no verdict: the curvature is not finite here; the gradient is {gradient}"]
    if ended["kind"] == "plateau":
        slow = f"the gradient is {gradient}, and the last half of the steps took {fell} off the cost"
        return [f"a plateau, no minimum: {slow}", f"  {_faster(found)}"]
    if not found["steps"]:
        return [f"not at rest: the gradient is {gradient}"]
    if ended["fell"] > 0:
        return [
            f"on its way: the gradient is {gradient}, and the last half of the steps took {fell} off the cost",
            "  take more --steps, or a larger --learning-rate",
        ]
    return [
        f"not at rest: the gradient is {gradient}, and the last half of the steps took nothing off the cost",
        "  try a smaller --learning-rate, or one that falls: --schedule cosine",
    ]


def _span(values: Sequence[float]) -> str:
    low, high = number(values[0], 3), number(values[-1], 3)
    return low if low == high else f"{low} to {high}"


def _away(found: Mapping[str, Any]) -> list[str]:
    along = found["ended"]["along"]
    if not found["ended"]["unmoved"]:
        return ["  more --steps lead off it"] if found["ended"]["kind"] != "flat" else []
    start = found["before"]["values"][along]
    return [
        f"  {along} never moved, for its gradient was 0 all the way: "
        f"start off the axis, --start {along}={_exactly(start + OFF)}"
    ]


def _faster(found: Mapping[str, Any]) -> str:
    if found["optimizer"]["kind"] in ADAPTIVE:
        return "take more --steps, or a larger --learning-rate"
    return "rmsprop and adam divide by the gradient's size: --optimizer rmsprop"
