"""What differs between runs, as words that could be overrides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dltrain.report.formats import clean, number

LONGEST = 40
MOST = 6
"""Where more keys differ the runs have little in common, and a list of all would hide the rest of the table."""


def differing_words(settings: Sequence[Mapping[str, Any]], most: int | None = MOST) -> list[str]:
    """`optimizer.learning_rate=0.01  seed=2` for each run's own values of the keys that differ; nothing for all where
    these are more than `most`."""
    if most is not None and any(len(one) > most for one in settings):
        return ["" for _ in settings]
    return ["  ".join(f"{clean(key)}={_value(value)}" for key, value in one.items()) for one in settings]


def _value(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean(text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")
