"""Times as people type them."""

from __future__ import annotations

from dltrain.errors import InputError
from dltrain.times import EXPECTED, seconds_of


def seconds(text: str, option: str) -> float:
    """Seconds of `55m`, `1h30m`, `90` or `90s`. Raises InputError."""
    found = seconds_of(text)
    if found is None:
        raise InputError(f"{option}: {text!r} is no time; expected {EXPECTED}")
    return found
