"""The space of a search as a table: what is varied, on which scale, between which ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import clean, count


def print_space(search: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """Read of it: `kind`, `trials`, `rounds` (points of each), `seeds`, `objective`, `space` (rows of `path`, `kind`,
    `low`, `high` or `values`, `when`)."""
    table = plain_table()
    for header, right in (("varied", False), ("scale", False), ("from", True), ("to", True), ("when", False)):
        column(table, header, right=right)
    for one in search["space"]:
        values = one.get("values")
        low = one.get("low") if values is None else ", ".join(clean(value) for value in values)
        when = ", ".join(f"{clean(key)} is {clean(value)}" for key, value in (one.get("when") or {}).items())
        table.add_row(clean(one["path"]), one["kind"], f"{low}", f"{one.get('high', '')}", when)
    show("", f"search: {_sizes(search)}, minimizing {clean(search['objective'])}", table, stream=stream)


def _sizes(search: Mapping[str, Any]) -> str:
    rounds = search["rounds"]
    points = f"{count(search['trials'])} points"
    if len(rounds) > 1:
        points += f" in {len(rounds)} rounds"
    seeds = f", each with {search['seeds']} seeds" if search["seeds"] > 1 else ""
    return f"{search['kind']}, {points}{seeds}"
