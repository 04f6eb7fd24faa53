"""Splitting by a column that names each row's part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltrain.data.labels import number_name, numbered
from dltrain.data.raw import Labels
from dltrain.errors import InputError, Problem, did_you_mean

PARTS = ("train", "train_dev", "dev", "test")
ALSO = {"training": "train", "val": "dev", "valid": "dev", "validation": "dev", "testing": "test"}
"""What others call the parts."""
TELL = 10
"""So many rows are told one by one; the others are counted."""


def draw_by_name(column: Labels, name: str) -> tuple[dict[str, npt.NDArray[np.int64]], tuple[str, ...]]:
    """Row numbers of each part, ascending. Case, blanks around and `-` for `_` don't matter: `Train`, `train-dev`.

    InputError for every row whose value names no part (the first ten, then a count), and where no row is train's.
    """
    names, codes = numbered(column)
    parts = [_part(name) for name in names]
    unknown = np.array([part is None for part in parts], dtype=np.bool_)[codes]
    if unknown.any():
        raise InputError(*_problems(column, np.flatnonzero(unknown)))
    table = np.array([PARTS.index(part) for part in parts if part is not None], dtype=np.int64)
    rows = {part: np.flatnonzero(table[codes] == number) for number, part in enumerate(PARTS)}
    if not len(rows["train"]):
        held = ", ".join(f"{len(rows[part])} {part}" for part in PARTS if len(rows[part]))
        raise InputError(Problem(f"no row says train (there are {held})", "split.column"))
    return rows, (*_read_as(names, parts), _note(rows, name))


def _part(name: str) -> str | None:
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    return plain if plain in PARTS else ALSO.get(plain)


def _problems(column: Labels, rows: npt.NDArray[np.int64]) -> list[Problem]:
    problems = []
    for row in rows[:TELL].tolist():
        value = column[row]
        said = repr(str(value)) if isinstance(value, str) else number_name(value)
        hint = did_you_mean(str(value).strip().lower(), PARTS)
        message = f"{said} names no part; expected train, train_dev, dev or test{hint}"
        problems.append(Problem(message, "split.column", f"row {row}"))
    if len(rows) > TELL:
        problems.append(Problem(f"{len(rows) - TELL} more rows name no part", "split.column"))
    return problems


def _read_as(names: tuple[str, ...], parts: list[str | None]) -> list[str]:
    also: dict[str | None, list[str]] = {}
    for name, part in zip(names, parts, strict=True):
        if name.strip().lower() in ALSO:
            also.setdefault(part, []).append(repr(name))
    return [f"split: {', '.join(found)} {_be(found)} read as {part}" for part, found in also.items()]


def _be(found: list[str]) -> str:
    return "is" if len(found) == 1 else "are"


def _note(rows: dict[str, npt.NDArray[np.int64]], name: str) -> str:
    said = ", ".join(f"{part} {len(rows[part])}" for part in PARTS if len(rows[part]))
    return f"split: {said} rows, as {name} says"
