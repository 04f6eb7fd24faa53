"""The winner of a search beside its neighbours, trained again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltrain.report.console import column, plain_table
from dltrain.report.formats import clean
from dltrain.report.recipe import VERDICTS, written
from dltrain.studies.recipe import change_text

if TYPE_CHECKING:
    from rich.console import RenderableType

WORDS = {"helped": "better", "hurt": "worse"}


def recheck_parts(record: Mapping[str, Any]) -> list[RenderableType]:
    """Of study.json: the winner, each neighbour with its paired change, and what changed since the search."""
    from rich.text import Text

    summary, task = record.get("summary") or {}, str(record.get("task"))
    table = plain_table()
    column(table, "point")
    for header in ("train", "dev", "dev, paired", "p"):
        column(table, header, right=True)
    column(table, "verdict")
    table.add_row("the winner", *_errors(summary["winner"], task), "", "", "")
    for step in summary["steps"]:
        verdict = Text(WORDS.get(step["verdict"], step["verdict"]), style=VERDICTS.get(step["verdict"], ""))
        change = "" if step["change"] is None else change_text(step["change"], task)
        p = "" if step["p_holm"] is None else f"{step['p_holm']:.3f}"
        table.add_row(clean(step["action"]), *_errors(step, task), change, p, verdict)
    return [table, "", *recheck_lines(record)]


def recheck_lines(record: Mapping[str, Any]) -> list[str]:
    """What changed since, and the headline; none for a study of another kind."""
    summary = record.get("summary") or {}
    if (record.get("study") or {}).get("kind") != "recheck" or "steps" not in summary:
        return []
    changed = "; ".join(map(clean, summary["changed"])) or "nothing"
    return [f"changed since the search: {changed}", clean(summary["headline"])]


def _errors(side: Mapping[str, Any], task: str) -> list[str]:
    return [written(side["errors"][part]["value"], task) if part in side["errors"] else "" for part in ("train", "dev")]
