"""`train --seeds K`: the same config with seeds that follow each other. What differs is training's randomness only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dltrain.diagnosis.rates import percent
from dltrain.studies.model import Context, Overrides, Result
from dltrain.studies.over_seeds import NO_SEEDS, RANDOMNESS, table
from dltrain.studies.over_seeds import over_seeds as over_seeds

__all__ = ["RANDOMNESS", "Seeds", "over_seeds", "row", "with_interval", "written"]


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
        """A diagnosis (contract section 4) over the seeds, as `over_seeds.table` has it, its `advice`, and `trials`,
        each seed's row."""
        from dltrain.studies.next_steps import with_advice

        finished = [result for result in results if result.outcome == "finished"]
        rows = [row(result) for result in results]
        if not finished:
            return {"errors": {}, "headline": None, "trials": rows}
        found = with_advice(table(finished, context), finished)
        return {**found, "trials": rows} | ({"note": NO_SEEDS} if len(finished) == 1 else {})


def row(result: Result) -> dict[str, Any]:
    """A trial as summaries list it."""
    parts = ("train", "train_dev", "dev")
    kept = ("value", "low", "high", "n")
    errors = {part: {key: result.errors[part].get(key) for key in kept} for part in parts if part in result.errors}
    found: dict[str, Any] = {"trial": result.trial, "state": result.outcome, "overrides": dict(result.overrides)}
    return {**found, "errors": errors} | ({} if result.cause is None else {"cause": result.cause})


def written(value: float, context: Context) -> str:
    """An error as text."""
    return f"{value:.3f}" if context.task == "regression" else percent(value)


def with_interval(entry: Mapping[str, Any], context: Context) -> str:
    """`2.8% [1.5%, 5%]`."""
    text = written(entry["value"], context)
    if entry.get("low") is None:
        return text
    return f"{text} [{written(entry['low'], context)}, {written(entry['high'], context)}]"
