"""`explain`: what a key or a kind means, its type, default and choices, from the records' own docstrings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any

from dltrain.config.english import describe, suggestion
from dltrain.config.hints import (
    Hint,
    Key,
    as_data,
    entry_hint,
    is_kind,
    is_section,
    item_hint,
    keys,
    kind_of,
    kinds,
    records,
)
from dltrain.config.normalizing import ALIASES
from dltrain.config.records import Experiment
from dltrain.config.scalars import write_scalar
from dltrain.config.validating import described
from dltrain.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key, or a kind (which has no key of its own)."""

    path: tuple[str, ...]
    """With the kinds on the way: optimizer, adam, beta1."""
    key: Key | None
    record: type
    """That holds the key; or the kind's own."""

    @property
    def name(self) -> str:
        return ".".join(self.path)


def explain(key: str) -> str:
    """The meaning, type, default and choices of a key (`training.epochs`, `beta1`) or kind (`adam`).

    Layers may carry an index or not; a key that stands in several places is explained for each. Raises
    InputError for an unknown one.
    """
    wanted = tuple(ALIASES.get(part, part) for part in key.strip().split(".") if part and not part.isdigit())
    found = _found(wanted)
    if not found:
        raise InputError(Problem(f"unknown key '{key.strip()}'{suggestion(key.strip(), explained())}"))
    texts: dict[str, list[str]] = {}
    for entry in sorted(found, key=lambda entry: len(entry.path)):
        texts.setdefault(_text(entry), []).append(entry.name)
    return "\n\n".join("\n".join((", ".join(names), text)) for text, names in texts.items())


def explained() -> list[str]:
    """Every name that `explain` knows: dotted paths, and the last part of each."""
    return sorted({entry.name for entry in _entries()} | {entry.path[-1] for entry in _entries()})


def _found(wanted: tuple[str, ...]) -> list[_Entry]:
    """The one entry of that very path; else the kinds of that name; else every key whose path ends so."""
    exact = [entry for entry in _entries() if entry.path == wanted]
    if wanted[-1:] == ("kind",) and not exact:
        found = [entry for entry in _entries() if entry.key and kinds(entry.key.hint)]
        return [entry for entry in found if len(wanted) == 1 or _matches(entry, wanted[:-1])]
    found = [entry for entry in _entries() if wanted and _matches(entry, wanted)]
    return exact or [entry for entry in found if entry.key is None] or found


@cache
def _entries() -> tuple[_Entry, ...]:
    return tuple(_below(Experiment, ()))


def _below(record: type, path: tuple[str, ...]) -> Iterator[_Entry]:
    for key in keys(record).values():
        if key.name == "kind" and is_kind(record):
            continue
        here = (*path, key.name)
        yield _Entry(here, key, record)
        for inner in records(_inside(key.hint)):
            if is_kind(inner):
                yield _Entry((*here, kind_of(inner)), None, inner)
                yield from _below(inner, (*here, kind_of(inner)))
            else:
                yield from _below(inner, here)


def _inside(hint: Hint) -> Hint:
    """The items of a list, the values of a free mapping."""
    return next((inner for inner in (item_hint(hint), entry_hint(hint)) if inner is not None), hint)


def _matches(entry: _Entry, wanted: tuple[str, ...]) -> bool:
    """The end of the path, in which kinds may be left out: optimizer.beta1 for optimizer.adam.beta1."""
    if entry.path[-1] != wanted[-1]:
        return False
    rest = iter(reversed(entry.path[:-1]))
    return all(part in rest for part in reversed(wanted[:-1]))


def _text(entry: _Entry) -> str:
    if entry.key is None:
        meaning = _definitions()[entry.record.__name__].get("description", "")
        return "\n".join((*_indented(meaning), *_listing(entry.record)))
    key = entry.key
    lines = _indented(_meaning(entry.record, key.name))
    if is_section(key.hint):
        return "\n".join((*lines, *_listing(records(key.hint)[0])))
    lines.append(f"  expected: {describe(key.hint)}")
    lines.append("  required" if key.required else f"  default:  {_short(key.default)}")
    of_kinds = kinds(_inside(key.hint))
    lines += [f"    {kind:<21} {_meaning(record, 'kind').partition(': ')[2]}" for kind, record in of_kinds.items()]
    inner = [record for record in records(_inside(key.hint)) if record not in of_kinds.values()]
    for record in inner:
        lines += _listing(record)
    return "\n".join(lines)


def _listing(record: type) -> list[str]:
    """The keys of a record, one a line."""
    names = [name for name in keys(record) if name != "kind" or not is_kind(record)]
    return [f"    {name:<17} {_meaning(record, name)}{_default(keys(record)[name])}" for name in names]


def _default(key: Key) -> str:
    if key.required:
        return " (required)"
    return "" if is_dataclass(key.default) or isinstance(key.default, list) else f" ({_short(key.default)})"


def _short(value: Any) -> str:
    """A default as a config would say it, shortest."""
    data = as_data(value)
    if isinstance(data, dict):
        kind = data.get("kind")
        others = {name: item for name, item in data.items() if name != "kind" and item is not None}
        said = ", ".join(f"{name}: {_short(item)}" for name, item in others.items())
        return f"{{kind: {kind}{', ' if said else ''}{said}}}" if kind else f"{{{said}}}"
    if isinstance(data, list):
        return f"[{', '.join(_short(item) for item in data)}]"
    return write_scalar(data)


def _meaning(record: type, name: str) -> str:
    found = _definitions()[record.__name__]["properties"][name]
    section = found.get("$ref", "").rpartition("/")[2]  # a section says it once when both docstrings agree
    return str(found.get("description") or _definitions().get(section, {}).get("description", ""))


@cache
def _definitions() -> dict[str, Any]:
    schema = described()
    return {**schema["$defs"], Experiment.__name__: schema}


def _indented(text: str) -> list[str]:
    return [f"  {line.strip()}" for line in text.splitlines()]
