"""A search's headline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltrain.studies.model import OBJECTIVE, Context
from dltrain.studies.seeds import with_interval, written

if TYPE_CHECKING:
    from dltrain.studies.search import Search


def headline(summary: Mapping[str, Any], search: Search, context: Context) -> str | None:
    """The winner's error with fresh seeds, what the search itself saw, and how much of that was luck:
    `best of 60: dev 1.9% [1.1%, 2.7%] over 3 fresh seeds; the search itself saw 0.84%, about 1.4 points of luck`."""
    seen, winner = summary["best"], summary["winner"]
    if seen is None:
        return None
    part = "dev" if "dev" in summary["errors"] else "train"
    entry = summary["errors"].get(part)
    start = f"best of {in_numbers(search.trials, 'point')}: "
    if winner is None or not winner["errors"] or entry is None:
        return f"{start}{_seen(seen, search, context)} in the search{_luck(summary, context)}"
    finished = sum(trial["state"] == "finished" for trial in winner["trials"])
    again = f"{part} {with_interval(entry, context)} over {in_numbers(finished, 'fresh seed')}"
    return f"{start}{again}; the search itself saw {_seen(seen, search, context)}{_luck(summary, context)}"


def _seen(seen: Mapping[str, Any], search: Search, context: Context) -> str:
    if search.objective == OBJECTIVE:
        return written(seen["objective"], context)
    return f"{search.objective} {seen['objective']:.4g}"


def _luck(summary: Mapping[str, Any], context: Context) -> str:
    value = summary["luck"]["value"]
    if value is None:
        return ""
    text = f"{value:.3f}" if context.task == "regression" else f"{100 * value:.1f} points"
    return f", about {text} of luck" if text.strip("-0. points") else ", next to none of it luck"


def in_numbers(number: int, what: str) -> str:
    """`1 point`, `3 points`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
