"""What plain data from a file must look like. A shape finds the first thing wrong with a value, in words.

Keys that a shape does not name are let through: a later release may have written them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Shape: TypeAlias = Callable[[Any, str], str | None]
"""(value, its place as a dotted path) -> what is wrong with it, or None."""
LARGEST = 1e300
"""Above it no number of ours lies, and sums of squares overflow."""


def _kind(words: str, right: Callable[[Any], bool]) -> Shape:
    def look(value: Any, at: str) -> str | None:
        return None if right(value) else f"{at or 'it'} is {said(value)}, expected {words}"

    return look


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value)


anything: Shape = _kind("anything", lambda value: True)
text: Shape = _kind("text", lambda value: isinstance(value, str))
truth: Shape = _kind("true or false", lambda value: isinstance(value, bool))
number: Shape = _kind("a number", _is_number)
above_zero: Shape = _kind("a number above 0", lambda value: _is_number(value) and value > 0)
share: Shape = _kind("a number between 0 and 1", lambda value: _is_number(value) and 0 < value < 1)
whole: Shape = _kind("a whole number", _is_whole)
count: Shape = _kind("a whole number from 0", lambda value: _is_whole(value) and value >= 0)
some: Shape = _kind("a whole number from 1", lambda value: _is_whole(value) and value >= 1)
tree: Shape = _kind("an object", lambda value: isinstance(value, dict))


def one_of(*words: str) -> Shape:
    """One of these texts."""
    return _kind(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def maybe(shape: Shape) -> Shape:
    """The shape, or null."""
    return lambda value, at: None if value is None else shape(value, at)


def listed(shape: Shape, least: int = 0) -> Shape:
    """A list of such values, at least so many."""

    def look(value: Any, at: str) -> str | None:
        if not isinstance(value, list):
            return f"{at or 'it'} is {said(value)}, expected a list"
        if len(value) < least:
            return f"{at or 'it'} has {len(value)} entries, expected {least} at least"
        return next((fault for i, item in enumerate(value) if (fault := shape(item, _under(at, str(i))))), None)

    return look


def each(shape: Shape, least: int = 0) -> Shape:
    """An object with any keys, at least so many, all of whose values are such."""

    def look(value: Any, at: str) -> str | None:
        if not isinstance(value, dict):
            return f"{at or 'it'} is {said(value)}, expected an object"
        if len(value) < least:
            return f"{at or 'it'} has {len(value)} entries, expected {least} at least"
        return next((fault for key, item in value.items() if (fault := shape(item, _under(at, key)))), None)

    return look


def record(needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object that has the needed keys; the optional ones may lack."""

    def look(value: Any, at: str) -> str | None:
        if not isinstance(value, dict):
            return f"{at or 'it'} is {said(value)}, expected an object"
        for key, shape in needed.items():
            if key not in value:
                return f"{_under(at, key)} is missing"
            if (fault := shape(value[key], _under(at, key))) is not None:
                return fault
        known = ((key, shape) for key, shape in (optional or {}).items() if key in value)
        return next((fault for key, shape in known if (fault := shape(value[key], _under(at, key)))), None)

    return look


def both(*shapes: Shape) -> Shape:
    """What fits all of the shapes."""
    return lambda value, at: next((fault for shape in shapes if (fault := shape(value, at))), None)


def by(key: str, shapes: Mapping[str, Shape]) -> Shape:
    """An object of the shape that its text under `key` chooses; any object where that is no known one."""

    def look(value: Any, at: str) -> str | None:
        if not isinstance(value, dict):
            return f"{at or 'it'} is {said(value)}, expected an object"
        chosen = value.get(key)
        shape = shapes.get(chosen) if isinstance(chosen, str) else None
        return None if shape is None else shape(value, at)

    return look


def _under(at: str, key: str) -> str:
    key = key if key.isprintable() and len(key) < 80 else repr(key[:80])
    return f"{at}.{key}" if at else key


def said(value: Any) -> str:
    """A value in a few words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value:.6g}" if isinstance(value, float) or abs(value) < 1e15 else "a huge number"
    if isinstance(value, str):
        return repr(value) if len(value) <= 30 else "a text"
    return "a list" if isinstance(value, list) else "an object"
