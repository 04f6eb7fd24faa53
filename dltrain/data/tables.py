"""One file as one table: text, or a 2-D array whose last column is the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.data.files import kind_of, shown
from dltrain.data.raw import Extra, Labels, Numbers, Raw
from dltrain.data.readers.arrays import as_inputs, as_labels, check_finite, image_axes, pixel_names
from dltrain.data.readers.coding import Rules
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.hdf5 import hdf5_shapes, read_hdf5
from dltrain.data.readers.npy import Array, npz_shapes, read_npy, read_npz
from dltrain.data.readers.several import TABLES, How, read_several
from dltrain.data.reading import Reading
from dltrain.data.roles import Roles, choose_roles, column_names, listed, roles_like
from dltrain.errors import InputError, Problem


def read_single(path: Path, reading: Reading, key: str) -> Raw:
    """The table of a file that holds inputs and target together."""
    kind = kind_of(path, key)
    if kind in TABLES:
        return read_files([path], reading, key)
    if kind == "npy":
        return _from_matrix(read_npy(path, key), reading, shown(path), key)
    if kind == "npz":
        return _from_named(path, npz_shapes(path, key), read_npz, reading, key)
    if kind == "hdf5":
        return _from_named(path, hdf5_shapes(path, key), read_hdf5, reading, key)
    message = f"{shown(path)} is an IDX file, which holds inputs or targets only; "
    raise InputError(Problem(message + "let data.source be its folder and name the pair in data.arrays", key))


def read_files(paths: Sequence[Path], reading: Reading, key: str) -> Raw:
    """One table of one or more files with columns."""
    how = How(
        rules=reading.rules,
        columns=reading.data.columns,
        known=reading.named,
        strict=reading.data.features == "all",
    )
    raw, dialect = read_several(paths, lambda dialect: _choose(dialect, reading, shown(paths[0])), how, key)
    return replace(raw, doubt=dialect.doubt)


def read_like(paths: Sequence[Path], like: Raw, reading: Reading, key: str) -> Raw:
    """The table of another part's files, whose columns must be those of `like`: by name, or by place.

    Its categories have the codes of `like`; names that are new come behind.
    """
    data, place = reading.data, shown(paths[0])
    if len(paths) == 1 and kind_of(paths[0], key) not in TABLES:
        return _same_columns(read_single(paths[0], reading, key), like, key)

    def choose(dialect: Dialect) -> Roles:
        if not (dialect.header and like.header):
            if len(dialect.names) != len(like.columns):
                message = f"has {len(dialect.names)} columns, {like.place} has {len(like.columns)}"
                raise InputError(Problem(f"{place} {message}", key))
            return _roles(reading, like.columns, place, like.header)
        extras = {role: name for role, (name, _) in reading.wanted.extras.items()}
        roles, problems = roles_like(like.features, like.target, data.id, dialect.names, place, extras)
        if problems:
            raise InputError(*(replace(problem, key=key) for problem in problems))
        return roles

    how = How(rules=rules_like(reading, like), columns=data.columns, known={*like.features, like.target}, strict=False)
    raw, _ = read_several(paths, choose, how, key)
    return replace(raw, features=like.features, target=like.target)


def rules_like(reading: Reading, like: Raw) -> Rules:
    """Rules by which another table's cells become what those of `like` are."""
    kinds = {name: like.kind(column) for column, name in enumerate(like.features)}
    return replace(reading.rules, kinds=kinds, vocabularies=like.vocabularies)


def _same_columns(raw: Raw, like: Raw, key: str) -> Raw:
    if raw.X.shape[1] != like.X.shape[1]:
        message = f"{raw.place} has {raw.X.shape[1]} inputs, {like.place} has {like.X.shape[1]}"
        raise InputError(Problem(message, key))
    return replace(raw, features=like.features, target=like.target)


def _roles(reading: Reading, names: Sequence[str], place: str, header: bool) -> Roles:
    data = reading.data
    if data.target is None:
        hint = f"data.target: {names[-1]}" if header else "data.target: -1 (the last column)"
        message = f"which column is the target? {place} has {listed(names)}; for instance {hint}"
        raise InputError(Problem(message, "data.target"))
    return choose_roles(data, names, place, header, data.target, reading.wanted)


def _choose(dialect: Dialect, reading: Reading, place: str) -> Roles:
    data = reading.data
    roles = _roles(reading, dialect.names, place, dialect.header or data.columns is not None)
    nameless = [column for column in dialect.unnamed if column in roles.inputs]
    if nameless and data.features == "all":
        names = listed([f"column_{column + 1}" for column in nameless])
        message = f"the header has no name here; row numbers? leave them out with data.exclude: [{names}], or name it"
        raise InputError(Problem(message, where=f"{place}:1:{nameless[0] + 1}"))
    return roles


def _from_matrix(array: npt.NDArray[Any], reading: Reading, place: str, key: str) -> Raw:
    data = reading.data
    if array.ndim != 2 or not array.size:
        hint = "; pairs of files go into data.arrays, with their folder as data.source"
        raise InputError(Problem(f"{place} has shape {array.shape}, a table needs rows and columns{hint}", key))
    if array.dtype.kind not in "biuf":
        raise InputError(Problem(f"{place} holds text (dtype {array.dtype}); inputs must be numbers", key))
    if data.columns is not None and len(data.columns) != array.shape[1]:
        message = f"{len(data.columns)} names for the {array.shape[1]} columns of {place}"
        raise InputError(Problem(message, "data.columns"))
    names = tuple(data.columns) if data.columns else column_names(array.shape[1])
    target = -1 if data.target is None else data.target
    roles = choose_roles(data, names, place, data.columns is not None, target, reading.wanted)
    assert roles.target is not None
    X = np.ascontiguousarray(array[:, list(roles.inputs)])
    check_finite(X, place, key, gaps=reading.gaps)
    check_finite(array[:, [roles.target]], place, key)
    return Raw(
        X=X,
        y=np.ascontiguousarray(array[:, roles.target]),
        features=tuple(names[column] for column in roles.inputs),
        target=names[roles.target],
        columns=names,
        header=data.columns is not None,
        ids=None if roles.id is None else [str(value) for value in array[:, roles.id].tolist()],
        extras={role: np.ascontiguousarray(array[:, column]) for role, column in roles.extras},
        place=place,
    )


def _from_named(
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    read: Callable[[Path, list[str], str], list[Array]],
    reading: Reading,
    key: str,
) -> Raw:
    """The table of two named arrays: the target's, and the inputs that belong to it."""
    target = reading.data.target
    if not isinstance(target, str):
        raise InputError(Problem(f"{shown(path)} holds {listed(list(shapes))}; {_suggest(shapes)}", "data.arrays"))
    inputs = partner(target, shapes)
    X, y = read(path, [inputs, target], key)
    return pair(X, y, (inputs, target), reading, shown(path), key)


def _suggest(shapes: dict[str, tuple[int, ...]]) -> str:
    found = [name for name in shapes if name.lower().startswith("y")]
    pairs = {name: partner(name, shapes) for name in found}
    parts = [
        f"{part}: [{pairs[name]}, {name}]"
        for part in ("train", "dev", "test")
        for name in found
        if pairs[name] in shapes and part in name.lower()
    ]
    if not parts:
        parts = ["train: [X, y]"]
    return f"say which are inputs and targets, for instance data.arrays: {{{', '.join(parts)}}}"


def partner(target: str, shapes: dict[str, tuple[int, ...]]) -> str:
    """The inputs that belong to a target array: x_train to y_train, or the only other table of the same length."""
    for other in ("x" + target[1:], "X" + target[1:]):
        if target[:1] in ("y", "Y") and other in shapes:
            return other
    rows = shapes.get(target, (0,))[:1]
    tables = [name for name, shape in shapes.items() if name != target and shape[:1] == rows and len(shape) > 1]
    return tables[0] if len(tables) == 1 else "X"


def pair(
    x: npt.NDArray[Any], y: npt.NDArray[Any], names: tuple[str, str], reading: Reading, place: str, key: str
) -> Raw:
    """The table of an array of inputs and an array of targets."""
    data = reading.data
    X, axes = as_inputs(x, f"{place}: {names[0]}", key, gaps=reading.gaps)
    labels = as_labels(y, f"{place}: {names[1]}", key)
    if len(X) != len(labels):
        raise InputError(Problem(f"{place}: {names[0]} has {len(X)} rows, {names[1]} has {len(labels)}", key))
    columns = tuple(data.columns) if data.columns else pixel_names(axes)
    if len(columns) != X.shape[1]:
        raise InputError(Problem(f"{len(columns)} names for the {X.shape[1]} columns of {names[0]}", "data.columns"))
    target = data.target if isinstance(data.target, str) else names[1]
    return Raw(
        X=X, y=labels, features=columns, target=target, columns=columns, image_shape=image_axes(axes), place=place
    )


def select(raw: Raw, reading: Reading) -> Raw:
    """Only the columns that `features` and `exclude` leave, for tables whose file was read whole."""
    data = reading.data
    if data.features == "all" and not data.exclude and data.id is None and not reading.wanted.extras:
        return raw
    roles = choose_roles(data, raw.features, raw.place, True, None, reading.wanted)
    columns = list(roles.inputs)
    X: Numbers = np.ascontiguousarray(raw.X[:, columns])
    ids = raw.ids if roles.id is None else [str(value) for value in raw.X[:, roles.id].tolist()]
    extras: dict[Extra, Labels] = {role: np.ascontiguousarray(raw.X[:, column]) for role, column in roles.extras}
    features = tuple(raw.features[column] for column in columns)
    return replace(raw, X=X, features=features, ids=ids, extras=extras, image_shape=None)
