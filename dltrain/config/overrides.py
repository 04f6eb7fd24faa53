"""KEY=VALUE: a dotted path and a YAML value, put over the merged configs."""

from __future__ import annotations

from typing import Any

from dltrain.config.english import show
from dltrain.config.hints import Hint, as_data, item_hint, key_at, keys, records
from dltrain.config.merging import keys_by_kind, merge
from dltrain.config.nodes import Node, Place, plain
from dltrain.config.normalizing import MOST_LAYERS, long_name, normalize
from dltrain.config.reader import read
from dltrain.config.records import DeclaredLayer
from dltrain.config.search_checks import hint_of
from dltrain.errors import InputError, Problem

HERE = Place(None)
DEEPEST_KEY = 32
SPACE = ("search", "space")
"""The mapping whose keys are dotted paths."""
OF_A_RANGE = ("low", "high", "values", "when")
"""Keys of such a key's value; no key of the config itself has one of these names."""


class Overrides:
    """Applies overrides one after the other, and collects what is wrong with them."""

    def __init__(self, hint: Hint) -> None:
        self.hint = hint
        self.problems: list[Problem] = []
        self.notices: list[str] = []

    def apply(self, root: Node, override: str) -> Node:
        found = self.parse(override)
        if found is None:
            return root
        key, value = found
        return self._graft(root, value, split_key(key, root), self.hint, None, "")

    def parse(self, override: str) -> tuple[str, Node] | None:
        """The key and the value of KEY=VALUE; None where it is none, which is a problem then."""
        key, equals, text = override.partition("=")
        key = key.strip()
        parts = key.split(".")
        if not equals or not all(parts) or len(parts) > DEEPEST_KEY or not _is_text(override):
            shown = override.encode("utf-8", "replace").decode()
            message = f"'{shown}' is no override; expected KEY=VALUE, like training.epochs=20"
            self.problems.append(Problem(message, where=str(HERE)))
            return None
        value = self._value(key, text)
        return (key, value) if value else None

    def put(self, root: Node, key: str, value: Node) -> Node:
        """The root with a value, in its short or long form, at a dotted path."""
        return self._graft(root, value, key.split("."), self.hint, None, "")

    def _value(self, key: str, text: str) -> Node | None:
        try:
            node = read(text, None)
        except InputError as error:
            shown = text if len(text) <= 40 else f"{text[:37]}..."
            self.problems += [
                Problem(
                    f"{problem.message} (in {shown!r}; quotes inside quotes make it text: {key}='\"...\"')",
                    key,
                    str(HERE),
                )
                for problem in error.problems
            ]
            return None
        return node.with_key(HERE)

    def _graft(
        self, below: Node | None, value: Node, parts: list[str], hint: Hint | None, default: Any, path: str
    ) -> Node:
        """What stands at `path` once `value` is put at `parts` below it."""
        if not parts:
            fresh = normalize(value, hint, path, self.problems)
            return merge(below, fresh, hint, default, path, self.notices)
        if below is None and hint is not None and item_hint(hint) is not None and isinstance(default, list):
            below = _defaults(default)
        if below is not None and isinstance(below.value, list):
            if parts == ["count"] and hint is not None and records(item_hint(hint)) == [DeclaredLayer]:
                return self._count(below, value, path)
            return self._graft_item(below, value, parts, hint, path)
        if below is None or not isinstance(below.value, dict):
            if below is not None and hint is not None and not records(hint):
                message = f"there is no key '{parts[0]}' below {path}, which holds a single value"
                self.problems.append(Problem(message, ".".join((path, *parts)), str(HERE)))
                return below
            below = Node({}, HERE, HERE)
        return self._graft_key(below, value, parts, hint, default, path)

    def _graft_key(
        self, below: Node, value: Node, parts: list[str], hint: Hint | None, default: Any, path: str
    ) -> Node:
        assert isinstance(below.value, dict)
        known = {name for record in records(hint) for name in keys(record)} if hint is not None else set()
        name = long_name(parts[0], known)
        kind = below.value["kind"].value if "kind" in below.value else None
        slot = key_at(hint, name, kind) if hint is not None else None
        where = f"{path}.{name}" if path else name
        child = below.value.get(name)
        grafted = self._graft(
            child, value, parts[1:], slot.hint if slot else None, slot.default if slot else None, where
        )
        if name == "kind" and hint is not None and keys_by_kind(hint):
            return merge(below, Node({name: grafted}, HERE), hint, default, path, self.notices)
        return below.with_value({**below.value, name: grafted})

    def _count(self, below: Node, value: Node, path: str) -> Node:
        """So many layers: the last of those there are is repeated, or the last ones are left out."""
        assert isinstance(below.value, list)
        count, layers = value.value, below.value
        if type(count) is not int or not 0 <= count <= MOST_LAYERS:
            message = f"{show(plain(value))} is not allowed; expected a whole number from 0 to {MOST_LAYERS}"
            self.problems.append(Problem(message, f"{path}.count", str(HERE)))
            return below
        if count > len(layers) and not layers:
            self.problems.append(Problem("there is no layer to repeat; give one", f"{path}.count", str(HERE)))
            return below
        return below.with_value([*layers[:count], *layers[-1:] * (count - len(layers))])

    def _graft_item(self, below: Node, value: Node, parts: list[str], hint: Hint | None, path: str) -> Node:
        assert isinstance(below.value, list)
        items = list(below.value)
        index = int(parts[0]) if parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 9 else len(items)
        if index >= len(items):
            there = f"{path}.0 to {path}.{len(items) - 1}" if len(items) > 1 else f"{path}.0 alone"
            message = f"there is no item {parts[0]}; there is {there if items else 'none'}"
            self.problems.append(Problem(message, ".".join((path, *parts)), str(HERE)))
            return below
        inner = item_hint(hint) if hint is not None else None
        items[index] = self._graft(
            items[index], _as_layer(value, parts, inner), parts[1:], inner, None, f"{path}.{index}"
        )
        return below.with_value(items)


def split_key(key: str, root: Node) -> list[str]:
    """The parts of a dotted path. Below search.space the keys are dotted paths themselves, and so they are below
    their `when`: those that are there already, or all up to a range's own key; and below `set` of an adjustment."""
    parts = key.split(".")
    if parts[0] == "adjustments" and parts[2:3] == ["set"] and len(parts) > 4:
        return [*parts[:3], ".".join(parts[3:])]
    if parts[:2] != [*SPACE] or len(parts) < 4:
        return parts
    node: Node | None = root
    for name in SPACE:
        node = node.value.get(name) if node is not None and isinstance(node.value, dict) else None
    known = node.value if node is not None and isinstance(node.value, dict) else {}
    rest = parts[2:]
    ends = [n for n in range(len(rest), 0, -1) if ".".join(rest[:n]) in known]
    ends = [n for n in ends if n == len(rest) or rest[n] in (*OF_A_RANGE, "kind") or hint_of(".".join(rest)) is None]
    ends += [n for n in range(1, len(rest)) if rest[n] in OF_A_RANGE]
    end = ends[0] if ends else len(rest)
    below = rest[end:]
    if below[:1] == ["when"] and len(below) > 2:
        below = ["when", ".".join(below[1:])]
    return [*SPACE, ".".join(rest[:end]), *below]


def _as_layer(value: Node, parts: list[str], hint: Hint | None) -> Node:
    """`architecture.layers.0=32` means its units, as a number in the list does."""
    whole = len(parts) == 1 and type(value.value) is int and hint is not None and bool(records(hint))
    return value.with_value({"units": Node(value.value, HERE, HERE)}) if whole else value


def _defaults(default: Any) -> Node:
    """A default as nodes without places, its nulls left out."""
    data = as_data(default)
    if isinstance(data, list):
        return Node([_defaults(item) for item in data], None)
    if isinstance(data, dict):
        return Node({key: _defaults(item) for key, item in data.items() if item is not None}, None)
    return Node(data, None)


def _is_text(text: str) -> bool:
    """False for bytes of the command line that are no UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
