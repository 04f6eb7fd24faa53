"""What a study minimizes: a number of a finished run, or of one of its epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dltrain.studies.model import OBJECTIVE


def of_run(objective: str, errors: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, Any] | None) -> float | None:
    """The number of a finished run. errors: of its diagnosis; metrics: the line of the epoch that its model is of.

    None where there is no such number, as with dev.error where there is no dev set.
    """
    part, _, name = objective.partition(".")
    if part in errors:
        entry = errors[part]
        found = entry.get("value" if name == "error" else name)
        if found is not None:
            return float(found)
    return of_epoch(objective, metrics or {})


def of_epoch(objective: str, metrics: Mapping[str, Any]) -> float | None:
    """The number at one epoch's line of metrics.jsonl; of train where dev.error is asked for and there is no dev."""
    found: Any = metrics
    for name in objective.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None and objective == OBJECTIVE:
        return of_epoch("train.error", metrics)
    return float(found) if isinstance(found, int | float) else None


def errors_of_epoch(metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{part: {value}} of an epoch's line, as far as a diagnosis would have it."""
    parts = {part: metrics.get(part) for part in ("train", "dev")}
    return {part: {"value": found["error"]} for part, found in parts.items() if isinstance(found, Mapping)}
