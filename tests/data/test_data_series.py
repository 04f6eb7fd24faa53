"""A column as a series, and files of coefficients."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dltrain.data.series import read_numbers, read_series
from dltrain.errors import InputError

TABLE = "day,T,note\n2024-01-01,3.5,a\n2024-01-02,-1e1,b\n2024-01-03,7,c\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(here: Path, text: str, name: str = "t.csv") -> Path:
    (here / name).write_text(text)
    return here / name


@pytest.mark.parametrize("column", ["T", "1", "-2"])
def test_a_column_by_name_or_number(column: str, here: Path) -> None:
    name, values = read_series(write(here, TABLE), column)
    assert (name, values.tolist(), values.dtype) == ("T", [3.5, -10.0, 7.0], np.float64)


def test_every_kind_of_table(here: Path) -> None:
    (here / "t.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    write(here, TABLE.replace(",", "\t"), "t.tsv")
    write(here, "".join(json.dumps({"day": "x", "T": value}) + "\n" for value in (3.5, -10, 7)), "t.jsonl")
    pl.DataFrame({"T": [3.5, -10.0, 7.0]}).write_parquet(here / "t.parquet")
    for name in ("t.csv.gz", "t.tsv", "t.jsonl", "t.parquet"):
        assert read_series(here / name, "T")[1].tolist() == [3.5, -10.0, 7.0], name


def test_a_column_of_a_file_without_a_header(here: Path) -> None:
    path = write(here, "1,2\n3,4\n")
    assert read_series(path, "-1") == ("column_2", pytest.approx([2, 4]))


@pytest.mark.parametrize(
    "text, column, says",
    [
        (TABLE, "S", "--column: t.csv has no column 'S'; its columns are day, T, note"),
        (TABLE, "nota", "--column: t.csv has no column 'nota'; did you mean note?"),
        (TABLE, "7", "--column: t.csv has no column '7'; its columns are day, T, note"),
        (TABLE, "day", "the column 'day' of t.csv holds dates; expected numbers"),
        (TABLE, "note", "the column 'note' of t.csv holds words; expected numbers"),
        ("T\n1\n\n2\n", "T", None),
        ("T,S\n1,2\n,3\n3,4\n", "T", "t.csv:3: no number in the column 'T'; fill it in, or take the row out"),
        ("T,S\n1,2\n,3\n,4\n", "T", "t.csv:3: no number in the column 'T', the first of 2 gaps; fill it in"),
        ("T\n1\n2\n3\n4\n5\nx\n", "T", "t.csv:7:1: T: 'x' is not a number"),
        ("T\n1\ninf\n3\n", "T", "t.csv:3:1: T: 'inf' is not finite"),
        ("", "T", "t.csv is empty"),
    ],
)
def test_what_is_refused(text: str, column: str, says: str | None, here: Path) -> None:
    path = write(here, text)
    if says is None:
        assert read_series(path, column)[1].tolist() == [1, 2]
        return
    with pytest.raises(InputError) as caught:
        read_series(path, column)
    assert str(caught.value).startswith(says)


def test_a_file_that_is_not_there(here: Path) -> None:
    write(here, TABLE, "temperature.csv")
    with pytest.raises(InputError, match=r"there is no file temperatur.csv; did you mean temperature.csv\?"):
        read_series(here / "temperatur.csv", "T")


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("1\n-10\n25\n", [[1], [-10], [25]]),
        ("1,-10,25\n", [[1, -10, 25]]),
        ("c\n1\n-10\n25\n", [[1], [-10], [25]]),
        ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("1;2\n3;4\n", [[1, 2], [3, 4]]),
    ],
)
def test_coefficients(text: str, wanted: list[list[float]], here: Path) -> None:
    assert read_numbers(write(here, text)).tolist() == wanted


def test_words_are_no_coefficients(here: Path) -> None:
    with pytest.raises(InputError, match="the column 'b' of t.csv holds words; expected numbers"):
        read_numbers(write(here, "a,b\n1,x\n2,y\n"))
