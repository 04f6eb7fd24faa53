"""What the trials of a search say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltrain.studies.model import Context, Result
from dltrain.studies.points import Point, best
from dltrain.studies.seeds import row

if TYPE_CHECKING:
    from dltrain.studies.search import Search


def summarize(search: Search, results: Sequence[Result], context: Context) -> dict[str, Any]:
    """`errors` of the best point, `best`, `winner` (the best point trained anew), `boxes` and `rounds`, `trials`."""
    points = search.points_of(results)
    found = best(points)
    again = [result for result in results if result.role == "winner"]
    rounds = _rounds(search, points)
    errors: dict[str, Any] = {} if found is None else {part: dict(entry) for part, entry in _errors(found).items()}
    return {
        "errors": errors,
        "headline": _headline(search, found),
        "best": None if found is None else _best(found, search.seeds),
        "winner": None
        if found is None or not again
        else {
            "overrides": dict(found.overrides),
            "seeds": [result.seed for result in again],
            "trials": [row(result) for result in again],
        },
        "boxes": [one["box"] for one in rounds],
        "rounds": rounds,
        "trials": [{**row(result), "round": result.round} for result in results if result.role == "trial"],
        "notes": [],
    }


def _errors(point: Point) -> Any:
    return next((result.errors for result in point.results if result.outcome == "finished"), {})


def _headline(search: Search, found: Point | None) -> str | None:
    if found is None:
        return None
    return f"best of {search.trials}: point {found.index}, {search.objective} {found.objective:.4g}"


def _best(point: Point, seeds: int) -> dict[str, Any]:
    entry = point.results[0].measured or {}
    return {
        "trial": point.index * seeds,
        "point": point.index,
        "overrides": dict(point.overrides),
        "objective": point.objective,
        "low": entry.get("low") if seeds == 1 else None,
        "high": entry.get("high") if seeds == 1 else None,
    }


def _rounds(search: Search, points: Sequence[Point]) -> list[dict[str, Any]]:
    """Each round with the box that it was drawn from."""
    found = []
    for number in sorted({point.round for point in points}):
        before = [point for point in points if point.round < number]
        own = [point for point in points if point.round == number]
        top = best(own)
        found.append(
            {
                "round": number,
                "first": own[0].index,
                "points": len(own),
                "best": None if top is None else top.index,
                "box": search.box(before),
            }
        )
    return found
