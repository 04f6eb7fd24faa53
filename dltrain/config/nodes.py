"""Config data that remembers where it was written: nodes, and the places of all keys of a tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

STDIN = "<stdin>"

Scalar: TypeAlias = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a file, both from 1; or the command line, where `file` is None."""

    file: str | None
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return "command line" if self.file is None else f"{self.file}:{self.line}:{self.column}"

    @property
    def short(self) -> str:
        """`config.yaml:12`, without folders: for files that must not tell where they were made."""
        return "command line" if self.file is None else f"{Path(self.file).name}:{self.line}"

    @property
    def folder(self) -> str:
        """What a path written here is relative to."""
        return os.getcwd() if self.file in (None, STDIN) else os.path.dirname(os.path.abspath(str(self.file)))


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place; in a mapping also the place of its key. No place: put there by a default."""

    value: Scalar | list[Node] | dict[str, Node]
    place: Place | None
    key: Place | None = None

    def with_value(self, value: Scalar | list[Node] | dict[str, Node]) -> Node:
        return Node(value, self.place, self.key)

    def with_key(self, key: Place | None) -> Node:
        return Node(self.value, self.place, key)


def plain(node: Node) -> Any:
    """The data alone: dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def walk(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The node and everything below it, each with its path."""
    yield path, node
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from walk(child, (*path, key))
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from walk(child, (*path, str(index)))


class Places:
    """Where each dotted key of a config was given. A default has no place."""

    def __init__(self, root: Node) -> None:
        self.values: dict[str, Place] = {}
        self.keys: dict[str, Place] = {}
        for path, node in walk(root):
            dotted = ".".join(path)
            if node.place:
                self.values[dotted] = node.place
            if node.key or node.place:
                self.keys[dotted] = node.key or node.place  # type: ignore[assignment]

    def at(self, key: str) -> Place | None:
        """Where the value of this very key was written."""
        return self.values.get(key)

    def nearest(self, key: str) -> Place | None:
        """Where the key was written: its value; when it is a default, the nearest section that holds it."""
        if key in self.values:
            return self.values[key]
        while key:
            key = key.rpartition(".")[0]
            if key in self.keys:
                return self.keys[key]
        return None
