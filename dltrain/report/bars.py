"""Bars and sparklines in block characters. What an encoding lacks, `console.encodable` replaces."""

from __future__ import annotations

import math
from collections.abc import Sequence

EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = "▁▂▃▄▅▆▇█"


def bar(value: float, high: float, width: int, clipped: bool = False) -> str:
    """A bar to `value` and a whisker to `high` (both shares of the scale, 0 to 1), `width` characters at most."""
    if clipped:
        return EIGHTHS[-1] * (width - 1) + "▶"
    body = _blocks(value, width)
    whisker = round(min(max(high, 0.0), 1.0) * width) - len(body)
    return body + ("─" * (whisker - 1) + "┤" if whisker > 0 else "")


def _blocks(share: float, width: int) -> str:
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0 and eighths == 0:
        eighths = 1
    whole, part = divmod(eighths, 8)
    return EIGHTHS[-1] * whole + (EIGHTHS[part] if part else "")


def progress_bar(share: float, width: int) -> str:
    """`share` of `width` drawn thick, the rest thin."""
    done = math.floor(min(max(share, 0.0), 1.0) * width)
    return "━" * done + "─" * (width - done)


def sparkline(values: Sequence[float], width: int) -> str:
    """The last values as a line of blocks, thinned out to `width`; the lowest is ▁, the highest █."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    if len(finite) > width:
        finite = [finite[(i * (len(finite) - 1)) // (width - 1)] for i in range(width)]
    low, high = min(finite), max(finite)
    if high <= low:
        return LEVELS[0] * len(finite)
    if math.isinf(high - low):
        return sparkline([value / 4 for value in finite], width)
    return "".join(LEVELS[round((value - low) / (high - low) * 7)] for value in finite)
