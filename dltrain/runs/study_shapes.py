"""What study.json holds: the settings of each kind of study, and the summary of each."""

from __future__ import annotations

from typing import Any

from dltrain.runs.run_shapes import ADVICE, ERROR, FACTS, GAP, STATES, TABLE, TASKS, verdict
from dltrain.runs.shapes import (
    Shape,
    above_zero,
    anything,
    both,
    by,
    count,
    each,
    listed,
    maybe,
    number,
    one_of,
    record,
    share,
    some,
    text,
    tree,
    truth,
)

_ENDS = {"low": maybe(number), "high": maybe(number)}
_VALUE = record({"value": number}, _ENDS)
_THEN = record({"value": maybe(number)}, _ENDS)
_ERRORS = each(maybe(ERROR))

# ---- the settings

_SEEDS = {"seeds": some, "first": count}
_RANGE = by(
    "kind",
    {"choice": record({"values": listed(anything, 1)}, {"when": maybe(tree)})}
    | {
        kind: record({"low": ends, "high": ends}, {"when": maybe(tree)})
        for kind, ends in {
            "uniform": number,
            "log_uniform": above_zero,
            "one_minus_log_uniform": number,
            "int": number,
            "log_int": above_zero,
        }.items()
    },
)
_BUDGET = record(
    {"passes_times_parameters": number, "base_epochs": number},
    {"per_second": number, "start_seconds": number, "timed_steps": number, "of_training": maybe(number)},
)
_STEP = record({"action": text, "aim": maybe(text), "overrides": listed(text), "steps": some})
SETTINGS: dict[str, Shape] = {
    "seeds": record(_SEEDS),
    "folds": record({}, {"folds": some}),
    "learning_curve": record(
        {**_SEEDS, "sizes": listed(some, 1)}, {"steps": maybe(some), "batch_size": maybe(anything)}
    ),
    "recipe": record(
        {**_SEEDS, "run": text, "seconds": above_zero, "most": some, "budget": _BUDGET, "as_it_was": truth}
        | {"steps": listed(_STEP, 1)},
        {"bayes_error": maybe(number)},
    ),
    "search": record(
        {"space": each(_RANGE, 1)},
        {
            "method": text,
            "trials": count,
            "rounds": some,
            "seeds": some,
            "seed": count,
            "objective": text,
            "points": maybe(anything),
            "winner_seeds": count,
            "prune": maybe(record({"factor": some, "min_epochs": some, "rungs": listed(some, 1)})),
        },
    ),
    "recheck": record(
        {**_SEEDS, "study": text, "then": _THEN, "changed": listed(text), "points": listed(tree, 1)},
    ),
}

# ---- the summaries

ROW = record(
    {"trial": count, "state": text, "overrides": tree},
    {
        "errors": _ERRORS,
        "cause": maybe(text),
        "round": maybe(count),
        "point": maybe(count),
        "objective": maybe(number),
        "epochs": maybe(count),
    },
)
_ANY = record({}, {"errors": _ERRORS, "headline": maybe(text), "note": maybe(text), "trials": listed(ROW)})
_CHANGED_GAP = record(
    {"before": number, "after": number, "verdict_before": verdict, "verdict_after": verdict, "closed": truth}
)
_TRIED = record(
    {"action": text, "aim": maybe(text), "change": maybe(_VALUE), "p_holm": maybe(number), "verdict": text}
    | {"gaps": each(_CHANGED_GAP), "errors": _ERRORS, "trials": listed(count)},
    {"p": maybe(number), "from_start": maybe(_VALUE), "cause": maybe(text)},
)
_SIDE = record({"errors": each(ERROR)}, {"gaps": each(maybe(record({"value": number}))), "trials": listed(count)})
_M = {"m": some}
_POINT = record(_M, {"train": maybe(ERROR), "dev": maybe(ERROR)})
_BAND = listed(record({**_M, "value": number}, _ENDS))
_SHARE = record({"share": number, "low": number, "high": number})
_LEFT = record({"together": maybe(_SHARE), "unexplained": maybe(_SHARE)}, {"trials": count, "note": maybe(text)})
_ROUND = record({"round": some, "points": count, "box": each(listed(anything))}, {"objective": maybe(number)})
_BEST = record({"trial": count, "point": count, "overrides": tree}, {"objective": maybe(number), "errors": _ERRORS})
_WINNER = both(
    record(
        {"overrides": tree, "seeds": listed(count), "errors": _ERRORS, "trials": listed(ROW)},
        {"advice": listed(ADVICE), "gaps": each(maybe(GAP))},
    ),
    lambda value, at: TABLE(value, at) if "gaps" in value else None,
)
_SEARCHED = record(
    {
        "best": maybe(_BEST),
        "winner": maybe(_WINNER),
        "edges": listed(record({"suggestion": text}, {"path": text})),
        "trials": listed(record({"round": maybe(count), "objective": maybe(number)})),
    },
    {
        "luck": maybe(record({"note": maybe(text)}, {"value": maybe(number)})),
        "importance": listed(both(record({"path": text}), _SHARE)),
        "importance_rest": maybe(_LEFT),
        "rounds": listed(_ROUND),
        "boxes": listed(each(listed(anything))),
        "notes": listed(text),
    },
)
SUMMARIES: dict[str, Shape] = {
    "learning_curve": record(
        {"points": listed(_POINT)},
        {
            "fit": maybe(record({"a": number, "b": number, "c": number, "band": _BAND}, {"seeds": maybe(some)})),
            "twice": maybe(record({**_M, "error": _VALUE, "buys": _VALUE})),
        },
    ),
    "recipe": record(
        {"steps": listed(_TRIED), "reference": _SIDE, "as_it_was": maybe(_SIDE), "best": maybe(count)}
        | {"budget": _BUDGET}
    ),
    "search": _SEARCHED,
    "recheck": record(
        {"winner": _SIDE, "steps": listed(_TRIED), "changed": listed(text), "headline": text},
        {"best": maybe(count), "stands": maybe(truth)},
    ),
}


def _summary(value: Any, at: str) -> str | None:
    """Of a study whose kind has its own; of seeds and folds the diagnosis over them, where there is one."""
    kind, found = (value.get("study") or {}).get("kind"), value.get("summary")
    if not found:
        return None
    if kind is None:
        return "study is missing"
    shape = SUMMARIES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        return TABLE(found, "summary") if "gaps" in found else None
    return shape(found, "summary") or _within(found)


def _within(summary: dict[str, Any]) -> str | None:
    """What points elsewhere in it."""
    best, steps = summary.get("best"), summary.get("steps")
    if best is None and summary.get("winner") and "edges" in summary:
        return "summary.best is null, and there is a winner"
    if summary.get("twice") and not summary.get("points"):
        return "summary.points has 0 entries, and there is a fit to them"
    if isinstance(best, int) and isinstance(steps, list) and best >= len(steps):
        return f"summary.best is {best}, and there are {len(steps)} steps"
    return None


_FIELDS = record(
    {"state": one_of(*STATES), "created": text},
    {
        **FACTS,
        "study": both(record({"kind": text}), by("kind", SETTINGS)),
        "summary": maybe(_ANY),
        "rules": maybe(record({}, {"attempts": some, "trial_timeout": maybe(above_zero)})),
        "context": maybe(record({"task": one_of(*TASKS), "confidence": share, "threshold": above_zero})),
        "trials": maybe(count),
        "failed_trials": maybe(count),
        "batch": maybe(tree),
    },
)
STUDY: Shape = both(_FIELDS, _summary)
