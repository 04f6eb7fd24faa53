"""Times as people type them: 90s, 55m, 1h30m, 2d."""

from __future__ import annotations

import re

from dltrain.errors import InputError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str, option: str) -> float:
    """Seconds of `55m`, `1h30m`, `90` or `90s`. Raises InputError."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InputError(f"{option}: {text!r} is no time; expected 90s, 55m, 1h30m or 2d")
    return sum(float(number) * UNITS[unit] for number, unit in parts)
