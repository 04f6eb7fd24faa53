"""How errors and their intervals are written wherever a diagnosis is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dltrain.report.formats import fixed, percent, rate_decimals

PARTS = {"bayes": "Bayes", "train": "train", "train_dev": "train-dev", "dev": "dev", "test": "test"}

Writer = Callable[[float | None], str]


def writer(regression: bool, entries: Sequence[Mapping[str, Any]]) -> Writer:
    """How errors that stand together are written: all with as many decimals as their numbers of examples deserve."""
    values = [entry.get("value") for entry in entries]
    if regression:
        small = all(abs(value) < 0.01 for value in values if value)
        return lambda value: fixed(value, 5 if small else 3)
    decimals = rate_decimals(((entry.get("with_rows") or entry).get("n") for entry in entries), values)
    return lambda value: percent(value, decimals)


def interval(low: float | None, high: float | None, write: Writer) -> str:
    """`1.7 to 5.4%`; empty where no interval is known."""
    if low is None or high is None:
        return ""
    if low == high:
        return "exact"
    return f"{write(low).removesuffix('%')} to {write(high)}"
