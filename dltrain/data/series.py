"""Numbers for other ends than training: one column of a table as a series, or a whole file as coefficients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from dltrain.data.files import require_file, shown
from dltrain.data.raw import Numbers
from dltrain.data.readers.coding import Rules
from dltrain.data.readers.delimited import Choose
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.several import How, read_several
from dltrain.data.roles import Roles, column_names, listed
from dltrain.errors import InputError, Problem, did_you_mean


def read_series(path: Path, column: str) -> tuple[str, Numbers]:
    """The name and the numbers of a column: by its name, or its number from 0 (-1 is the last).

    Raises InputError for a column that is not there, gaps, and cells that are no finite numbers.
    """

    def choose(dialect: Dialect) -> Roles:
        return Roles(inputs=(_place(column, dialect, shown(path)),))

    names, X = _numbers(path, choose, {column})
    return names[0], X[:, 0]


def read_numbers(path: Path) -> Numbers:
    """All cells of a file of numbers, (rows, columns); a header is passed over."""
    return _numbers(path, lambda dialect: Roles(inputs=tuple(range(len(dialect.names)))), ())[1]


def _numbers(path: Path, choose: Choose, known: Collection[str]) -> tuple[Sequence[str], Numbers]:
    require_file(path, None)
    rules = Rules(gaps="keep", exact=True)
    raw, _ = read_several([path], choose, How(rules=rules, known=known, from_config=False))
    for place, name in enumerate(raw.features):
        if raw.kind(place) != "number":
            what = "dates" if raw.kind(place) == "date" else "words"
            raise InputError(Problem(f"the column {name!r} of {shown(path)} holds {what}; expected numbers"))
    X = np.asarray(raw.X, dtype=np.float64)
    gaps = np.argwhere(np.isnan(X))
    if gaps.size:
        row, place = gaps[0].tolist()
        more = f", the first of {len(gaps):,} gaps" if len(gaps) > 1 else ""
        message = f"no number in the column {raw.features[place]!r}{more}; fill it in, or take the row out"
        raise InputError(raw.problem(message, row, shown(path)))
    return raw.features, X


def _place(column: str, dialect: Dialect, place: str) -> int:
    names = dialect.names if dialect.header else column_names(len(dialect.names))
    if column in names:
        return list(names).index(column)
    try:
        number = int(column)
    except ValueError:
        number = len(names)
    if -len(names) <= number < len(names):
        return number % len(names)
    hint = did_you_mean(column, names) or f"; its columns are {listed(names)}"
    raise InputError(Problem(f"{place} has no column {column!r}{hint}", "--column"))
