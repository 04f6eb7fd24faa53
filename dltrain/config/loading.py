"""`load`: config files and overrides to one Experiment, with all that is wrong told at once."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltrain.config import BUILT_IN, SETS
from dltrain.config.adjusting import problems_of
from dltrain.config.checks import check
from dltrain.config.endings import is_data
from dltrain.config.merging import merge
from dltrain.config.nodes import STDIN, Node, Place, Places, plain
from dltrain.config.normalizing import complete, normalize
from dltrain.config.overrides import Overrides
from dltrain.config.reader import LARGEST_TEXT, read
from dltrain.config.records import Experiment
from dltrain.config.validating import validate
from dltrain.errors import InputError, Problem, did_you_mean

SOURCES = (("data", "source"), ("data", "dev_test_source"))
"""Keys that may hold the name of a built-in or named set too, or a list."""
PATHS = (*SOURCES, *(("split", "files", part) for part in ("train", "train_dev", "dev", "test")))
"""Keys that hold a path or a glob; it becomes absolute, from where it was written."""


INHERITED = ("activation", "keep_prob", "batch_norm", "initializer")
"""Keys of `architecture` that a layer takes unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An Experiment and where it came from."""

    experiment: Experiment
    texts: dict[str, str]
    """Config file, as it was named -> its text."""
    tree: dict[str, Any]
    """What was given, merged and in its long form, as plain data: no defaults but the kinds."""
    places: Places
    notices: tuple[str, ...] = ()
    """What a user should know: keys dropped since a kind was overridden."""
    overrides: tuple[str, ...] = ()
    """As given on the command line."""
    starter: Mapping[str, Any] | None = None
    """What the config was written from, where no file was given: the data file and its target."""

    def locate(self, error: InputError) -> InputError:
        """The error with each key's place in front; a default's place is that of the section around it."""
        return type(error)(*(_placed(problem, self.places) for problem in error.problems))


def load(
    configs: Sequence[str | Path], overrides: Sequence[str] = (), texts: Mapping[str, str] | None = None
) -> Loaded:
    """The configs merged from left to right (`-` is standard input), with the overrides (KEY=VALUE) over them.

    texts: those of configs that lie in no file, by name. Raises InputError with everything wrong: of syntax alone
    while there is any, else of all keys.
    """
    try:
        return _load([os.fspath(config) for config in configs], overrides, texts or {})
    except InputError as error:
        raise InputError(*(_one_line(problem) for problem in error.problems)) from None


def _one_line(problem: Problem) -> Problem:
    """What came from a file can't break the line, or command the terminal."""
    key, where = (text and _printable(text) for text in (problem.key, problem.where))
    return Problem(_printable(problem.message), key, where)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _load(configs: list[str], overrides: Sequence[str], given: Mapping[str, str]) -> Loaded:
    texts, roots = _read_all(configs, given)
    problems: list[Problem] = []
    notices: list[str] = []
    root = Node({}, None)
    for each in roots:
        root = merge(root, normalize(each, Experiment, "", problems), Experiment, None, "", notices)
    changed = Overrides(Experiment)
    for override in overrides:
        root = changed.apply(root, override)
    root = complete(_absolute(root, ()), Experiment)
    places, tree = Places(root), plain(root)
    experiment, wrong = _settle(tree, places)
    problems += changed.problems + wrong
    if problems or experiment is None:
        raise InputError(*_in_order([_placed(problem, places) for problem in problems]))
    notices += [*changed.notices, *_without_effect(experiment, places)]
    return Loaded(experiment, texts, tree, places, tuple(notices), tuple(overrides))


def _without_effect(experiment: Experiment, places: Places) -> list[str]:
    """Overrides of a default for layers that all say their own, as they do in a config.resolved.yaml."""
    layers = experiment.architecture.layers
    overridden = [key for key, place in places.values.items() if place.file is None]
    found = []
    for key in ("regularizer", *(f"architecture.{name}" for name in INHERITED)):
        name = key.rpartition(".")[2]
        given = [each for each in overridden if f"{each}.".startswith(f"{key}.")]
        if given and layers and all(getattr(layer, name) is not None for layer in layers):
            each = f"each has its own (architecture.layers.0.{name})"
            found.append(f"{given[0]} changes no hidden layer, since {each}")
    return found


def _settle(tree: dict[str, Any], places: Places) -> tuple[Experiment | None, list[Problem]]:
    """The Experiment, or what is wrong; contradictions between the sound sections are found in any case."""
    found = validate(tree, places)
    if isinstance(found, Experiment):
        return found, check(found) or (problems_of(found) if found.adjustments else [])
    spoiled = {(problem.key or "").partition(".")[0] for problem in found}
    sound = {key: value for key, value in tree.items() if key not in spoiled}
    rest = validate({"data": {"source": BUILT_IN[0]}, **sound})
    return None, found + (check(rest, spoiled) if isinstance(rest, Experiment) else [])


def _read_all(names: list[str], given: Mapping[str, str]) -> tuple[dict[str, str], list[Node]]:
    texts: dict[str, str] = {}
    roots: list[Node] = []
    problems: list[Problem] = []
    for name in names:
        try:
            file, text = (name, given[name]) if name in given else _text(name)
            root = read(text, file)
            if root.value is not None and not isinstance(root.value, dict):
                raise InputError(
                    Problem("a config is a mapping of keys, like data: {source: digits}", where=str(root.place))
                )
            texts[name] = text
            roots.append(root if root.value is not None else root.with_value({}))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return texts, roots


def _text(name: str) -> tuple[str, str]:
    """The file's name for messages, and its text. Regular files and standard input only, of limited size."""
    file = STDIN if name == "-" else name
    if is_data(name):
        raise InputError(Problem(f"a data file, no config; try data.source={name} data.target=COLUMN", where=file))
    try:
        raw = sys.stdin.buffer.read(LARGEST_TEXT + 1) if name == "-" else _bytes(name)
    except (OSError, ValueError) as error:
        raise InputError(Problem(_unreadable(error, name), where=file)) from None
    if len(raw) > LARGEST_TEXT:
        raise InputError(Problem("larger than 1 MiB: this is no config", where=file))
    try:
        return file, raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(Problem("not a text file in UTF-8", where=f"{file}:{line}:1")) from None


def _bytes(name: str) -> bytes:
    # Opened without waiting, so that a named pipe is refused and not waited for.
    number = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError("not a regular file; expected a YAML file, or - for standard input")
        return file.read(LARGEST_TEXT + 1)


def _unreadable(error: OSError | ValueError, name: str) -> str:
    if isinstance(error, FileNotFoundError):
        try:
            beside = [entry for entry in os.listdir(os.path.dirname(name) or ".") if entry.endswith((".yaml", ".yml"))]
        except OSError:
            beside = []
        return f"no such file; expected a config{did_you_mean(os.path.basename(name), beside)}"
    if isinstance(error, IsADirectoryError):
        return "a folder; expected a YAML file"
    return f"can't be read: {getattr(error, 'strerror', None) or error}"


def _absolute(node: Node, path: tuple[str, ...]) -> Node:
    if isinstance(node.value, dict):
        wanted = {key for full in PATHS if full[: len(path)] == path for key in full[len(path) : len(path) + 1]}
        entries = {k: _absolute(v, (*path, k)) if k in wanted else v for k, v in node.value.items()}
        return node.with_value(entries)
    if isinstance(node.value, list) and path in SOURCES:
        return node.with_value([_absolute(item, path) for item in node.value])
    text = node.value
    if path not in PATHS or not isinstance(text, str) or not text or (path in SOURCES and text in SETS):
        return node
    folder = node.place.folder if node.place else os.getcwd()
    return node.with_value(os.path.abspath(os.path.join(folder, os.path.expanduser(text))))


def _placed(problem: Problem, places: Places) -> Problem:
    if problem.where is not None or problem.key is None:
        return problem
    place = places.nearest(problem.key)
    return Problem(problem.message, problem.key, str(place) if place else None)


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By file and line, the command line last."""

    def order(problem: Problem) -> tuple[bool, str, int, int]:
        file, line, column = ((problem.where or "").rsplit(":", 2) + ["", ""])[:3]
        known = line.isdigit() and column.isdigit()
        return (problem.where == str(Place(None)), file, int(line) if known else 0, int(column) if known else 0)

    return sorted(dict.fromkeys(problems), key=order)
