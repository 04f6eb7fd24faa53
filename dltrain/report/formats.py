"""How numbers, names and times are written, in the terminal as on the page."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

NOTHING = "—"
LARGE = 1e9
"""From here on digits before the point are no help."""


def clean(text: object) -> str:
    """`text` on one line, with control characters made visible: a name in the data can't steer the terminal."""
    return "".join(_visible(char) if unicodedata.category(char) in _UNSAFE else char for char in str(text))


_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}


def _visible(char: str) -> str:
    return " " if char in "\t\n\r" else char.encode("unicode_escape").decode("ascii")


def rate_decimals(sizes: Iterable[int | None], values: Iterable[float | None]) -> int:
    """Decimals of a percentage: as fine as the most examples can show, or as values without a size need."""
    known = [n for n in sizes if n]
    if known:
        return 1 if max(known) < 2_000 else 2
    needed = (_decimals(100 * value) for value in values if value is not None and math.isfinite(value))
    return max(1, *needed, 0)


def _decimals(value: float) -> int:
    text = f"{value:.3f}".rstrip("0")
    return len(text.partition(".")[2])


def percent(value: float | None, decimals: int = 1) -> str:
    """0.0278 is `2.8%`."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{_unsigned_zero(f'{100 * value:.{decimals}f}')}%"


def fixed(value: float | None, decimals: int = 3) -> str:
    """0.0278 is `0.028`; what is very large has an exponent: `1.19e+24`."""
    if value is None or math.isnan(value):
        return NOTHING
    return _unsigned_zero(f"{value:.{decimals}f}") if abs(value) < LARGE else number(value)


def _unsigned_zero(text: str) -> str:
    return text.removeprefix("-") if not text.strip("-0.") else text


def number(value: float | None, digits: int = 4) -> str:
    """Up to `digits` significant digits, with thousands marked: 0.001, 12.35, 1,234,000, 3.2e-08."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e9:
        rounded = float(f"{value:.{digits}g}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:.{digits}g}"
    return f"{value:.{max(digits - 2, 1)}e}"


def count(value: int | None) -> str:
    """1234567 is `1,234,567`."""
    return NOTHING if value is None else f"{value:,}"


def duration(seconds: float) -> str:
    """`0:07`, `12:30`, `3:02:05`; `-:--` when it isn't known."""
    if not math.isfinite(seconds):
        return "-:--"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
