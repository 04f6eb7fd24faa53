"""The target: classes or a quantity, the names of the classes and their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain.config.records import Task
from dltrain.data.raw import Labels, Numbers, Raw, as_text, is_text
from dltrain.data.readers.columns import days
from dltrain.data.readers.dialect import is_number
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem

SettledTask: TypeAlias = Literal["binary", "multiclass", "regression"]

MOST_CLASSES = 20
"""Whole numbers with more distinct values than this are a quantity."""
SURE_CLASSES = 10
"""With more than this they are classes only where they repeat: fewer distinct values than 5 % of the rows."""


def from_cells(cells: list[str]) -> Labels:
    """Numbers if every cell is one, else text."""
    if all(is_number(cell) for cell in set(cells)):
        return np.fromiter(map(float, cells), np.float64, len(cells))
    return as_text(cells)


def all_dates(cells: Iterable[str]) -> bool:
    """Whether every cell is a date, and there is one."""
    distinct = dict.fromkeys(cells)
    return bool(distinct) and all(days(cell) is not None for cell in distinct)


def sortable(cells: list[str]) -> Labels:
    """Numbers if every cell is one, days since 1970-01-01 if every cell is a date, else text."""
    if not all_dates(cells):
        return from_cells(cells)
    known = {cell: days(cell) for cell in dict.fromkeys(cells)}
    return np.array([known[cell] for cell in cells], dtype=np.float64)


def number_name(value: float | int | np.generic) -> str:
    """The name of a class whose label is a number: "3" for 3 and for 3.0, "0.5" for 0.5."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, float) and plain.is_integer():
        return str(int(plain))
    return str(plain)


def relabelled(y: Labels, label_map: Mapping[str, str]) -> Labels:
    """The labels with other spellings replaced; numbers again if all of them are then."""
    if not label_map:
        return y
    cells = [str(cell) for cell in y.tolist()] if is_text(y) else [number_name(value) for value in y.tolist()]
    return from_cells([label_map.get(cell, cell) for cell in cells])


def numbered(y: Labels) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Class names in order (numbers by value, else sorted text) and each row's class number."""
    if not is_text(y):
        values, codes = np.unique(y, return_inverse=True)
        return tuple(number_name(value) for value in values), codes.astype(np.int64)
    cells = [str(cell) for cell in y.tolist()]
    names = tuple(sorted(set(cells)))
    numbers = {name: number for number, name in enumerate(names)}
    return names, np.fromiter(map(numbers.__getitem__, cells), np.int64, len(cells))


def merged(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The classes of several parts in one order."""
    every = {name for part in names for name in part}
    if all(is_number(name) for name in every):
        return tuple(sorted(every, key=float))
    return tuple(sorted(every))


def whole_numbers(y: Labels) -> bool:
    return not is_text(y) and (y.dtype.kind in "biu" or bool((y == np.floor(y)).all()))


def decide_task(raw: Raw, asked: Task) -> tuple[SettledTask, str]:
    """The task and, where `auto` found it, why. InputError where what was asked for contradicts the target."""
    y = raw.y
    assert y is not None
    if is_text(y):
        _check_mixed(raw, y)
    if asked == "regression":
        _check_quantity(raw, y)
        return "regression", ""
    if asked == "auto" and not is_text(y) and not _are_classes(y):
        _check_quantity(raw, y)
        return "regression", f"task: regression, since {raw.target} holds {_quantity(y)}"
    return _classification(raw, y, asked)


def _classification(raw: Raw, y: Labels, asked: Task) -> tuple[SettledTask, str]:
    if not is_text(y) and not whole_numbers(y):
        row = int(np.argmax(y != np.floor(y)))
        message = f"labels must be whole numbers or text, {raw.target} holds {y[row]}; try data.task: regression"
        raise InputError(raw.problem(message, row, "data.task"))
    names, _ = numbered(y)
    if len(names) < 2:
        message = f"every row of {raw.target} is {names[0]!r}: there is nothing to tell apart"
        raise InputError(Problem(message, "data.target"))
    if asked == "binary" and len(names) != 2:
        message = f"{raw.target} has {len(names)} classes ({listed(names)}), binary needs 2; try data.task: multiclass"
        raise InputError(Problem(message, "data.task"))
    if asked in ("binary", "multiclass"):
        return asked, ""
    task: SettledTask = "binary" if len(names) == 2 else "multiclass"
    return task, f"task: {task}, since {raw.target} holds {len(names)} {'words' if is_text(y) else 'whole numbers'}"


def _are_classes(y: Numbers) -> bool:
    if not whole_numbers(y):
        return False
    distinct = len(np.unique(y))
    return distinct <= SURE_CLASSES or (distinct <= MOST_CLASSES and distinct < 0.05 * len(y))


def _quantity(y: Numbers) -> str:
    if not whole_numbers(y):
        return "numbers that are not whole"
    return f"{len(np.unique(y))} distinct whole numbers (for classes say data.task: multiclass)"


def _check_quantity(raw: Raw, y: Labels) -> None:
    if is_text(y):
        message = f"{raw.target} holds text ({y[0]!r}), regression needs numbers; try data.task: auto"
        raise InputError(raw.problem(message, 0, "data.task"))
    if y.dtype.kind == "b":
        raise InputError(Problem(f"{raw.target} holds true and false, regression needs numbers", "data.task"))
    if y.min() == y.max():
        message = f"every row of {raw.target} is {number_name(y[0])}: there is nothing to learn"
        raise InputError(Problem(message, "data.target"))


def _check_mixed(raw: Raw, y: Labels) -> None:
    """Mostly different numbers with some text between: a typing error, not classes."""
    cells = [str(cell) for cell in y.tolist()]
    numbers = {cell for cell in set(cells) if is_number(cell)}
    if len(numbers) <= MOST_CLASSES:
        return
    text = [row for row, cell in enumerate(cells) if cell not in numbers]
    if len(text) >= len(cells) / 2:
        return
    problems = [
        raw.problem(f"{raw.target}: {cells[row]!r} is not a number, unlike most of the target", row, "data.target")
        for row in text[:10]
    ]
    if len(text) > len(problems):
        problems.append(Problem(f"{len(text) - len(problems)} more rows of {raw.target} are no numbers", "data.target"))
    raise InputError(*problems)


def check_classes(parts: dict[str, Raw], classes: Sequence[str]) -> None:
    """InputError for classes with a single row, in all parts together."""
    counts = dict.fromkeys(classes, 0)
    where: dict[str, tuple[Raw, int]] = {}
    for raw in parts.values():
        assert raw.y is not None
        names, codes = numbered(raw.y)
        first = {int(code): int(row) for code, row in zip(*np.unique(codes, return_index=True), strict=True)}
        for number, times in enumerate(np.bincount(codes, minlength=len(names))):
            counts[names[number]] += int(times)
            where.setdefault(names[number], (raw, first[number]))
    single = [name for name in classes if counts[name] == 1]
    if not single:
        return
    what = f"class {single[0]!r} has a single row"
    if len(single) > 1:
        what = f"{len(single)} classes have a single row ({', '.join(map(repr, single[:3]))}, ...)"
    hint = "take it out, or is the target a quantity (data.task: regression)?"
    message = f"{what}, which cannot be both learned and tested; {hint}"
    raw, row = where[single[0]]
    raise InputError(raw.problem(f"{raw.target}: {message}", row, "data.target"))
