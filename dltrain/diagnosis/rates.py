"""Rates as people write them: read from text, and written into sentences."""

from __future__ import annotations

import re

from dltrain.errors import InputError, Problem

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def parse_rate(text: str, name: str | None = None) -> float:
    """`1%` is 0.01 and `0.11` is 0.11. `name` is what the rate is called in a refusal (`--dev-error`).

    Raises InputError unless it is a number from 0 to 1, or from 0% to 100%; for a bare 1 too, which may mean either.
    """
    from decimal import Decimal

    written = text.strip()
    number = written.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise _refusal(text, name, _comma_hint(written))
    value = Decimal(number) / (100 if written.endswith("%") else 1)
    if value < 0:
        raise _refusal(text, name, "")
    if value > 1:
        percent = not written.endswith("%") and value <= 100
        raise _refusal(text, name, f"; did you mean {number}%?" if percent and value >= 2 else "")
    if value == 1 and not written.endswith("%"):
        raise _refusal(text, name, "; write 1% or 100%, whichever is meant")
    return abs(float(value))


def _comma_hint(written: str) -> str:
    with_point = written.replace(",", ".", 1)
    number = with_point.removesuffix("%").rstrip()
    return f"; did you mean {with_point}?" if "," in written and _NUMBER.fullmatch(number) else ""


def _refusal(text: str, name: str | None, hint: str) -> InputError:
    expected = "expected a rate from 0 to 1 or from 0% to 100%, such as 0.11 or 11%"
    return InputError(Problem(f"{text!r} is no rate: {expected}{hint}", key=name))


def percent(rate: float) -> str:
    """0.0326 is `3.3%`, 0.02 is `2%`, 0.0042 is `0.42%`: two significant digits, more from 10% on."""
    value = 100 * rate
    decimals = 1 if abs(value) >= 1 else 2
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return f"{'0' if text in ('-0', '') else text}%"
