"""Raw rows for predict and evaluate, in chunks: columns matched by name, or by place where there are no names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dltrain.data.files import kind_of, open_stream, require_file, shown
from dltrain.data.fitting.preparation import Preparation
from dltrain.data.labels import from_cells
from dltrain.data.raw import Extra, Labels, Numbers, as_text, is_text
from dltrain.data.readers.arrays import as_inputs, as_labels
from dltrain.data.readers.coding import Rules, missing_cells
from dltrain.data.readers.columns import Kind, all_numbers
from dltrain.data.readers.delimited import Choose, Opening, open_table
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.hdf5 import hdf5_shapes, read_hdf5
from dltrain.data.readers.idx import read_idx
from dltrain.data.readers.jsonl import open_jsonl
from dltrain.data.readers.npy import Array, npz_shapes, read_npy, read_npz
from dltrain.data.readers.several import TABLES, How, open_rows
from dltrain.data.roles import Roles, listed, roles_like
from dltrain.engine.arrays import Floats
from dltrain.errors import InputError, Problem


@dataclass(frozen=True, slots=True, eq=False)
class RawRows:
    """Some rows of a new file, for `Preparation.transform` and `encode`."""

    X: Numbers
    """(n, n_x), columns in the model's order."""
    y: Labels | None = None
    """(n,) where `labelled` was asked for."""
    ids: list[str] | None = None
    """(n,) where the file has the id column."""
    weights: Floats | None = None
    """(n,) float64, as they stand in the file, where `labelled` was asked for and the file has the weight column."""
    groups: list[str] | None = None
    """(n,) which rows belong together, where that was asked for and the file has the column."""


def read_rows(
    path: str | Path,
    preparation: Preparation,
    chunk: int = 65536,
    labelled: bool = False,
    group: str | None = None,
) -> Iterator[RawRows]:
    """The rows of a file, at most `chunk` at a time; "-" reads a text table or JSON lines from standard input,
    packed or not.

    A text table with a header may have its columns in any order and others beside them; one without has the
    inputs alone, or all columns of the training file. `group` is the column whose rows belong together. Raises
    InputError for columns that are missing, bad cells (with their place) and, if `labelled`, a missing target.
    """
    if str(path) == "-":
        place, how = "standard input", how_of(preparation)
        choose = _choice(place, preparation, labelled, group)
        with open_stream(sys.stdin.buffer, place) as (stream, kind):
            if kind == "jsonl":
                table = open_jsonl(stream, place, choose, rules=how.rules, strict=False, from_config=False)
            else:
                table = open_table(stream, place, choose, rules=how.rules, known=how.known, from_config=False)
            yield from _rows_of(table, place, preparation, chunk)
        return
    file = require_file(Path(path), None)
    kind = kind_of(file, None)
    if kind in TABLES:
        choose, how = _choice(shown(file), preparation, labelled, group), how_of(preparation)
        with open_rows(file, choose, how) as table:
            yield from _rows_of(table, shown(file), preparation, chunk)
        return
    if kind == "npz":
        rows = _from_named(file, npz_shapes(file), read_npz, preparation, labelled)
    elif kind == "hdf5":
        rows = _from_named(file, hdf5_shapes(file), read_hdf5, preparation, labelled)
    else:
        rows = _from_array(read_npy(file) if kind == "npy" else read_idx(file), shown(file), preparation, labelled)
    yield from _cut(rows, chunk)


def _cut(rows: RawRows, chunk: int) -> Iterator[RawRows]:
    for start in range(0, len(rows.X), chunk):
        some = slice(start, start + chunk)
        y = None if rows.y is None else rows.y[some]
        weights = None if rows.weights is None else rows.weights[some]
        ids, groups = (None if given is None else given[some] for given in (rows.ids, rows.groups))
        yield RawRows(rows.X[some], y, ids, weights, groups)


def _rows_of(table: Opening, place: str, preparation: Preparation, chunk: int) -> Iterator[RawRows]:
    none = True
    for piece in table.chunks:
        none = none and not piece.n
        y = None if piece.target is None else as_text(piece.target)
        weights, groups = _weights(piece.extras, preparation, place), piece.extras.get("group")
        yield from _cut(RawRows(piece.X, y, piece.ids, weights, groups), chunk)
    if none:
        raise InputError(Problem(f"{place} has a header and no rows"))


def _choice(place: str, preparation: Preparation, labelled: bool, group: str | None) -> Choose:
    return lambda dialect: _match(dialect, place, preparation, labelled, group)


def how_of(preparation: Preparation) -> How:
    """How a model reads new tables: as that which it was trained on."""
    kinds: tuple[Kind, ...] = preparation.kinds or all_numbers(len(preparation.features))
    rules = Rules(
        missing=missing_cells(preparation.missing_values),
        gaps="keep" if preparation.fills else "error",
        kinds=dict(zip(preparation.features, kinds, strict=True)),
        vocabularies=preparation.categories,
    )
    known = {*preparation.features, preparation.target} if preparation.header else set()
    return How(rules=rules, known=known, strict=False, from_config=False)


def _weights(extras: dict[Extra, list[str]], preparation: Preparation, place: str) -> Floats | None:
    """Example weights on the scale of the training set's."""
    cells = extras.get("weight")
    if cells is None:
        return None
    values = from_cells(cells)
    if is_text(values) or not (np.isfinite(values) & (values >= 0)).all():
        raise InputError(f"{place}: the weights in {preparation.weight} are not all numbers from 0 on")
    return np.asarray(values, dtype=np.float64) / preparation.weight_mean


def _match(dialect: Dialect, place: str, preparation: Preparation, labelled: bool, group: str | None) -> Roles:
    target = preparation.target if labelled else None
    names = dialect.names
    by_name = dialect.header and (preparation.header or set(preparation.features) <= set(names))
    if by_name:
        roles, problems = _by_name(names, place, preparation, target, group)
        if problems:
            raise InputError(*problems)
        return roles
    return replace(_by_place(len(names), place, preparation, target, group), features=preparation.features)


def _by_name(
    names: Sequence[str], place: str, preparation: Preparation, target: str | None, group: str | None
) -> tuple[Roles, list[Problem]]:
    wanted: dict[Extra, str | None] = {} if target is None else {"weight": preparation.weight, "group": group}
    extras = {role: name for role, name in wanted.items() if name is not None and name in names}
    return roles_like(preparation.features, target, preparation.id, names, place, extras)


def _by_place(columns: int, place: str, preparation: Preparation, target: str | None, group: str | None) -> Roles:
    """The inputs alone, or all columns of the training file, or the inputs and the target, in their order."""
    inputs = len(preparation.features)
    if columns == inputs and target is None:
        return Roles(tuple(range(columns)))
    if columns == len(preparation.columns) and preparation.target in preparation.columns:
        return _by_name(preparation.columns, place, preparation, target, group)[0]
    if target is not None and columns == inputs + 1:
        return Roles(tuple(range(inputs)), inputs)
    raise InputError(Problem(_wrong_number(place, columns, preparation, target is not None)))


def _wrong_number(place: str, columns: int, preparation: Preparation, labelled: bool) -> str:
    wanted = f"the {len(preparation.features)} inputs {listed(preparation.features, 6)}"
    if labelled:
        wanted += f" and the target {preparation.target}"
    elif len(preparation.columns) != len(preparation.features):
        wanted += f", or the {len(preparation.columns)} columns of the training file"
    return f"{place} has {columns} columns and no header; expected {wanted}"


def _from_named(
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    read: Callable[[Path, list[str]], list[Array]],
    preparation: Preparation,
    labelled: bool,
) -> RawRows:
    """The rows of the one array among those named that has the model's inputs."""
    width, place = len(preparation.features), shown(path)
    fits = [name for name, shape in shapes.items() if len(shape) > 1 and np.prod(shape[1:]) == width]
    best = [name for name in ("x_test", "X_test", "x", "X") if name in fits] if len(fits) > 1 else fits
    if not best:
        if fits:
            raise InputError(f"{place} has {listed(fits)}; keep one of them, or call one x")
        raise InputError(f"{place} has no array of rows with {width} inputs")
    names = [best[0], *([_label_array(best[0], shapes, preparation, place)] if labelled else [])]
    arrays = read(path, names)
    X, _ = as_inputs(arrays[0], f"{place}: {names[0]}", None, gaps=bool(preparation.fills))
    y = as_labels(arrays[1], f"{place}: {names[1]}", None) if labelled else None
    if y is not None and len(y) != len(X):
        raise InputError(f"{place}: {names[0]} has {len(X)} rows, {names[1]} has {len(y)}")
    return RawRows(X, y)


def _label_array(inputs: str, shapes: dict[str, tuple[int, ...]], preparation: Preparation, place: str) -> str:
    for name in ("y" + inputs[1:], preparation.target, "y", "labels"):
        if name in shapes and name != inputs:
            return name
    raise InputError(f"{place} has no array with the targets of {inputs}; expected {'y' + inputs[1:]!r}")


def _from_array(array: Array, place: str, preparation: Preparation, labelled: bool) -> RawRows:
    X, _ = as_inputs(array, place, None, gaps=bool(preparation.fills))
    if X.shape[1] == len(preparation.features) and not labelled:
        return RawRows(X)
    columns = preparation.columns
    if X.shape[1] == len(columns) and preparation.target in columns:
        inputs = [columns.index(name) for name in preparation.features]
        return RawRows(X[:, inputs], X[:, columns.index(preparation.target)] if labelled else None)
    if labelled:
        raise InputError(f"{place} has {X.shape[1]} columns and no targets; give an npz file with x and y, or a csv")
    raise InputError(_wrong_number(place, X.shape[1], preparation, labelled))
