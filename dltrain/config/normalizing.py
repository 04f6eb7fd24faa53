"""Short forms become records: a bare string is a kind, a number in `layers` is a layer, `split: auto` is no ratios.

Done on the nodes, before configs merge and overrides apply, so that dotted paths always find the long form.
"""

from __future__ import annotations

from typing import Any

from dltrain.config.english import show
from dltrain.config.hints import (
    Hint,
    Key,
    allows_null,
    choices,
    is_section,
    item_hint,
    key_at,
    keys,
    kinds,
    records,
)
from dltrain.config.nodes import Node, plain
from dltrain.config.records import DeclaredLayer, Split
from dltrain.errors import Problem

ALIASES = {"lambda": "lambd", "lambda_l1": "lambd_l1", "lambda_l2": "lambd_l2"}
DROPOUT = {"dropout": "keep_prob", "input_dropout": "input_keep_prob"}
MOST_LAYERS = 1000


def normalize(node: Node, hint: Hint | None, path: str, problems: list[Problem]) -> Node:
    """The node in its long form. What cannot be put into it is left as it is: validation names it."""
    if hint is None:
        return node
    node = _expand(node, hint, path, problems)
    if isinstance(node.value, dict):
        return node.with_value(_mapping(node.value, hint, path, problems))
    item = item_hint(hint)
    if isinstance(node.value, list) and item is not None:
        return node.with_value(_items(node.value, item, path, problems))
    return node


def _expand(node: Node, hint: Hint, path: str, problems: list[Problem]) -> Node:
    value = node.value
    if isinstance(value, str):
        if kinds(hint) and value not in choices(hint):
            return node.with_value({"kind": Node(value, node.place)})
        if value == "auto" and is_section(hint) and records(hint) == [Split]:
            return node.with_value({part: Node(None, node.place, node.key) for part in ("train", "dev", "test")})
    if value is None and is_section(hint) and not allows_null(hint):
        return node.with_value({})
    layer = item_hint(hint) is not None and records(item_hint(hint)) == [DeclaredLayer]
    if layer and isinstance(value, dict) and "count" in value:
        return node.with_value(_count(node, path, problems))
    return node


def _items(items: list[Node], hint: Hint, path: str, problems: list[Problem]) -> list[Node]:
    found: list[Node] = []
    for node in items:
        where = f"{path}.{len(found)}"
        if records(hint) == [DeclaredLayer]:
            found += [normalize(layer, hint, where, problems) for layer in _layers(node, where, problems)]
        else:
            found.append(normalize(node, hint, where, problems))
    return found


def _layers(node: Node, path: str, problems: list[Problem]) -> list[Node]:
    if type(node.value) is int:
        return [node.with_value({"units": Node(node.value, node.place)})]
    if isinstance(node.value, dict) and "count" in node.value:
        return _count(node, path, problems)
    return [node]


def _count(node: Node, path: str, problems: list[Problem]) -> list[Node]:
    assert isinstance(node.value, dict)
    count = node.value["count"]
    layer = node.with_value({key: child for key, child in node.value.items() if key != "count"})
    if type(count.value) is int and 1 <= count.value <= MOST_LAYERS:
        return [layer] * count.value
    message = f"{show(plain(count))} is not allowed; expected a whole number from 1 to {MOST_LAYERS}"
    problems.append(Problem(message, key=f"{path}.count", where=_where(count)))
    return [layer]


def _mapping(entries: dict[str, Node], hint: Hint, path: str, problems: list[Problem]) -> dict[str, Node]:
    kind = entries["kind"].value if "kind" in entries else None
    known = {name for record in records(hint) for name in keys(record)}
    found: dict[str, Node] = {}
    for written, node in entries.items():
        name = long_name(written, known)
        where = f"{path}.{name}" if path else name
        if DROPOUT.get(name) in known and name not in known:
            problems.append(_dropout(name, node, where))
        elif name in found:
            problems.append(Problem(f"given twice, as {written} too; leave one", key=where, where=_where(node)))
        else:
            slot = key_at(hint, name, kind)
            found[name] = normalize(node, slot.hint if slot else None, where, problems)
    return found


def long_name(written: str, known: set[str]) -> str:
    """`lambd` for `lambda`, where there is a lambd."""
    name = ALIASES.get(written, written)
    return name if name in known else written


def _dropout(name: str, node: Node, path: str) -> Problem:
    kept = DROPOUT[name]
    share = node.value
    said = f"{kept}: {round(1 - share, 12):g}" if type(share) in (int, float) and 0 <= share < 1 else kept  # type: ignore[operator]
    return Problem(
        f"unknown key; dltrain takes the share kept, not the share dropped: write {said}", path, _where(node)
    )


def complete(node: Node, hint: Hint, default: Any = None) -> Node:
    """With what a mapping may leave out put in, after everything has merged: kinds, and sections that are required."""
    if isinstance(node.value, list):
        item = item_hint(hint)
        return node if item is None else node.with_value([complete(child, item) for child in node.value])
    if not isinstance(node.value, dict):
        return node
    entries = dict(node.value)
    implied = default_kind(hint, default)
    if implied and "kind" not in entries:
        entries = {"kind": Node(implied, None), **entries}
    kind = entries["kind"].value if "kind" in entries else None
    for key in _required_sections(hint):
        entries.setdefault(key.name, Node({}, None))
    for name, child in entries.items():
        slot = key_at(hint, name, kind)
        if slot:
            entries[name] = complete(child, slot.hint, slot.default)
    return node.with_value(entries)


def default_kind(hint: Hint, default: Any) -> str | None:
    """The kind that a mapping without one has: that of the default, if the default has one."""
    return next((name for name, record in kinds(hint).items() if type(default) is record), None)


def _required_sections(hint: Hint) -> list[Key]:
    found = records(hint)
    return [key for key in keys(found[0]).values() if key.required and is_section(key.hint)] if len(found) == 1 else []


def _where(node: Node) -> str | None:
    return str(node.place) if node.place else None
