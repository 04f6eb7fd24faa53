"""`train --seeds K`: the same config with seeds that follow each other. What differs is training's randomness only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dltrain.diagnosis.rates import percent
from dltrain.studies.model import Context, Overrides, Result

RANDOMNESS = "training randomness only"
"""What an interval over seeds is of: initialization, order and dropout, on the very same rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Trials `first`, `first` + 1, ..."""

    kind: ClassVar[str] = "seeds"
    seeds: int
    first: int

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "seeds": self.seeds, "first": self.first}

    def propose(self, done: Sequence[Result]) -> list[Overrides]:
        return [] if done else [{"seed": self.first + place} for place in range(self.seeds)]

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """`errors` {train, dev, ...: mean, low, high over seeds}, `trials`: each seed's row, `headline`."""
        finished = [result for result in results if result.outcome == "finished"]
        parts = [part for part in ("train", "train_dev", "dev") if any(part in result.errors for result in finished)]
        errors = {part: over_seeds([_value(result, part) for result in finished], context) for part in parts}
        rows = [row(result) for result in results]
        return {"errors": errors, "trials": rows, "headline": _headline(errors, len(finished), context)}


def _value(result: Result, part: str) -> float:
    return float(result.errors[part]["value"])


def row(result: Result) -> dict[str, Any]:
    """A trial as summaries list it."""
    parts = ("train", "train_dev", "dev")
    kept = ("value", "low", "high", "n")
    errors = {part: {key: result.errors[part].get(key) for key in kept} for part in parts if part in result.errors}
    found: dict[str, Any] = {"trial": result.trial, "state": result.outcome, "overrides": dict(result.overrides)}
    return {**found, "errors": errors} | ({} if result.cause is None else {"cause": result.cause})


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


def written(value: float, context: Context) -> str:
    """An error as text."""
    return f"{value:.3f}" if context.task == "regression" else percent(value)


def with_interval(entry: Mapping[str, Any], context: Context) -> str:
    """`2.8% [1.5%, 5%]`."""
    text = written(entry["value"], context)
    if entry.get("low") is None:
        return text
    return f"{text} [{written(entry['low'], context)}, {written(entry['high'], context)}]"


def _headline(errors: Mapping[str, Any], seeds: int, context: Context) -> str | None:
    part = "dev" if "dev" in errors else "train"
    if part not in errors:
        return None
    return f"{part} {with_interval(errors[part], context)} over {seeds} {'seed' if seeds == 1 else 'seeds'}"
