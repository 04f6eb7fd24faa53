"""A look at a data file: what its columns hold, and what a first config for it should say.

The file is read as a training with that config will read it, so what that would refuse is refused here. Of a large
file only the beginning is read. What is found decides what is left out by default, and stands in the config as a
line that can be taken away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from dltrain.config.records import Data, Experiment
from dltrain.config.starter import Column, Look
from dltrain.data.expand import expand
from dltrain.data.files import bare_name, kind_of, open_data, shown
from dltrain.data.looking.judging import Judged, judge
from dltrain.data.looking.look_arrays import look_at_arrays, look_at_pictures
from dltrain.data.looking.spelling import other_spellings
from dltrain.data.raw import Raw
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.gather import gather
from dltrain.data.readers.several import TABLES, How, open_rows, open_several
from dltrain.data.reading import Reading
from dltrain.data.roles import Roles, choose_roles, column_names, listed
from dltrain.data.tables import read_files, read_like, read_single
from dltrain.errors import InputError, Problem, did_you_mean

SMALL = 32 * 2**20
"""Bytes up to which files are read whole, so twice in all."""
PACKED = 8 * 2**20
"""The same for files that are compressed."""
_LOOKED_AT = 4_000_000
"""Cells of a larger file that are looked at."""
_TARGETS = ("target", "label", "labels", "class", "y", "outcome", "output", "species", "survived")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a config is wanted for."""

    files: tuple[str, ...]
    """Data files that are one table, or a folder of pictures. Absolute."""
    target: str | None = None
    """A column's name, or its number; the name of an array."""
    test: str | None = None
    """A file of test rows. Absolute."""
    columns: tuple[str, ...] | None = None
    """Names, for a file without a header."""


def look(request: Request) -> Look:
    """What the files hold. Raises InputError for everything wrong with them, its keys those of a config."""
    if len(request.files) == 1 and Path(request.files[0]).is_dir():
        return look_at_pictures(Path(request.files[0]), request.target, request.test)
    paths = expand(list(request.files), "data.source")
    kind = kind_of(paths[0], "data.source")
    if kind in ("npz", "hdf5"):
        return look_at_arrays(paths, request.target, request.test, kind)
    names, unnamed, doubt = _names(paths[0], request)
    target = _target(request.target, names, shown(paths[0]))
    return replace(_look_at_table(paths, target, unnamed, request), doubt=doubt)


def _look_at_table(paths: list[Path], target: str | int, unnamed: Sequence[str], request: Request) -> Look:
    data = Data(
        source=[str(path) for path in paths],
        target=target,
        columns=None if request.columns is None else list(request.columns),
        exclude=list(unnamed) or None,
        missing="drop",
    )
    reading = Reading.of(Experiment(data=data))
    raw, whole = _read(paths, reading)
    test = None
    if request.test is not None and (whole or _is_small([Path(request.test)])):
        test = read_like([Path(request.test)], raw, reading, "split.files.test")
    judged = judge(raw, test, whole, unnamed)
    return Look(
        sources=request.files,
        rows=judged.rows if whole else _estimated(paths, raw),
        whole=whole,
        columns=_columns(raw, judged, unnamed),
        target=target,
        names=request.columns,
        test=request.test,
        tested=request.test is not None,
        task=judged.task if whole else "auto",
        why=judged.why if whole else "",
        missing=judged.missing,
        label_map={} if test is None else other_spellings(raw, test),
        time=judged.time,
        dates=judged.dates,
        inputs=judged.inputs,
    )


def _columns(raw: Raw, judged: Judged, unnamed: Sequence[str]) -> tuple[Column, ...]:
    """In the file's order."""
    known = {column.name: column for column in judged.columns}
    for name in unnamed:
        why = "the header has no name here; row numbers?"
        known[name] = Column(name=name, kind="", gaps=0, distinct=0, example="", role="excluded", why=why)
    return tuple(known[name] for name in raw.columns if name in known)


def _names(path: Path, request: Request) -> tuple[tuple[str, ...], list[str], str]:
    """All columns' names, those that the header does not name, and what speaks against the names that were given."""
    if kind_of(path, "data.source") not in TABLES:
        return request.columns or (), [], ""
    how = How(columns=request.columns, known=set() if request.target is None else {request.target})

    def choose(dialect: Dialect) -> Roles:
        return Roles(inputs=())

    with open_rows(path, choose, how, "data.source") as opening:
        dialect = opening.dialect
    names = dialect.names if dialect.header or request.columns else column_names(len(dialect.names))
    header = dialect.header or request.columns is not None
    chosen = _target(request.target, names, shown(path), header, dialect.doubt)
    place = names.index(chosen) if isinstance(chosen, str) else chosen % len(names)
    return names, [names[column] for column in dialect.unnamed if column != place], dialect.doubt


def _target(target: str | None, names: Sequence[str], place: str, header: bool = True, doubt: str = "") -> str | int:
    """The target as data.target takes it. InputError, with a suggestion, where it names no column."""
    if not names:  # an array: its columns are told apart when it is read
        return -1 if target is None else int(target) if re.fullmatch(r"-?\d+", target) else target
    if target is None:
        likely = next((name for name in names if name.lower() in _TARGETS), names[-1]) if header else "-1"
        what = f"{place} has {listed(names)}" if header else f"{place} has {len(names)} columns and no header"
        raise InputError(
            Problem(f"which column is to be predicted? {what}; for instance --target {likely}", "data.target")
        )
    if target in names:
        return target
    if re.fullmatch(r"-?\d{1,9}", target):
        number = int(target)
        if -len(names) <= number < len(names):
            return number
        what = f"{place} has {len(names)} columns, no column {number} (0 is the first, -1 the last)"
        raise InputError(Problem(what, "data.target"))
    hint = did_you_mean(target, names) or f"; its columns are {listed(names)}"
    if not header:
        hint = "; it has no header: give a number (-1 is the last column), or names in data.columns"
    if doubt:
        hint = f"; its columns are to be called {listed(names)}, but {doubt}: leave data.columns out if so"
    raise InputError(Problem(f"{place} has no column {target!r}{hint}", "data.target"))


def _read(paths: list[Path], reading: Reading) -> tuple[Raw, bool]:
    """The table, or its first rows; and whether it is whole."""
    if kind_of(paths[0], "data.source") not in TABLES:
        return read_single(paths[0], reading, "data.source"), True
    if _is_small(paths):
        return read_files(paths, reading, "data.source"), True
    how = How(rules=reading.rules, columns=reading.data.columns, known=reading.named)

    def choose(dialect: Dialect) -> Roles:
        header = dialect.header or reading.data.columns is not None
        return choose_roles(reading.data, dialect.names, shown(paths[0]), header, reading.data.target)

    with open_several(paths, choose, how, "data.source") as table:
        width = max(1, len(table.dialect.names))
        first = next(table.chunks)
        most = _LOOKED_AT // width // max(1, first.n)
        chunks = (chunk for part in ((first,), islice(table.chunks, most)) for chunk in part)
        return gather(chunks, table.roles, table.dialect.names, table.coding, shown(paths[0])), False


def _is_small(paths: Sequence[Path]) -> bool:
    size = 0.0
    for path in paths:
        packed = bare_name(path) != path.name.lower() or path.suffix.lower() == ".parquet"
        size += path.stat().st_size * (SMALL / PACKED if packed else 1)
    return size <= SMALL


def _estimated(paths: Sequence[Path], raw: Raw) -> int:
    """About how many rows there are, from the length of the first ones."""
    with open_data(paths[0]) as file:
        head = file.read(2**20)
    line = len(head) / max(1, head.count(b"\n"))
    size = sum(path.stat().st_size * (4 if bare_name(path) != path.name.lower() else 1) for path in paths)
    return max(raw.n, int(size / line))
