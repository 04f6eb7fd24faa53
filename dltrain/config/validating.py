"""A tree of plain data to an Experiment, or everything that is wrong with it in plain English."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from dltrain.config.english import SYNONYMS, describe, join, show, suggestion
from dltrain.config.hints import (
    Hint,
    bases,
    choices,
    entry_hint,
    is_kind,
    item_hint,
    key_at,
    keys,
    kinds,
    record_at,
    records,
)
from dltrain.config.nodes import Places
from dltrain.config.records import Experiment
from dltrain.engine.arrays import RECORD
from dltrain.errors import Problem

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Schema = dict[str, Any]
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
KEY = "[key]"
"""pydantic's mark for an error in a free mapping's key rather than its value."""


@cache
def adapter() -> TypeAdapter[Experiment]:
    """pydantic's reader of experiments: built once, when first needed (0.1 s)."""
    from pydantic import TypeAdapter

    return TypeAdapter(Experiment)


@cache
def described() -> Schema:
    """JSON Schema of the records, each key with its docstring; to find these takes as long again as all the rest."""
    from pydantic import TypeAdapter

    RECORD["use_attribute_docstrings"] = True
    try:
        return TypeAdapter(Experiment).json_schema()
    finally:
        del RECORD["use_attribute_docstrings"]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where an error of pydantic's points: the path without the tags of unions, and what the hints say of it."""

    path: tuple[str, ...]
    hint: Hint
    """All that may stand there."""
    meant: Hint
    """The alternative that the tags chose."""
    parent: Hint
    kind: Any
    """Of the mapping that holds it."""
    value: Any


def validate(tree: dict[str, Any], places: Places | None = None) -> Experiment | list[Problem]:
    """The tree as an Experiment, read strictly: no text for numbers, no numbers for true; or what is wrong.

    A wrong key is placed at the key itself; the other problems are to be placed at their values.
    """
    from pydantic import ValidationError

    try:
        return adapter().validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        found = [(_spot(details["loc"], tree), details["type"], KEY in details["loc"]) for details in error.errors()]
    told: dict[tuple[str, ...], Problem] = {}
    for spot, kind, in_key in found:
        if not any(_inside(other.path, spot.path) for other, _, _ in found):
            key = ".".join(spot.path)
            place = places.keys.get(key) if places and (in_key or kind in UNKNOWN) else None
            told.setdefault(spot.path, Problem(_say(spot, kind, in_key), key, str(place) if place else None))
    return list(told.values())


def _inside(path: tuple[str, ...], section: tuple[str, ...]) -> bool:
    """An alternative of a union that failed deeper inside is the one that was meant."""
    return len(path) > len(section) and path[: len(section)] == section


def _spot(loc: tuple[int | str, ...], tree: Any) -> _Spot:
    spot = _Spot((), Experiment, Experiment, None, None, tree)
    for element in loc:
        if element == KEY:
            continue
        tagged = isinstance(element, str) and _is_choice(spot.meant)
        spot = replace(spot, meant=_chosen(spot.meant, str(element))) if tagged else _descend(spot, element)
    return spot


def _is_choice(hint: Hint) -> bool:
    """Whether pydantic names an alternative here, not a key: it does so where there are several besides null."""
    return hint is not None and len([base for base in bases(hint) if base is not type(None)]) > 1


def _chosen(hint: Hint, tag: str) -> Hint:
    """The alternative that the tag names; the hint itself where a second tag follows."""
    if tag in kinds(hint):
        return kinds(hint)[tag]
    for base in bases(hint):
        if tag == getattr(base, "__name__", None) and base in records(hint):
            return base
        if tag.startswith("list[") and item_hint(base) is not None:
            return base
    return hint


def _descend(spot: _Spot, element: int | str) -> _Spot:
    kind = spot.value.get("kind") if isinstance(spot.value, dict) else None
    hint = None
    if spot.meant is not None:
        slot = key_at(spot.meant, str(element), kind)
        hint = slot.hint if slot else item_hint(spot.meant)
    inside = isinstance(spot.value, list) or (isinstance(spot.value, dict) and element in spot.value)
    value = spot.value[element] if inside else None
    return _Spot((*spot.path, str(element)), hint, hint, spot.meant, kind, value)


def _say(spot: _Spot, kind: str, in_key: bool) -> str:
    if in_key:
        return _bad_key(spot)
    if kind in UNKNOWN:
        return _unknown_key(spot)
    if kind == "missing":
        return f"is required; expected {describe(spot.hint)}"
    if kind in ("union_tag_invalid", "union_tag_not_found") and isinstance(spot.value, dict):
        return _bad_kind(spot)
    return bad_value(spot.value, spot.hint)


def bad_value(value: Any, hint: Hint) -> str:
    """`0 is not allowed; expected a number above 0`, and what to write instead, where that can be guessed."""
    return f"{show(value)} is not allowed; expected {describe(hint)}{_instead(value, hint)}"


def _instead(value: Any, hint: Hint) -> str:
    found = bases(hint)
    near = ""
    if isinstance(value, str):
        near = _number_in_text(value, hint) or suggestion(value, [*map(str, choices(hint)), *kinds(hint)])
    if near:
        return near
    if type(value) is float and value.is_integer() and int in found and float not in found:
        return f"; write {int(value)}"
    if type(value) in (int, float) and 10 <= value <= 100 and float in found and " 1" in describe(hint):
        return f"; did you mean {value / 100:g}?"
    if type(value) in (int, float, bool) and str in found:
        return f'; quote it: "{show(value)}"'
    if isinstance(value, (int, str)) and item_hint(hint) is not None:
        return f"; did you mean [{value}]?"
    return ""


def _number_in_text(text: str, hint: Hint) -> str:
    """`20%`, `1_000`, `1,000`, `"0.5"`: text that means a number."""
    if not {int, float} & set(bases(hint)):
        return ""
    percent = text.strip().endswith("%")
    try:
        number = float(text.strip().rstrip("%").replace("_", "").replace(",", ""))
    except ValueError:
        return ""
    number = number / 100 if percent else number
    return f"; did you mean {number:g}?" if abs(number) < 1e15 else ""


def _unknown_key(spot: _Spot) -> str:
    name = spot.path[-1]
    record = record_at(spot.parent, spot.kind) or next(iter(records(spot.parent)), None)
    known = [key for key in keys(record) if key != "kind" or not is_kind(record)] if record else []
    near = suggestion(name, known)
    said = f"unknown key{f' of {spot.kind}' if isinstance(spot.kind, str) and record and is_kind(record) else ''}"
    if near:
        return said + near
    others = _other_kinds(spot, name)
    if others:
        return f"{said}; it belongs to {join(others)}"
    elsewhere = find_key(name)
    if elsewhere:
        return f"{said}; did you mean {elsewhere}?"
    return f"{said}; expected {join(known)}" if len(known) < 12 and known else said


def _other_kinds(spot: _Spot, name: str) -> list[str]:
    """The other kinds of this section that know the key."""
    section = section_hint(spot.path[:-1])
    return [f"kind: {kind}" for kind, record in kinds(section).items() if name in keys(record)]


def section_hint(path: tuple[str, ...]) -> Hint:
    """The hint of a section, found from the top."""
    hint: Hint = Experiment
    for name in path:
        slot = key_at(hint, name) if hint is not None else None
        hint = slot.hint if slot else item_hint(hint) if hint is not None else None
    return hint


def find_key(name: str) -> str | None:
    """Where a key belongs that stands in the wrong section: `optimizer.learning_rate`. None when it is not clear."""
    found: dict[str, list[str]] = {"exact": [], "near": []}
    for section, key in keys(Experiment).items():
        names = {inner for record in records(key.hint) for inner in keys(record)} - {"kind", "seed"}
        near = suggestion(name, sorted(names)).removeprefix("; did you mean ").rstrip("?")
        if near:
            exact = name in names or SYNONYMS.get(name) == near
            found["exact" if exact else "near"].append(f"{section}.{near}")
    best = found["exact"] or found["near"]
    return best[0] if len(best) == 1 else None


def _bad_kind(spot: _Spot) -> str:
    known = list(kinds(spot.hint)) + [str(word) for word in choices(spot.hint)]
    kind = spot.value.get("kind")
    if kind is None:
        needs = [name for name, record in kinds(spot.hint).items() if set(spot.value) <= set(keys(record))]
        return f"its kind is missing; expected kind: {join(needs or known)}"
    near = suggestion(kind, known) if isinstance(kind, str) else ""
    section = next(part for part in reversed(spot.path) if not part.isdigit())
    return f"{show(kind)} is not a kind of {section}; expected {join(known)}{near}"


def _bad_key(spot: _Spot) -> str:
    """A key of a free mapping that is of the wrong form."""
    found = [get_args(base)[0] for base in bases(spot.parent) if entry_hint(base) is not None]
    words = [str(word) for hint in found for word in choices(hint)]
    return f"unknown key; expected {join([describe(hint) for hint in found])}{suggestion(spot.path[-1], words)}"
