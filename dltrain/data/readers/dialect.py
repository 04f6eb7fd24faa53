"""How a text table is written: separator, header, names of the columns; seen from its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dltrain.data.roles import column_names, listed, without_blanks
from dltrain.errors import InputError, Problem

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
"""What counts as a number in a cell, blanks around it apart."""

EMPTY = frozenset({"", "nan", "n/a", "null"})
"""Cells, in lower case, that hold no value, whatever data.missing_values says."""
MISSING = EMPTY | {"?", "na"}
"""The same with the default of data.missing_values."""

TRUTHS = {"true": "1", "false": "0"}
"""Cells, in lower case, that are 1 and 0 where a column holds nothing else: as in JSON lines and Parquet."""

_BOM = "\ufeff"
_SAMPLE = 20
_ENOUGH = 2**16
_LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class Dialect:
    """Names are those of the header, of `data.columns`, or column_1, column_2, ..."""

    separator: str
    names: tuple[str, ...]
    header: bool
    unnamed: tuple[int, ...] = ()
    """Columns whose name in the header is empty."""
    doubt: str = ""
    """That the first row looks like a header, where `data.columns` gives other names; else empty."""


def is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell.strip()) is not None


def sniff(head: str, place: str, *, tabs: bool, columns: Sequence[str] | None, known: Collection[str]) -> Dialect:
    """The dialect of a table that begins with `head`.

    A first line is the header if it holds one of the names in `known`, or text above a number. Where
    `columns` is given it is a header only if it repeats those names.
    """
    head = _first_lines(head.removeprefix(_BOM))
    separator = "\t" if tabs else _separator(head)
    rows = _records(head, separator)
    if not rows:
        raise InputError(Problem(f"{place} holds no rows"))
    first, second = rows[0], rows[1] if len(rows) > 1 else None
    if columns is not None:
        if len(columns) != len(first):
            message = f"{len(columns)} names for the {len(first)} columns of {place}"
            raise InputError(Problem(message, "data.columns"))
        repeated = first == list(columns)
        doubt = f"the first row of {place} ({listed(first, 6)}) looks like names"
        return Dialect(
            separator, tuple(columns), repeated, doubt="" if repeated or not _is_named(first, second) else doubt
        )
    if not _is_header(first, second, known):
        return Dialect(separator, column_names(len(first)), False)
    if max(map(len, first)) > _LONGEST_NAME:
        message = f"a column name of more than {_LONGEST_NAME} characters; is a quote left open?"
        raise InputError(Problem(message, where=f"{place}:1"))
    first = [without_blanks(name) for name in first]
    unnamed = tuple(j for j, name in enumerate(first) if not name)
    names = tuple(name or f"column_{j + 1}" for j, name in enumerate(first))
    return Dialect(separator, names, True, unnamed)


def _first_lines(head: str, rows: int = _SAMPLE) -> str:
    """Enough to see how the table is written, without taking apart millions of characters."""
    enough = _ENOUGH * max(1, rows // _SAMPLE)
    end = head.rfind("\n", 0, enough) + 1
    return head[:end] if len(head) > enough and head.count("\n", 0, end) > rows else head


def first_rows(head: str, dialect: Dialect, most: int) -> list[tuple[str, ...]]:
    """The cells of each column in the first rows below the header, of rows as long as they should be."""
    width = len(dialect.names)
    rows = _records(_first_lines(head, most), dialect.separator, most + 1)
    rows = [row for row in rows[dialect.header :] if len(row) == width]
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _records(head: str, separator: str, most: int = _SAMPLE) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
            if len(rows) == most:
                break
    except csv.Error:
        pass  # a cell too long, for instance: reading the file names it
    return rows


def _separator(head: str) -> str:
    for separator in "\t;|":
        widths = {len(row) for row in _records(head, separator)}
        if len(widths) == 1 and max(widths) > 1:
            return separator
    return ","


def _is_named(first: list[str], second: list[str] | None) -> bool:
    """Whether a first row can hardly be data: no number in it, and one below at least."""
    return second is not None and not any(map(is_number, first)) and any(map(is_number, second)) and all(first)


def _is_header(first: list[str], second: list[str] | None, known: Collection[str]) -> bool:
    if any(name in known for name in first):
        return True
    text = [not is_number(cell) and cell.lower() not in MISSING for cell in first]
    if second is not None and len(second) == len(first):
        return all(text) or any(word and is_number(below) for word, below in zip(text, second, strict=True))
    return all(text)
