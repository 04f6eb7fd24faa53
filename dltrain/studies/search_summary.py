"""What the trials of a search say together: the best point, how it does when trained anew, how much of it was luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltrain.studies import edges
from dltrain.studies.model import LOST, OBJECTIVE, Context, Result
from dltrain.studies.over_seeds import over_seeds
from dltrain.studies.points import Point, best, ranked
from dltrain.studies.search_words import headline, in_numbers
from dltrain.studies.seeds import row

if TYPE_CHECKING:
    from dltrain.studies.importance import Axis
    from dltrain.studies.search import Search
    from dltrain.studies.space import Dimension, Space

FEWEST = 8
"""Trials that shares of importance take."""
SAMPLES = 512
"""Of the space, for how much of it a conditional dimension counts in."""
PLACE = 6
"""Of the bootstrap's stream."""
ADAPTIVE = ("coarse_to_fine", "tpe")


def summarize(search: Search, results: Sequence[Result], context: Context) -> dict[str, Any]:
    """`errors` and `headline`; `best`, the best point as the search saw it; `winner`, the same trained with fresh
    seeds, as the diagnosis over seeds, with its `trials`; `luck`; `importance` and `importance_rest`; `edges`;
    `boxes`, `rounds`, `trials` and `notes` (sentences)."""
    points = search.points_of(results)
    found = best(points)
    winner = _winner(found, [result for result in results if result.role == "winner"], context)
    luck = _luck(search, points, context)
    shares, rest = _importance(search.dimensions, points, context)
    moved = edges.edges(search.dimensions, points)
    rounds = _rounds(search, points)
    seen = None if found is None else _best(found, search, context)
    summary = {
        "errors": _errors(found, winner, context),
        "best": seen,
        "winner": winner,
        "luck": luck,
        "importance": shares,
        "importance_rest": rest,
        "edges": moved,
        "boxes": [one["box"] for one in rounds],
        "rounds": rounds,
        "trials": [_row(result, search.seeds) for result in results if result.role == "trial"],
    }
    summary["notes"] = _notes(search, points, summary)
    return {**summary, "headline": headline(summary, search, context)}


def _errors(found: Point | None, winner: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Of the winner with its fresh seeds; without these of the best point in the search."""
    if winner is not None and winner["errors"]:
        return {part: entry for part, entry in winner["errors"].items() if entry is not None}
    return {} if found is None else _own_errors(found.results, context)


def _own_errors(results: Sequence[Result], context: Context) -> dict[str, Any]:
    finished = [result for result in results if result.outcome == "finished"]
    if len(finished) == 1:
        errors: dict[str, Any] = row(finished[0])["errors"]
        return {part: {**entry, "selected": True} if part == "dev" else entry for part, entry in errors.items()}
    parts = [part for part in ("train", "train_dev", "dev") if all(part in result.errors for result in finished)]
    return {
        part: over_seeds([float(result.errors[part]["value"]) for result in finished], context)
        for part in (parts if finished else ())
    }


def _best(point: Point, search: Search, context: Context) -> dict[str, Any]:
    errors = _own_errors(point.results, context)
    entry = (errors.get("dev") or errors.get("train") or {}) if search.objective == OBJECTIVE else {}
    return {
        "trial": point.index * search.seeds,
        "point": point.index,
        "overrides": dict(point.overrides),
        "objective": point.objective,
        "low": entry.get("low"),
        "high": entry.get("high"),
        "errors": errors,
    }


def _winner(found: Point | None, again: Sequence[Result], context: Context) -> dict[str, Any] | None:
    """The best point with its fresh seeds: a diagnosis over them, with `advice` and `baselines`."""
    if found is None or not again:
        return None
    from dltrain.studies.next_steps import with_advice
    from dltrain.studies.over_seeds import table

    finished = [result for result in again if result.outcome == "finished"]
    diagnosis: dict[str, Any] = {"errors": {}}
    if finished:
        diagnosis = with_advice(_selected(table(finished, context)), finished)
    return {
        "overrides": dict(found.overrides),
        "seeds": [result.seed for result in again],
        **diagnosis,
        "trials": [row(result) for result in again],
    }


def _selected(table: Mapping[str, Any]) -> dict[str, Any]:
    """Dev chose the config, if not these seeds."""
    dev = table["errors"].get("dev")
    return {**table, "errors": {**table["errors"], "dev": dev and {**dev, "selected": True}}}


def _luck(search: Search, points: Sequence[Point], context: Context) -> dict[str, Any]:
    """{value, low, high, apparent, corrected, n, trials, note}; value and the like null where it is not known, and
    `note` says why."""
    whole = [point for point in points if point.is_sound and math.isinf(point.epochs)]
    whole = [point for point in whole if all(result.outcome == "finished" for result in point.results)]
    if any("dev" not in result.errors for point in whole for result in point.results):
        return _unknown("without dev rows the luck of the search is not known")
    from dltrain.studies import dev_losses
    from dltrain.studies.luck import in_words, luck_of, summarized

    places = [(float(point.objective or 0.0), [result.path for result in point.results]) for point in whole]
    read = dev_losses.read(places, search.objective, context.task)
    if isinstance(read, str):
        return _unknown(read)
    examples = read.examples
    codes = examples.codes(read.errors.mean(axis=0))
    found = luck_of(read.errors, chosen_by=read.chosen_by, weights=examples.weights, codes=codes)
    if found is None:
        return _unknown("there is a single row or group in dev: the luck of the search is not known")
    entry = summarized(found, read.errors, examples, context.confidence)
    return {**entry, "note": in_words(entry, context.task == "regression")}


def _unknown(note: str) -> dict[str, Any]:
    return {**dict.fromkeys(("value", "low", "high", "apparent", "corrected", "n", "trials")), "note": note}


def _importance(
    space: Space, points: Sequence[Point], context: Context
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """[{path, share, low, high}], the most important first; and what they leave: {together, unexplained, trials,
    note}."""
    known = [point for point in points if point.objective is not None and not math.isnan(point.objective)]
    axes = [axis for axis in _axes(space, known) if axis.levels != 1]
    note = f"importance takes {FEWEST} trials or more, here are {len(known)}"
    if len(known) < FEWEST or not axes:
        return [], {"together": None, "unexplained": None, "trials": len(known), "note": note if axes else None}
    from dltrain.studies.importance import importance, in_words

    found = importance(axes, _scores(known), context.confidence)
    shares = [
        {"path": path, "share": share.value, "low": share.low, "high": share.high}
        for path, share in sorted(found.alone.items(), key=lambda item: -item[1].value)
    ]
    more = {
        name: {"share": share.value, "low": share.low, "high": share.high}
        for name, share in (("together", found.together), ("unexplained", found.unexplained))
    }
    return shares, {**more, "trials": len(known), "note": in_words(found, len(known))}


def _scores(points: Sequence[Point]) -> list[float]:
    """Places in the order of the search: those that were pruned behind all that trained longer, diverged ones last."""
    order = sorted({(-point.epochs, point.objective or 0.0) for point in points if point.is_sound})
    places = {key: float(place) for place, key in enumerate(order)}
    return [places[-point.epochs, point.objective or 0.0] if point.is_sound else math.inf for point in points]


def _axes(space: Space, points: Sequence[Point]) -> list[Axis]:
    import numpy as np

    from dltrain.studies.importance import Axis

    counted = _counted(space)
    axes = []
    for one in space.dimensions:
        there = [one.path in point.overrides for point in points]
        if not any(there):
            continue
        places = [
            one.values.place(point.overrides[one.path]) if inside else math.nan
            for point, inside in zip(points, there, strict=True)
        ]
        ordered = one.scale != "choice"
        active = counted[one.path] or sum(there) / len(there)
        axes.append(Axis(path=one.path, places=np.array(places), levels=_levels(one), ordered=ordered, active=active))
    return axes


def _levels(dimension: Dimension) -> int | None:
    values = dimension.values
    if values.scale == "choice":
        return len(values.values)
    return int(values.high - values.low + 1) if isinstance(values.low, int) else None


def _counted(space: Space) -> dict[str, float]:
    """In what share of the space each dimension counts."""
    if all(one.when is None and one.counts({}) for one in space.dimensions):
        return {one.path: 1.0 for one in space.dimensions}
    from dltrain.engine.streams import Purpose, generator

    draws = generator(0, Purpose.BOOTSTRAP, PLACE).random((SAMPLES, len(space))).tolist()
    samples = [space.sample(us) for us in draws]
    return {one.path: sum(one.path in sample for sample in samples) / SAMPLES for one in space.dimensions}


def _row(result: Result, seeds: int) -> dict[str, Any]:
    objective = result.objective
    finite = objective if objective is not None and math.isfinite(objective) else None
    epochs = {} if result.epochs is None else {"epochs": result.epochs}
    return {**row(result), "round": result.round, "point": result.trial // seeds, "objective": finite, **epochs}


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
                "objective": None if top is None else top.objective,
                "box": search.box(before),
            }
        )
    return found


def _notes(search: Search, points: Sequence[Point], summary: Mapping[str, Any]) -> list[str]:
    states = [point.state for point in points]
    notes = []
    for count, words in (
        (states.count("diverged"), "diverged: the worst there is"),
        (states.count("pruned"), "ended early, by successive halving"),
        (sum(state in LOST for state in states), "crashed or ran out of time, without a result"),
    ):
        notes += [f"{in_numbers(count, 'point')} {words}"] if count else []
    if len(summary["rounds"]) > 1 and search.method in ADAPTIVE and summary["luck"]["value"] is not None:
        notes.append("later rounds followed the same dev rows, which this luck does not hold")
    rest = summary["importance_rest"] or {}
    notes += [str(rest["note"])] if rest.get("note") else []
    notes += [edges.in_words(edge) for edge in summary["edges"]]
    if not ranked(points):
        notes.append("no point has a result: narrow the learning rate, or look at the causes")
    return notes
