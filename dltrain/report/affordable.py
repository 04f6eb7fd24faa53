"""What a budget pays for, in a few lines: the times it was reckoned from, the trials, panda or caviar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Group
from rich.text import Text

from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import clean, count, duration

WHY = {
    "caviar": "caviar: enough trainings fit in to try many models at once and keep the best",
    "halving": "caviar, with poor trials ended early: too few trainings fit in otherwise",
    "panda": "panda: few trainings fit in, so look after one model, watch its curves and adjust it",
}


def print_affordable(record: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """`plan` as `Affordable.to_json` gives it, and `commands`."""
    plan = record["plan"]
    table = plain_table()
    for header in ("a step", "steps", "epochs", "a training"):
        column(table, header, right=True)
    column(table, "of this point")
    for one in plan["timed"]:
        words = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in one["overrides"].items())
        times = [f"{1000 * one['step']:.2f} ms", count(one["steps"]), count(one["epochs"]), _seconds(one["training"])]
        table.add_row(*times, clean(words))
    lines = [
        f"a trial takes {_seconds(plan['trial'])} in the mean, {_seconds(plan['start'])} of it for its start and end",
        f"{duration(plan['budget'])} with {count(plan['workers'])} workers pay for {count(plan['trials'])} trials",
        WHY[plan["way"]],
    ]
    if plan["way"] == "halving":
        lines.append(f"successive halving takes {100 * plan['share_pruned']:.0f}% of their epochs")
    show(
        Group(table, Text("\n".join(["", *lines, ""])), *(Text(f"  {clean(line)}") for line in record["commands"])),
        stream=stream,
    )


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else duration(value)
