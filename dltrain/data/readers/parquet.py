"""Parquet files, some rows at a time: typed columns to the numbers and cells that every reader of tables gives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dltrain.data.files import reading, shown
from dltrain.data.large.spilling import passed
from dltrain.data.readers.cells import BadCells, Chunk, extra_of, labels_of, rows_elsewhere, values_of
from dltrain.data.readers.coding import SAMPLE, Coding, Rules, look
from dltrain.data.readers.columns import GAP, Kind
from dltrain.data.readers.delimited import Choose, Misread, Opening
from dltrain.data.readers.dialect import Dialect
from dltrain.data.roles import Roles, check_names, without_blanks
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

Vector = npt.NDArray[np.float64]
_CELLS = 2**22
"""So many cells are in memory at once."""
_GIVE_UP = 8
"""Pieces, from the first with a bad cell, after which the counting stops."""
_DAY = 86_400_000_000_000
"""Nanoseconds."""


def open_parquet(path: Path, choose: Choose, *, rules: Rules | None = None, from_config: bool = True) -> Opening:
    """The columns of a Parquet file, and its rows as chunks to come.

    Numbers, booleans (1 and 0; true and false as a target), dates and times, text and categories; null is a gap, NaN
    too. Raises InputError for columns of other types that are asked for, and for bad cells: `where` counts rows
    from 1.
    """
    import polars as pl

    place = shown(path)
    rules = rules or Rules()
    with _sound(path):
        frame = _scan(path)
        schema = frame.collect_schema()
        head = frame.head(SAMPLE).collect()
    names = tuple(without_blanks(name) for name in schema.names())
    check_names(names, place)
    if list(names) != schema.names():
        found = dict(zip(schema.names(), names, strict=True))
        frame, head, schema = (
            frame.rename(found),
            head.rename(found),
            pl.Schema(zip(names, schema.dtypes(), strict=True)),
        )
    dialect = Dialect("", names, True)
    roles = choose(dialect)
    _check_types(schema, roles, place)
    inputs, read = roles.input_names(names), [names[column] for column in roles.inputs]
    sample = [_sample(head.get_column(name)) for name in read]
    kinds = [
        rules.kinds.get(name) or _typed(schema[column]) or look([name], [cells], rules)[0]
        for name, column, cells in zip(inputs, read, sample, strict=True)
    ]
    coding = Coding(inputs, kinds, rules)
    bad = BadCells(place, dialect, roles.target, from_config)
    text = {column for column in roles.inputs if _typed(schema[names[column]]) is None}
    return Opening(dialect, roles, coding, _chunks(path, frame, roles, coding, bad, text))


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turns what a damaged file makes polars raise into one line."""
    import polars as pl

    try:
        with reading(path):
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(Problem(f"{shown(path)} is no sound Parquet file: {first[:200]}; write it again")) from None


def _scan(path: Path) -> pl.LazyFrame:
    import polars as pl

    return pl.scan_parquet(os.fspath(path), glob=False, hive_partitioning=False)


def _typed(dtype: pl.DataType) -> Kind | None:
    """What a column of this type holds; None for text, whose cells have to be looked at."""
    import polars as pl

    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return "number"
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return "date"
    return "category" if isinstance(dtype, (pl.Categorical, pl.Enum)) else None


def _check_types(schema: pl.Schema, roles: Roles, place: str) -> None:
    import polars as pl

    names = schema.names()
    used = {*roles.inputs, *(column for _, column in roles.extras)}
    used |= {column for column in (roles.target, roles.id) if column is not None}
    strange = [names[column] for column in sorted(used) if not _is_plain(schema[names[column]])]
    problems = []
    for name in strange:
        what = "lists or records" if schema[name].is_nested() else f"{schema[name]} values"
        if isinstance(schema[name], (pl.Duration, pl.Time)):
            what = "times without a date"
        column = names.index(name)
        hint = f"; leave it out with data.exclude: [{name}]" if column in roles.inputs else ""
        problems.append(Problem(f"{place}: {name} holds {what}; expected numbers, text, dates or true and false{hint}"))
    if problems:
        raise InputError(*problems)


def _is_plain(dtype: pl.DataType) -> bool:
    import polars as pl

    return _typed(dtype) is not None or dtype == pl.String


def _sample(series: pl.Series) -> list[str]:
    return texts(series) if _typed(series.dtype) is None and not series.dtype.is_nested() else []


def _chunks(
    path: Path, frame: pl.LazyFrame, roles: Roles, coding: Coding, bad: BadCells, text: set[int]
) -> Iterator[Chunk]:
    import polars as pl

    used = [*roles.inputs, *(column for _, column in roles.extras)]
    used += [column for column in (roles.target, roles.id) if column is not None]
    names = [bad.dialect.names[column] for column in dict.fromkeys(used)]
    size = max(1024, _CELLS // max(1, len(names)))
    with _sound(path):
        total = frame.select(pl.len()).collect().item()
    worse = 0
    bytes_a_row = path.stat().st_size / max(1, total)
    for start in range(0, total, size):
        stored = passed(int(bytes_a_row * min(size, total - start)))
        if stored is not None:
            yield rows_elsewhere(stored, start + 1)
            continue
        with _sound(path):
            piece = frame.select(names).slice(start, size).collect()
        chunk = _chunk(piece, start + 1, roles, coding, bad)
        if not bad:
            yield chunk
        worse += bool(bad)
        if worse >= _GIVE_UP:
            bad.cut = True
            break
    guessed = {roles.inputs[place] for place in coding.guessed}
    if misread := bad.misread(guessed & text):
        raise Misread(misread)
    bad.raise_if_any()


def _chunk(piece: pl.DataFrame, row: int, roles: Roles, coding: Coding, bad: BadCells) -> Chunk:
    """The rows of `piece`, the first of which is the file's `row`."""
    bad.rows += len(piece)
    lines = list(range(row, row + len(piece)))

    def cells(column: int) -> list[str]:
        return texts(piece.get_column(bad.dialect.names[column]))

    X = np.empty((len(piece), len(roles.inputs)))
    for place, column in enumerate(roles.inputs):
        series = piece.get_column(bad.dialect.names[column])
        values = _numbers(series, coding.kinds[place])
        if values is None:
            X[:, place] = values_of(texts(series), place, column, lines, bad, coding, False)
        else:
            _look_through(values, column, row, bad, coding.rules)
            X[:, place] = values
    target = None if roles.target is None else labels_of(cells(roles.target), roles.target, lines, bad, coding.rules)
    ids = None if roles.id is None else [cell.strip() for cell in cells(roles.id)]
    extras = {role: extra_of(cells(column), coding.rules) for role, column in roles.extras}
    return Chunk(X, target, ids, row, extras)


def _numbers(series: pl.Series, kind: Kind) -> Vector | None:
    """The column as float64, gaps as NaN; None where its cells are to be read as text."""
    import polars as pl

    typed = _typed(series.dtype)
    if typed != kind or kind == "category":
        return None
    if isinstance(series.dtype, pl.Datetime):
        return _days(series)
    if series.dtype == pl.Date:
        series = series.cast(pl.Int32)
    return series.cast(pl.Float64).fill_null(GAP).to_numpy()


def _days(series: pl.Series) -> Vector:
    """Days since 1970-01-01, whole ones and the time of day apart so that neither is rounded."""
    import polars as pl

    assert isinstance(series.dtype, pl.Datetime)
    day = _DAY // {"ns": 1, "us": 1_000, "ms": 1_000_000}[series.dtype.time_unit]
    since = series.cast(pl.Int64)
    return ((since // day).cast(pl.Float64) + (since % day).cast(pl.Float64) / day).fill_null(GAP).to_numpy()


def _look_through(values: Vector, column: int, row: int, bad: BadCells, rules: Rules) -> None:
    """Tells the infinite values of a column, and its gaps where those are refused."""
    if np.isfinite(values).all():
        return
    for place in np.flatnonzero(np.isinf(values)).tolist():
        bad.bad(column, row + place, str(values[place]), "is not finite")
    if rules.gaps == "error":
        for place in np.flatnonzero(np.isnan(values)).tolist():
            bad.missing(column, row + place)


def texts(series: pl.Series) -> list[str]:
    """The column's cells as text: "" for null, `2` for 2.0, `2024-01-31 12:00:00` (UTC) for a time."""
    import polars as pl

    if isinstance(series.dtype, pl.Datetime):
        whole = (
            series if series.dtype.time_zone is None else series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        )
        return whole.dt.strftime("%Y-%m-%d %H:%M:%S%.f").fill_null("").to_list()
    if series.dtype.is_float():
        return [_number(value) for value in series.to_list()]
    return series.cast(pl.String).fill_null("").to_list()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
