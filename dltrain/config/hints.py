"""What a record's type hints say of its keys: the one place that takes hints apart.

Everything that names keys, kinds or choices (errors, `explain`, short forms, overrides) asks here, so that a
new record is known everywhere by being written once.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_type_hints
from typing import get_origin as _origin

Hint = Any


def get_origin(hint: Hint) -> Any:
    """Like typing's, for hints of any form."""
    return _origin(hint)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record."""

    name: str
    hint: Hint
    required: bool
    default: Any


@cache
def keys(record: type) -> dict[str, Key]:
    """The keys of a record, in order."""
    hints = get_type_hints(record, include_extras=True)
    return {field.name: _key(field, hints[field.name]) for field in dataclasses.fields(record)}


def _key(field: dataclasses.Field[Any], hint: Hint) -> Key:
    if field.default_factory is not MISSING:
        return Key(field.name, hint, False, field.default_factory())
    required = field.default is MISSING
    return Key(field.name, hint, required, None if required else field.default)


def members(hint: Hint, constraints: tuple[Any, ...] = ()) -> Iterator[tuple[Hint, tuple[Any, ...]]]:
    """The alternatives of a hint, unions flattened, each with its constraints."""
    if get_origin(hint) is Annotated:
        inner, *more = get_args(hint)
        yield from members(inner, (*more, *constraints))
    elif get_origin(hint) in (Union, types.UnionType):
        for argument in get_args(hint):
            yield from members(argument, constraints)
    else:
        yield hint, constraints


def bases(hint: Hint) -> list[Hint]:
    return [base for base, _ in members(hint)]


def records(hint: Hint) -> list[type]:
    """The records among the alternatives."""
    return [base for base in bases(hint) if isinstance(base, type) and dataclasses.is_dataclass(base)]


def kinds(hint: Hint) -> dict[str, type]:
    """`kind` -> record, for a hint that is a choice of kinds; else empty."""
    return {kind_of(record): record for record in records(hint) if is_kind(record)}


def is_kind(record: type) -> bool:
    """Whether a record is one kind of several: its key `kind` says which, and leaves no choice."""
    return "kind" in keys(record) and len(choices(keys(record)["kind"].hint)) == 1


def kind_of(record: Any) -> str:
    """`adam` for Adam, or for one of its instances."""
    found: str = keys(record if isinstance(record, type) else type(record))["kind"].default
    return found


def choices(hint: Hint) -> list[Any]:
    """The words that may be written as they are."""
    return [word for base in bases(hint) if get_origin(base) is Literal for word in get_args(base)]


def allows_null(hint: Hint) -> bool:
    return type(None) in bases(hint)


def is_section(hint: Hint) -> bool:
    """Nothing but one record: a mapping is all that may stand there."""
    return len(bases(hint)) == 1 and bool(records(hint))


def item_hint(hint: Hint) -> Hint | None:
    """Of a list's items."""
    return next((get_args(base)[0] for base in bases(hint) if get_origin(base) is list), None)


def entry_hint(hint: Hint) -> Hint | None:
    """Of the values of a free mapping."""
    return next((get_args(base)[1] for base in bases(hint) if get_origin(base) is dict), None)


def record_at(hint: Hint, kind: Any = None) -> type | None:
    """The record that a mapping there is read as."""
    if isinstance(kind, str) and kind in kinds(hint):
        return kinds(hint)[kind]
    found = [record for record in records(hint) if not is_kind(record)]
    return found[0] if found else None


def key_at(hint: Hint, name: str, kind: Any = None) -> Key | None:
    """The key `name` of a mapping there; when its kind is not known or has no such key, of any kind."""
    record = record_at(hint, kind)
    candidates = ([record] if record else []) + records(hint)
    found = next((keys(record)[name] for record in candidates if name in keys(record)), None)
    entry = entry_hint(hint)
    return found or (Key(name, entry, False, None) if entry is not None else None)


def as_data(value: Any) -> Any:
    """A record as plain data, as a config would say it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_data(item) for item in value]
    return value
