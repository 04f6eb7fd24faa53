"""One config over another: mappings merge key by key, everything else is replaced."""

from __future__ import annotations

from typing import Any, get_args

from dltrain.config.english import join
from dltrain.config.hints import Hint, key_at, keys, kinds, records
from dltrain.config.nodes import Node, Place
from dltrain.config.normalizing import default_kind
from dltrain.config.records_search import OF_SEARCHES, Search, SearchKind


def merge(below: Node | None, above: Node, hint: Hint | None, default: Any, path: str, notices: list[str]) -> Node:
    """`above` over `below`, both in their long form. A new kind drops the old one's keys, and a notice says so."""
    if below is None or not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above if above.key or below is None else above.with_key(below.key)
    entries = dict(below.value)
    if hint is not None and keys_by_kind(hint):
        entries = _without_other_kind(entries, above.value, hint, default, path, notices)
    kind = above.value.get("kind", entries.get("kind"))
    for name, node in above.value.items():
        slot = key_at(hint, name, kind.value if kind else None) if hint is not None else None
        where = f"{path}.{name}" if path else name
        entries[name] = merge(
            entries.get(name), node, slot.hint if slot else None, slot.default if slot else None, where, notices
        )
    return below.with_value(entries) if below.place else above.with_value(entries)


def keys_by_kind(hint: Hint) -> dict[str, set[str]]:
    """`kind` -> the keys that it has, where there are several kinds; else empty."""
    if records(hint) == [Search]:
        every = set(keys(Search))
        return {kind: {key for key in every if kind in OF_SEARCHES.get(key, (kind,))} for kind in get_args(SearchKind)}
    return {kind: set(keys(record)) for kind, record in kinds(hint).items()}


def _search_kind(hint: Hint) -> str | None:
    return keys(Search)["kind"].default if records(hint) == [Search] else None


def _without_other_kind(
    entries: dict[str, Node], above: dict[str, Node], hint: Hint, default: Any, path: str, notices: list[str]
) -> dict[str, Node]:
    known = keys_by_kind(hint)
    old = entries["kind"].value if "kind" in entries else default_kind(hint, default) or _search_kind(hint)
    new = above["kind"].value if "kind" in above else old
    if old == new or not isinstance(old, str) or not isinstance(new, str) or not {old, new} <= set(known):
        return entries
    dropped = [name for name in entries if name in known[old] and name not in known[new]]
    if dropped:
        given = [f"{name}{_given(entries[name].place)}" for name in dropped]
        kept = [] if records(hint) == [Search] else [name for name in entries if name not in (*dropped, "kind")]
        also = f"; {join(kept, 'and')} kept" if kept else ""
        notices.append(f"{path}.kind: {old} became {new}, so {join(given, 'and')} dropped{also}")
    return {name: node for name, node in entries.items() if name not in dropped}


def _given(place: Place | None) -> str:
    return f" ({place})" if place else ""
