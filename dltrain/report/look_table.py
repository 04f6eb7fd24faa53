"""What was seen in a data file, as a table: a row a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from dltrain.report.console import column, plain_table, show
from dltrain.report.formats import clean, count

if TYPE_CHECKING:
    from dltrain.config.starter import Column, Look

MOST = 15
_LONGEST = 40


def print_look(look: Look, *, stream: TextIO | None = None) -> None:
    """The columns (15 at most: those that are no inputs come first, then the others in the file's order)."""
    if not look.columns:
        show(_summary(look), stream=stream)
        return
    table = plain_table()
    shown = _shown(look.columns)
    apart = any(one.test_gaps for one in look.columns)
    column(table, "column")
    column(table, "holds")
    for header in ("gaps", "in test", "values") if apart else ("gaps", "values"):
        column(table, header, right=True)
    column(table, "first")
    column(table, "role")
    for one in shown:
        gaps = [count(n) if n else "" for n in ((one.gaps, one.test_gaps) if apart else (one.gaps,))]
        table.add_row(_cut(one.name), one.kind, *gaps, count(one.distinct), _cut(one.example), _role(one))
    more = len(look.columns) - len(shown)
    show(table, *([f"... and {count(more)} more inputs"] if more else []), stream=stream)


def _role(one: Column) -> str:
    if one.role == "excluded":
        return clean(f"left out: {one.why}")
    return clean(f"{one.role}: {one.why}" if one.why else one.role)


def _shown(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    if len(columns) <= MOST:
        return columns
    first = [one for one in columns if one.role != "input"][:MOST]
    inputs = [one for one in columns if one.role == "input"][: MOST - len(first)]
    kept = {one.name for one in (*first, *inputs)}
    return tuple(one for one in columns if one.name in kept)


def _summary(look: Look) -> str:
    what = ", ".join(f"{part}: {x} and {y}" for part, (x, y) in (look.arrays or {}).items())
    return clean(f"{count(look.rows)} rows; {what or look.why}")


def _cut(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
