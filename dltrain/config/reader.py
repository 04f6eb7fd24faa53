"""YAML text to nodes with places: no aliases, anchors, tags, merge keys or duplicate keys, of limited size and depth.

Nothing here depends on what the keys mean. The text is read event by event, so that a hostile file is
refused before it grows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from dltrain.config.nodes import Node, Place, Scalar
from dltrain.config.scalars import read_scalar
from dltrain.errors import InputError, Problem

LARGEST_TEXT = 2**20
DEEPEST = 32
MOST_PROBLEMS = 100
UNREADABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str, file: str | None) -> Node:
    """The one document of `text`. `file` names it in problems; None is the command line.

    Raises InputError with everything wrong up to the first error of syntax.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_TEXT:
        raise InputError(Problem("larger than 1 MiB: this is no config", where=str(Place(file, 1, 1))))
    _refuse_unreadable(text, file)
    builder = _Builder(file)
    try:
        root = builder.document(yaml.parse(text, Loader=Loader))
    except yaml.YAMLError as error:
        builder.problems.append(_syntax(error, text, file))
    except (ValueError, OverflowError):  # an escape such as "\UFFFFFFFF"
        builder.complain(Place(file, 1, 1), "an escape sequence in quotes names no character")
    if builder.problems:
        raise InputError(*builder.problems[:MOST_PROBLEMS])
    return root


def _refuse_unreadable(text: str, file: str | None) -> None:
    found = UNREADABLE.search(text.removeprefix("\ufeff"))
    if found:
        before = text[: found.start()]
        line, column = before.count("\n") + 1, found.start() - before.rfind("\n")
        message = f"character U+{ord(found.group()):04X} cannot stand in a config; is this a text file in UTF-8?"
        raise InputError(Problem(message, where=str(Place(file, line, column))))


class _Builder:
    def __init__(self, file: str | None) -> None:
        self.file = file
        self.path: list[str] = []
        self.problems: list[Problem] = []

    def complain(self, place: Place, message: str, *below: str) -> None:
        self.problems.append(Problem(message, ".".join((*self.path, *below)) or None, str(place)))

    def place(self, event: yaml.Event) -> Place:
        mark: Any = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if self.file is not None else Place(None)

    def document(self, events: Iterator[yaml.Event]) -> Node:
        root = None
        for event in events:
            if not isinstance(event, yaml.NodeEvent):
                continue
            if root is not None:
                self.complain(self.place(event), "a second document begins here; one file is one config")
                break
            root = self.node(event, events, 1)
        return root or Node(None, Place(self.file, 1, 1) if self.file is not None else Place(None))

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        place = self.place(event)
        if depth > DEEPEST:
            raise InputError(*self.problems, Problem(f"nested more than {DEEPEST} deep", where=str(place)))
        self.refuse_references(event, place)
        if isinstance(event, yaml.MappingStartEvent):
            return Node(self.mapping(events, depth), place)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(child := next(events), yaml.SequenceEndEvent):
                self.path.append(str(len(items)))
                items.append(self.node(child, events, depth + 1))
                self.path.pop()
            return Node(items, place)
        return Node(self.scalar(event, place), place)

    def refuse_references(self, event: yaml.Event, place: Place) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            self.complain(place, f"aliases (*{anchor}) are not read; write the value out, or quote it")
        elif anchor:
            self.complain(place, f"anchors (&{anchor}) are not read; write the value out, or quote it")
        if tag:
            self.complain(place, f"tags ({tag}) are not read; leave it out, or quote the value")

    def mapping(self, events: Iterator[yaml.Event], depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            place = self.place(event)
            key = self.key(event, events, place, depth)
            self.path.append(key or "?")
            value = self.node(next(events), events, depth + 1).with_key(place)
            self.path.pop()
            if key is None:
                continue
            if key in entries:
                first = entries[key].key
                where = f", first in line {first.line}" if first and first.file else ""
                self.complain(place, f"given twice{where}; leave one", key)
            else:
                entries[key] = value
        return entries

    def key(self, event: yaml.Event, events: Iterator[yaml.Event], place: Place, depth: int) -> str | None:
        node = self.node(event, events, depth + 1)
        if isinstance(event, yaml.AliasEvent):
            return None
        if not isinstance(event, yaml.ScalarEvent):
            self.complain(place, "a list or mapping stands where a key was expected")
            return None
        if event.value == "<<" and not event.style:
            self.complain(place, "merge keys (<<) are not read; give several configs, they merge from left to right")
            return None
        if event.value == "":
            self.complain(place, "a key is missing before the colon")
            return None
        return str(node.value) if type(node.value) is int else str(event.value)

    def scalar(self, event: yaml.Event, place: Place) -> Scalar:
        text: str = getattr(event, "value", "")
        if getattr(event, "style", None):
            self.refuse_characters(text, place)
            return text
        try:
            return read_scalar(text)
        except ValueError as error:
            self.complain(place, str(error))
            return None

    def refuse_characters(self, text: str, place: Place) -> None:
        bad = next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), None)
        if bad is not None:
            self.complain(place, f"character U+{ord(bad):04X} cannot stand in a value")


WORDING = (
    ("cannot start any token", "this cannot start a value; if it is text, quote it"),
    ("mapping values are not allowed", "a colon too many, or a line indented differently from its neighbours"),
    ("could not find expected ':'", "a line without `key: value`, or without a space after the colon"),
    ("did not find expected key", "this is no `key: value`, or indented differently from its neighbours"),
    ("expected <block end>", "this is no `key: value`, or indented differently from its neighbours"),
    ("did not find expected '-' indicator", "indented differently from the items of the list before it"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("expected ',' or ']'", "a list is opened with [ and not closed, or a comma is missing"),
    ("expected ',' or '}'", "a mapping is opened with { and not closed, or a comma is missing"),
    ("did not find expected alphabetic", "a name is missing behind * or &; if it is text, quote it"),
    ("expected alphabetic or numeric", "a name is missing behind * or &; if it is text, quote it"),
    ("expected the node content", "a value was expected here"),
)


def _syntax(error: yaml.YAMLError, text: str, file: str | None) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    said = str(getattr(error, "problem", None) or error).replace("\n", " ")
    if mark and _character(text, place) == "\t":
        said = "a tab; YAML is indented with spaces"
    message = next((plain for wording, plain in WORDING if wording in said), said)
    return Problem(f"not valid YAML: {message}", where=str(place))


def _character(text: str, place: Place) -> str:
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    return line[place.column - 1 : place.column]
