"""Which column of a table is an input, the target, the name of a row, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dltrain.config.records import Data, Experiment
from dltrain.data.raw import Extra
from dltrain.errors import InputError, Problem, did_you_mean

_MANY = 12


@dataclass(frozen=True, slots=True)
class Roles:
    """Positions in the file, from 0."""

    inputs: tuple[int, ...]
    target: int | None = None
    id: int | None = None
    extras: tuple[tuple[Extra, int], ...] = ()
    features: tuple[str, ...] = ()
    """What the inputs are called where the file, found by place, does not call them so; else ()."""

    def input_names(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names of the inputs in a file whose columns have these names."""
        return self.features or tuple(names[column] for column in self.inputs)


def listed(names: Sequence[str], most: int = _MANY) -> str:
    """`a, b, c` or `a, b, ... (64 in all)`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])}, ... ({len(names)} in all)"


def column_names(columns: int) -> tuple[str, ...]:
    """column_1, column_2, ... for files that name none."""
    return tuple(f"column_{j + 1}" for j in range(columns))


def without_blanks(name: str) -> str:
    """A column's name as it is asked for: blanks around it are left out, and several inside are one."""
    return " ".join(name.split())


def check_names(names: Sequence[str], place: str) -> None:
    """InputError for names that occur twice."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise InputError(
            *(Problem(f"the column name {name!r} occurs {names.count(name)} times in {place}") for name in twice)
        )


class _Finder:
    """Looks names up among the columns and keeps every problem."""

    def __init__(self, names: Sequence[str], place: str, header: bool) -> None:
        self.names, self.place, self.header = list(names), place, header
        self.problems: list[Problem] = []

    def find(self, name: str | int, key: str) -> int | None:
        columns = len(self.names)
        if isinstance(name, int):
            if -columns <= name < columns:
                return name % columns
            self.problems.append(
                Problem(f"{self.place} has {columns} columns, no column {name} (0 is the first, -1 the last)", key)
            )
            return None
        if name in self.names:
            return self.names.index(name)
        if self.header:
            hint = did_you_mean(name, self.names) or f"; its columns are {listed(self.names)}"
        else:
            hint = "; it has no header: give a number (-1 is the last column), or names in data.columns"
        self.problems.append(Problem(f"{self.place} has no column {name!r}{hint}", key))
        return None

    def find_all(self, names: Sequence[str], key: str) -> list[int]:
        found = [self.find(name, f"{key}.{n}") for n, name in enumerate(names)]
        return [column for column in found if column is not None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Columns that the config names for other ends than as inputs: role -> (column, the key that names it)."""

    extras: Mapping[Extra, tuple[str, str]]

    @classmethod
    def of(cls, experiment: Experiment) -> Wanted:
        named: dict[Extra, tuple[str | None, str]] = {
            "weight": (experiment.data.weight, "data.weight"),
            "group": (experiment.split.group, "split.group"),
            "column": (experiment.split.column, "split.column"),
        }
        return cls({role: (name, key) for role, (name, key) in named.items() if name is not None})

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.extras.values()}


NOTHING = Wanted({})


def choose_roles(
    data: Data,
    names: Sequence[str],
    place: str,
    header: bool,
    target: str | int | None,
    wanted: Wanted = NOTHING,
) -> Roles:
    """The roles that the config gives the columns. `target` is the target's column, None if it isn't in this table."""
    finder = _Finder(names, place, header)
    y = finder.find(target, "data.target") if target is not None else None
    label = finder.find(data.id, "data.id") if data.id is not None else None
    extras = {role: finder.find(name, key) for role, (name, key) in wanted.extras.items()}
    out = set(finder.find_all(data.exclude or [], "data.exclude"))
    if data.features == "all":
        inputs = [column for column in range(len(names)) if column not in out | {y, label} | set(extras.values())]
    else:
        inputs = [column for column in finder.find_all(data.features, "data.features") if column not in out]
        if y in inputs:
            finder.problems.append(Problem(f"the target {names[y or 0]!r} cannot be an input too", "data.features"))
        if len(set(inputs)) < len(inputs):
            finder.problems.append(Problem("a column is named twice", "data.features"))
    if not inputs and not finder.problems:
        finder.problems.append(Problem(f"no input column is left in {place} beside the target", "data.features"))
    if finder.problems:
        raise InputError(*finder.problems)
    return Roles(
        tuple(inputs), y, label, tuple((role, column) for role, column in extras.items() if column is not None)
    )


def roles_like(
    features: Sequence[str],
    target: str | None,
    id: str | None,
    names: Sequence[str],
    place: str,
    extras: Mapping[Extra, str] | None = None,
) -> tuple[Roles, list[Problem]]:
    """The same columns found by name in another table, in whatever order they stand there."""
    extras = extras or {}
    known = {name: column for column, name in enumerate(names)}
    wanted = [*features, *([target] if target is not None else []), *extras.values()]
    problems = [
        Problem(f"{place} has no column {name!r}{did_you_mean(name, names)}") for name in wanted if name not in known
    ]
    inputs = tuple(known.get(name, 0) for name in features)
    others = tuple((role, known.get(name, 0)) for role, name in extras.items())
    return Roles(inputs, known.get(target) if target else None, known.get(id) if id else None, others), problems
