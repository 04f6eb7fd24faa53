"""Tables of any kind, and several files read one after another as one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dltrain.data.files import bare_name, kind_of, open_data, shown
from dltrain.data.raw import Raw
from dltrain.data.readers.cells import Chunk
from dltrain.data.readers.coding import Coding, Rules
from dltrain.data.readers.columns import Kind
from dltrain.data.readers.delimited import Choose, Misread, Opening, open_table
from dltrain.data.readers.dialect import Dialect
from dltrain.data.readers.gather import gather
from dltrain.data.readers.jsonl import open_jsonl
from dltrain.data.readers.parquet import open_parquet
from dltrain.data.roles import Roles, roles_like
from dltrain.errors import InputError, Problem, did_you_mean

TABLES = ("delimited", "jsonl", "parquet")
"""Kinds of files that are tables with columns, and can be read together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What is known of tables before they are opened."""

    rules: Rules = field(default_factory=Rules)
    columns: Sequence[str] | None = None
    """Names, for files without a header."""
    known: Collection[str] = ()
    """Names by which a header is known."""
    strict: bool = True
    """Every column counts: one that is in some files or rows alone is refused. Not so where the inputs are listed."""
    from_config: bool = True


@dataclass(frozen=True, slots=True)
class Tables:
    """Several files as one table: as `Opening`, and where each file's rows begin, filled in as they are read."""

    dialect: Dialect
    roles: Roles
    coding: Coding
    chunks: Iterator[Chunk]
    places: list[tuple[int, str]]
    """(first row, file)."""


@contextmanager
def open_rows(path: Path, choose: Choose, how: How | None = None, key: str | None = None) -> Iterator[Opening]:
    """The rows of a text table, a file of JSON lines or a Parquet file, as chunks to come."""
    how = how or How()
    kind = kind_of(path, key)
    if kind == "parquet":
        yield open_parquet(path, choose, rules=how.rules, from_config=how.from_config)
        return
    if kind not in TABLES:
        raise InputError(Problem(f"{shown(path)} is {kind}; expected csv, tsv, jsonl or parquet", key))
    with open_data(path, key) as file:
        place, size = shown(path), path.stat().st_size
        if kind == "jsonl":
            yield open_jsonl(
                file, place, choose, rules=how.rules, size=size, strict=how.strict, from_config=how.from_config
            )
        else:
            yield open_table(
                file,
                place,
                choose,
                rules=how.rules,
                tabs=bare_name(path).endswith((".tsv", ".tab")),
                columns=how.columns,
                known=how.known,
                size=size,
                from_config=how.from_config,
            )


@contextmanager
def open_several(
    files: Sequence[Path], choose: Choose, how: How | None = None, key: str | None = None
) -> Iterator[Tables]:
    """The rows of all files, in their order. The first one's columns are those of all, by name in any order.

    Raises InputError for files of other kinds and other columns; Misread (see `read_several`) for columns that hold
    numbers in one file and words in another.
    """
    how = how or How()
    _check_kinds(files, key)
    with open_rows(files[0], choose, how, key) as first:
        places: list[tuple[int, str]] = []
        chunks = _one_after_another(files, first, how, key, places)
        yield Tables(first.dialect, first.roles, first.coding, chunks, places)


def read_several(
    files: Sequence[Path], choose: Choose, how: How | None = None, key: str | None = None
) -> tuple[Raw, Dialect]:
    """The whole table of one or more files."""
    how = how or How()
    while True:
        try:
            with open_several(files, choose, how, key) as table:
                place = shown(files[0]) + (f" and {len(files) - 1} more" if len(files) > 1 else "")
                raw = gather(table.chunks, table.roles, table.dialect.names, table.coding, place)
        except Misread as error:
            words: dict[str, Kind] = dict.fromkeys(error.names, "category")
            how = replace(how, rules=replace(how.rules, kinds={**how.rules.kinds, **words}))
            continue
        if not raw.n:
            raise InputError(Problem(f"{place} has a header and no rows"))
        header = table.dialect.header or how.columns is not None
        places = tuple(table.places) if len(files) > 1 else ()
        return replace(raw, header=header, places=places), table.dialect


def _check_kinds(files: Sequence[Path], key: str | None) -> None:
    """Several files are tables of one kind."""
    if len(files) == 1:
        return
    kinds = [kind_of(path, key) for path in files]
    problems = [
        Problem(f"{shown(path)} is {kind}; of several files each must be csv, tsv, jsonl or parquet", key)
        for path, kind in zip(files, kinds, strict=True)
        if kind not in TABLES
    ]
    if not problems and len(set(kinds)) > 1:
        other = next(place for place, kind in enumerate(kinds) if kind != kinds[0])
        names = [f"{shown(files[place])} is {_named(kinds[place])}" for place in (0, other)]
        problems.append(Problem(f"{', '.join(names)}; expected files of one kind", key))
    if problems:
        raise InputError(*problems)


def _named(kind: str) -> str:
    return "a text table" if kind == "delimited" else kind


def _one_after_another(
    files: Sequence[Path], first: Opening, how: How, key: str | None, places: list[tuple[int, str]]
) -> Iterator[Chunk]:
    n = 0
    problems: list[Problem] = []
    for path in files:
        places.append((n, shown(path)))
        try:
            if path is files[0]:
                chunks = first.chunks
                for chunk in chunks:
                    n += chunk.n
                    yield chunk
                continue
            with open_rows(path, _like(first, files[0], path, how), _known(first, how), key) as table:
                _check_coding(first.coding, table.coding)
                table.coding.vocabularies = first.coding.vocabularies
                for chunk in table.chunks:
                    n += chunk.n
                    if not problems:
                        yield chunk
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)


def _known(first: Opening, how: How) -> How:
    """What the first file says of the others: which columns are dates and categories. Numbers may turn out words."""
    sure = {name: kind for name, kind in zip(first.coding.names, first.coding.kinds, strict=True) if kind != "number"}
    names = {*how.known, *(first.dialect.names if first.dialect.header else ())}
    return replace(how, rules=replace(how.rules, kinds={**how.rules.kinds, **sure}), known=names)


def _check_coding(first: Coding, other: Coding) -> None:
    """Raises Misread for columns of numbers that hold something else in another file."""
    guessed = [first.names[place] for place in sorted(first.guessed) if first.kinds[place] != other.kinds[place]]
    if guessed:
        raise Misread(guessed)


def _like(first: Opening, model: Path, path: Path, how: How) -> Choose:
    """Finds the first file's columns in another."""
    names, roles = first.dialect.names, first.roles

    def choose(dialect: Dialect) -> Roles:
        if not (dialect.header and first.dialect.header):
            _check_places(first.dialect, model, dialect, path)
            return roles
        extras = {role: names[column] for role, column in roles.extras}
        target = None if roles.target is None else names[roles.target]
        label = None if roles.id is None else names[roles.id]
        inputs = [names[column] for column in roles.inputs]
        found, problems = roles_like(inputs, target, label, dialect.names, shown(path), extras)
        problems = [replace(problem, message=f"{problem.message} ({shown(model)} has it)") for problem in problems]
        if label is not None and found.id is None:
            problems.append(Problem(f"{shown(path)} has no column {label!r} ({shown(model)} has it)"))
        if how.strict:
            problems += _new_columns(dialect.names, names, path, model)
        if problems:
            raise InputError(*problems)
        return found

    return choose


def _new_columns(names: Sequence[str], known: Sequence[str], path: Path, model: Path) -> list[Problem]:
    return [
        Problem(f"{shown(path)} has a column {name!r}, {shown(model)} has none{did_you_mean(name, known)}")
        for name in names
        if name not in known
    ]


def _check_places(first: Dialect, model: Path, other: Dialect, path: Path) -> None:
    if first.header != other.header:
        has, lacks = (model, path) if first.header else (path, model)
        raise InputError(Problem(f"{shown(has)} has a header, {shown(lacks)} has none; give both one, or neither"))
    if len(first.names) != len(other.names):
        counts = f"{len(other.names)} columns, {shown(model)} has {len(first.names)}"
        raise InputError(Problem(f"{shown(path)} has {counts}"))
