"""What the JSON files of a run folder hold, as far as anybody reads it."""

from __future__ import annotations

from dltrain.runs.shapes import (
    Shape,
    above_zero,
    anything,
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

ALIVE = ("created", "running")
STATES = (*ALIVE, "interrupted", "finished", "diverged", "failed")
TASKS = ("binary", "multiclass", "regression")

side: Shape = one_of("high", "low")
verdict: Shape = one_of("high", "low", "undetermined")
numbers: Shape = each(maybe(number))
overrides: Shape = listed(text)

_ENDS = {"low": maybe(number), "high": maybe(number)}
ERROR: Shape = record(
    {"value": number},
    {
        **_ENDS,
        "n": maybe(above_zero),
        "n_eff": maybe(above_zero),
        "source": text,
        "interval": text,
        "selected": truth,
        "population": maybe(some),
        "of": text,
        "sd": maybe(number),
        "with_rows": maybe(record(_ENDS, {"n": maybe(above_zero), "of": text})),
        "with_dropout": maybe(number),
        "rows": maybe(count),
        "rmse": maybe(number),
        "mae": maybe(number),
        "r2": maybe(number),
    },
)
"""An error with its interval."""

_MORE = {"part": text, "more": maybe(count)}
GAP: Shape = record(
    {"value": number, **_ENDS, "verdict": verdict, "point": side},
    {"settle": maybe(record({**_MORE, "if": text}, {"also": record(_MORE)}))},
)
ADVICE: Shape = record({"action": text, "why": text, "overrides": overrides}, {"command": maybe(text)})
FINDING: Shape = record(
    {
        "id": text,
        "severity": one_of("warning", "note"),
        "layer": maybe(count),
        "evidence": text,
        "why": text,
        "overrides": overrides,
    },
    {"numbers": numbers},
)
TABLE: Shape = record(
    {
        "errors": record(
            {"bayes": ERROR, "train": ERROR, "dev": maybe(ERROR)}, {"train_dev": maybe(ERROR), "test": maybe(ERROR)}
        ),
        "gaps": record({name: maybe(GAP) for name in ("avoidable_bias", "variance", "mismatch", "test_gap")}),
        "verdict": record({name: maybe(verdict) for name in ("bias", "variance", "mismatch")}),
        "headline": text,
        "task": one_of(*TASKS),
        "threshold": above_zero,
        "confidence": share,
        "advice": listed(ADVICE),
    },
    {
        "baselines": each(maybe(ERROR)),
        "health": listed(FINDING),
        "not_checked": listed(record({"id": text, "why": text})),
    },
)
"""diagnosis.json."""

ADJUSTMENT: Shape = record({"epoch": count, "set": tree})
STAMPS: Shape = listed(record({"name": text}, {"bytes": count, "mtime_ns": count}))
GIVEN: Shape = record(
    {},
    {
        "texts": record({}, {"sha256": listed(text)}),
        "overrides": overrides,
        "config": tree,
        "resolved": tree,
        "data": record({}, {"sha256": maybe(text), "files": listed(anything), "groups": maybe(each(text))}),
        "configs": listed(text),
        "folder": text,
        "starter": maybe(tree),
        "adjustments": maybe(listed(ADJUSTMENT)),
        "study": maybe(tree),
    },
)
FACTS: dict[str, Shape] = {
    "id": text,
    "updated": text,
    "task": maybe(one_of(*TASKS)),
    "threads": maybe(some),
    "data": maybe(record({}, {"sha256": maybe(text)})),
    "parent": maybe(text),
    "given": maybe(GIVEN),
    "process": maybe(record({}, {"pid": maybe(count), "host": maybe(text)})),
    "versions": maybe(each(maybe(text))),
    "blas": maybe(listed(tree)),
    "cpu": maybe(tree),
    "reason": maybe(text),
}
"""Of run.json and study.json."""
RUN: Shape = record(
    {"state": one_of(*STATES), "created": text},
    {
        **FACTS,
        "epochs": maybe(count),
        "steps": maybe(count),
        "best_epoch": maybe(count),
        "epoch": maybe(count),
        "step": maybe(count),
        "layer": maybe(count),
        "adjustments": maybe(listed(ADJUSTMENT)),
    },
)
_RATES = record({"value": number}, {**_ENDS, "n": maybe(above_zero), "n_eff": maybe(above_zero), "interval": text})
TEST: Shape = record({"error": _RATES}, {"part": text, "loss": maybe(number), "metrics": maybe(tree)})
PREPARATION: Shape = record(
    {"task": one_of(*TASKS)},
    {
        "classes": listed(text),
        "target_sd": maybe(above_zero),
        "weight_mean": maybe(above_zero),
        "features": listed(text),
        "target": maybe(text),
    },
)
"""What is read of preparation.json without opening the model; `Preparation.from_json` looks at the rest."""

_MEASURED = record({"error": maybe(number)}, {"loss": maybe(number)})
LINE: Shape = record(
    {"epoch": count},
    {
        "step": maybe(count),
        "learning_rate": maybe(number),
        "cost": maybe(number),
        "penalty": maybe(number),
        "grad_norm": maybe(number),
        "train": maybe(_MEASURED),
        "train_dev": maybe(_MEASURED),
        "dev": maybe(_MEASURED),
        "layers": maybe(listed(numbers)),
    },
)
"""A line of metrics.jsonl: an epoch."""
EVENT: Shape = record({"kind": text}, {"time": text, "epoch": maybe(count), "set": maybe(tree)})
"""A line of events.jsonl."""
