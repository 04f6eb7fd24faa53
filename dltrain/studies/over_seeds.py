"""The bias/variance table over seeds: means, with intervals of what training's randomness does, and of other rows.

Errors carry the interval over seeds alone. A gap is judged by both: its spread over seeds and, beside it, what each
trial's own rows leave open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dltrain.studies.model import Context, Result

RANDOMNESS = "training randomness only"
"""What an interval over seeds is of: initialization, order and dropout, on the very same rows."""
BOTH = "other seeds and other rows"
"""What the intervals of gaps are of, and `with_rows` of an error."""
PARTS = ("train", "train_dev", "dev")
NO_SEEDS = "one seed: its own table, which knows nothing of what other seeds would give"


def over_seeds(values: Sequence[float], context: Context) -> dict[str, Any]:
    """The mean with Student's t interval over seeds; `n` is the number of seeds, `sd` their standard deviation.

    It says how far the error moves when training is repeated on the same rows, nothing of other rows.
    """
    import numpy as np

    from dltrain.diagnosis.means import student

    x = np.array(values, dtype=np.float64)
    mean = float(x.mean())
    entry: dict[str, Any] = {"value": mean, "low": None, "high": None, "n": len(x), "source": "measured"}
    entry |= {"interval": "none", "of": RANDOMNESS, "sd": None}
    if len(x) > 1:
        ends = student(x, context.confidence)
        top = max(mean, ends.high) if context.task == "regression" else min(1.0, ends.high)
        entry |= {"low": max(0.0, ends.low), "high": top, "interval": "t", "sd": float(x.std(ddof=1))}
    return entry


def table(finished: Sequence[Result], context: Context) -> dict[str, Any]:
    """`errors`, `gaps`, `verdict`, `headline`, `task`, `threshold`, `confidence` of trials that differ by seed.

    Each error is `over_seeds`, with the interval on other rows too as `with_rows`. A gap is the mean of the trials'
    gaps; its interval adds the spread over seeds (t) to the mean of the trials' own intervals, in squares: these know
    of other rows. Never narrower than either.
    """
    from dltrain.diagnosis.table import headline

    tables = [_table_of(result, context) for result in finished]
    entries = {part: [one.errors[part] for one in finished if part in one.errors] for part in PARTS}
    errors: dict[str, Any] = {"bayes": _bayes(tables), **dict.fromkeys((*PARTS, "test"))}
    errors |= {part: _error(found, context) for part, found in entries.items() if len(found) == len(finished)}
    gaps = _gaps(tables, context)
    verdict = {name: gap.verdict if (gap := gaps[key]) else None for name, key in _VERDICTS.items()}
    return {
        "errors": errors,
        "gaps": {name: gap.to_json() if gap else None for name, gap in gaps.items()},
        "verdict": verdict,
        "headline": headline(gaps["avoidable_bias"], gaps["variance"], gaps["mismatch"]),
        "task": context.task,
        "threshold": context.threshold,
        "confidence": context.confidence,
    }


_VERDICTS = {"bias": "avoidable_bias", "variance": "variance", "mismatch": "mismatch"}


def _error(entries: Sequence[Mapping[str, Any]], context: Context) -> dict[str, Any]:
    found = over_seeds([float(entry["value"]) for entry in entries], context)
    ends = _with_rows(entries, context)
    if ends is not None and any(entry["low"] != entry["high"] for entry in entries):
        top = ends[1] if context.task == "regression" else min(1.0, ends[1])
        found["with_rows"] = {"low": max(0.0, ends[0]), "high": top, "n": entries[0].get("n"), "of": BOTH}
    rmse = [entry.get("rmse") for entry in entries]
    known = [float(value) for value in rmse if value is not None]
    found |= {"rmse": sum(known) / len(known)} if len(known) == len(entries) else {}
    return found | ({"selected": True} if any(entry.get("selected") for entry in entries) else {})


def _with_rows(entries: Sequence[Mapping[str, Any]], context: Context) -> tuple[float, float] | None:
    """The ends around the mean: the spread over seeds and the trials' own intervals, added in squares."""
    import numpy as np

    from dltrain.diagnosis.means import student

    values = np.array([float(entry["value"]) for entry in entries], dtype=np.float64)
    if any(entry.get("low") is None or entry.get("high") is None for entry in entries):
        return None
    mean = float(values.mean())
    spread = student(values, context.confidence).high - mean if len(values) > 1 else 0.0
    below = mean - float(np.mean([float(entry["low"]) for entry in entries]))
    above = float(np.mean([float(entry["high"]) for entry in entries])) - mean
    return mean - math.hypot(spread, below), mean + math.hypot(spread, above)


def _table_of(result: Result, context: Context) -> dict[str, Any]:
    """The trial's own table again, from its errors."""
    from dltrain.diagnosis.table import from_errors

    return from_errors(result.errors, task=context.task, threshold=context.threshold, confidence=context.confidence)


def _gaps(tables: Sequence[Mapping[str, Any]], context: Context) -> dict[str, Any]:
    """Of each gap that all trials have: its mean, the interval on other seeds and rows, and the rule's verdict."""
    from dltrain.diagnosis.table import GAPS

    return {
        name: _gap(name, [table["gaps"][name] for table in tables], context)
        if all(table["gaps"][name] for table in tables)
        else None
        for name in GAPS
    }


def _gap(name: str, entries: Sequence[Mapping[str, Any]], context: Context) -> Any:
    from dltrain.diagnosis.gaps import Gap, existence_rule, size_rule

    value = sum(float(entry["value"]) for entry in entries) / len(entries)
    side: Any = "high" if value > context.threshold else "low"
    ends = _with_rows(entries, context)
    if ends is None:
        return Gap(value, None, None, side, side, None)
    rule = existence_rule if name in ("mismatch", "test_gap") else size_rule
    verdict = rule(*ends, context.threshold)
    open_by_hand = all(
        entry["verdict"] == "undetermined" and (entry["settle"] or {}).get("part") == "bayes" for entry in entries
    )
    if verdict != "low" and open_by_hand:  # a regression's bias against an assumed Bayes error
        return Gap(value, *ends, "undetermined", side, dict(entries[0]["settle"]))
    return Gap(value, *ends, verdict, side if verdict == "undetermined" else verdict, None)


def _bayes(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """As the trials have it; their mean where each estimated it from rows of its own."""
    entries = [table["errors"]["bayes"] for table in tables]
    value = sum(float(entry["value"]) for entry in entries) / len(entries)
    same = all(entry["value"] == entries[0]["value"] for entry in entries)
    return dict(entries[0]) if same else {**entries[0], "value": value, "low": value, "high": value}
