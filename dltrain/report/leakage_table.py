"""What `check --leakage` shows: the rows that were changed, and the training set that did not move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import clean, count

HEADERS = {
    "rows": "rows",
    "cells": "cells changed",
    "gaps": "gaps put in",
    "categories": "unseen categories",
    "targets": "targets changed",
    "moved": "rows moved",
}


def print_leakage(report: Mapping[str, Any], *, stream: TextIO | None = None) -> None:
    """The verdict, then what it rests on. Read of it: `perturbed` (part and counts), `compared` (name, size, same) and
    `leaks` (names)."""
    changed = plain_table()
    column(changed, "perturbed", whole=True)
    for header in HEADERS.values():
        column(changed, header, right=True)
    for one in report["perturbed"]:
        changed.add_row(clean(one["part"]), *(count(one[key]) for key in HEADERS))
    same = plain_table()
    column(same, "compared", whole=True)
    column(same, "size")
    column(same, "bit for bit")
    for one in report["compared"]:
        same.add_row(clean(one["name"]), clean(_short(one["size"])), "the same" if one["same"] else "MOVED")
    show(verdict(report), "", changed, "", same, stream=stream)


def verdict(report: Mapping[str, Any]) -> str:
    """The one sentence that says it."""
    leaks = report["leaks"]
    if leaks:
        return f"leakage: {', '.join(leaks)} moved as rows of other parts changed"
    rows = sum(one["rows"] for one in report["perturbed"])
    parts = ", ".join(str(one["part"]) for one in report["perturbed"])
    return f"nothing leaks: all {count(rows)} rows of {parts} were changed, and nothing that training uses moved"


def _short(size: str) -> str:
    return size if len(size) <= 40 else size[:37] + "..."
