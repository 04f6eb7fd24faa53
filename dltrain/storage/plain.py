"""Plain data as JSON text: the same data, the same text."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any, *, indent: int | None = None, sort: bool = False) -> str:
    """JSON that every reader takes: a number that is not finite becomes null; NumPy numbers and arrays
    become numbers and lists. Keys keep their order unless `sort`. TypeError for anything else."""

    def text(plain: Any) -> str:
        return json.dumps(
            plain, indent=indent, sort_keys=sort, ensure_ascii=False, allow_nan=False, default=_from_numpy
        )

    try:
        return text(value)
    except ValueError:
        return text(_finite(value))


def canonical_json(value: Any) -> str:
    """One text for one value: keys in order, no spaces. ValueError for a number that is not finite."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _from_numpy(value: Any) -> Any:
    convert = getattr(value, "tolist", None)  # arrays and scalars have it, and NumPy need not be loaded
    if convert is None:
        raise TypeError(f"{type(value).__name__} has no place in JSON")
    return convert()


def _finite(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
