"""Times as people type them: 90s, 55m, 1h30m, 2d."""

from __future__ import annotations

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
EXPECTED = "90s, 55m, 1h30m or 2d"


def seconds_of(text: str) -> float | None:
    """Seconds of `55m`, `1h30m`, `90` or `90s`; None for what is no time."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)
