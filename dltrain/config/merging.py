"""One config over another: mappings merge key by key, everything else is replaced."""

from __future__ import annotations

from typing import Any

from dltrain.config.english import join
from dltrain.config.hints import Hint, key_at, keys, kinds
from dltrain.config.nodes import Node, Place
from dltrain.config.normalizing import default_kind


def merge(below: Node | None, above: Node, hint: Hint | None, default: Any, path: str, notices: list[str]) -> Node:
    """`above` over `below`, both in their long form. A new kind drops the old one's keys, and a notice says so."""
    if below is None or not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above if above.key or below is None else above.with_key(below.key)
    entries = dict(below.value)
    if hint is not None and kinds(hint):
        entries = _without_other_kind(entries, above.value, hint, default, path, notices)
    kind = above.value.get("kind", entries.get("kind"))
    for name, node in above.value.items():
        slot = key_at(hint, name, kind.value if kind else None) if hint is not None else None
        where = f"{path}.{name}" if path else name
        entries[name] = merge(
            entries.get(name), node, slot.hint if slot else None, slot.default if slot else None, where, notices
        )
    return below.with_value(entries) if below.place else above.with_value(entries)


def _without_other_kind(
    entries: dict[str, Node], above: dict[str, Node], hint: Hint, default: Any, path: str, notices: list[str]
) -> dict[str, Node]:
    known = kinds(hint)
    old = entries["kind"].value if "kind" in entries else default_kind(hint, default)
    new = above["kind"].value if "kind" in above else old
    if old == new or not isinstance(old, str) or not isinstance(new, str) or not {old, new} <= set(known):
        return entries
    dropped = [name for name in entries if name in keys(known[old]) and name not in keys(known[new])]
    if dropped:
        given = [f"{name}{_given(entries[name].place)}" for name in dropped]
        kept = [name for name in entries if name not in dropped and name != "kind"]
        also = f"; {join(kept, 'and')} kept" if kept else ""
        notices.append(f"{path}.kind: {old} became {new}, so {join(given, 'and')} dropped{also}")
    return {name: node for name, node in entries.items() if name not in dropped}


def _given(place: Place | None) -> str:
    return f" ({place})" if place else ""
