"""The same rows in other files, read for a model, give the same inputs."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment, Split
from dltrain.data import Prepared, prepare, read_rows
from dltrain.errors import InputError

Row = dict[str, str]
COLUMNS = ["name", "sex", "age", "town", "since", "member", "weight", "y"]
OTHER_ORDER = ["y", "town", "since", "weight", "member", "name", "age", "sex"]


def people(n: int = 60) -> list[Row]:
    rows = []
    for i in range(n):
        time = "T10:30:00+01:00" if i % 3 else ""
        member = "true" if i % 4 < 2 else "no"
        age = "" if i % 7 == 0 else f"{20 + i % 11}.5"
        values = [
            f"P{i}",
            "mf"[i % 2],
            age,
            f"town {i % 5}",
            f"2024-01-{1 + i % 28:02d}{time}",
            member,
            "1.5",
            str(i % 3),
        ]
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def write(path: Path, rows: list[Row], columns: list[str] = COLUMNS, header: bool = True, separator: str = ",") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([columns] * header)
        writer.writerows([row[column] for column in columns] for row in rows)
    return path


def trained(source: Path, **keys: Any) -> Prepared:
    data = Data(source=str(source), target="y", id="name", weight="weight", missing="median", **keys)
    return prepare(Experiment(data=data))


def shown(path: Path, model: Prepared, labelled: bool = False) -> np.ndarray[Any, Any]:
    preparation = model.preparation
    pieces = list(read_rows(path, preparation, labelled=labelled))
    if labelled:
        return np.concatenate([preparation.encode(piece.y) for piece in pieces if piece.y is not None])
    return np.concatenate([preparation.transform(piece.X) for piece in pieces])


def inputs_of(model: Prepared) -> np.ndarray[Any, Any]:
    """What the model saw of each row, in the order of the file."""
    parts = model.parts.values()
    found = np.concatenate([part.X for part in parts])
    return found[np.argsort(np.concatenate([part.rows for part in parts]))]


WRITERS: dict[str, Callable[[Path], Path]] = {
    "the same": lambda folder: write(folder / "n.csv", people()),
    "another order": lambda folder: write(folder / "n.csv", people(), OTHER_ORDER),
    "no target": lambda folder: write(folder / "n.csv", people(), OTHER_ORDER[1:]),
    "no header": lambda folder: write(folder / "n.csv", people(), header=False),
    "no header, only inputs": lambda folder: write(folder / "n.csv", people(), COLUMNS[1:6], header=False),
    "tabs": lambda folder: write(folder / "n.tsv", people(), separator="\t"),
}


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS.keys())
def test_the_same_rows_written_otherwise_are_the_same_inputs(
    tmp_path: Path, make: Callable[[Path], Path], header: bool
) -> None:
    source = write(tmp_path / "train.csv", people(), header=header)
    model = trained(source, columns=None if header else COLUMNS)
    assert model.preparation.n_x == 12
    np.testing.assert_array_equal(shown(make(tmp_path), model), inputs_of(model))


def test_rows_without_a_header_keep_their_labels_and_weights(tmp_path: Path) -> None:
    model = trained(write(tmp_path / "train.csv", people(), header=False), columns=COLUMNS)
    new = people(20)
    new[3]["weight"] = "6"
    path = write(tmp_path / "new.csv", new, header=False)
    assert shown(path, model, labelled=True).tolist() == [i % 3 for i in range(20)]
    weights = np.concatenate([piece.weights for piece in read_rows(path, model.preparation, labelled=True)])  # type: ignore[misc]
    assert weights.tolist() == [4.0 if i == 3 else 1.0 for i in range(20)]


SPELLED: dict[str, Callable[[bool], str]] = {
    "true": lambda truth: str(truth).lower(),
    "True": str,
    "TRUE": lambda truth: str(truth).upper(),
    "1": lambda truth: str(int(truth)),
    "blanks": lambda truth: f"  {truth} ",
}


def truths(folder: Path, kind: str, n: int = 40) -> Path:
    """A table of truths, written in one of many ways."""
    said = [i % 4 < 2 for i in range(n)]
    path = folder / f"{kind.strip()}.{'csv' if kind in SPELLED else kind}"
    if kind == "parquet":
        import polars as pl

        pl.DataFrame({"x": said, "z": range(n), "y": [i % 2 for i in range(n)]}).write_parquet(path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps({"x": truth, "z": i, "y": i % 2}) + "\n" for i, truth in enumerate(said)))
    else:
        path.write_text("x,z,y\n" + "".join(f"{SPELLED[kind](truth)},{i},{i % 2}\n" for i, truth in enumerate(said)))
    return path


@pytest.mark.parametrize("source", [*SPELLED, "jsonl", "parquet"])
def test_true_and_false_are_one_and_nought_in_every_kind_of_file(tmp_path: Path, source: str) -> None:
    model = prepare(Experiment(data=Data(source=str(truths(tmp_path, source)), target="y", normalize="none")))
    assert model.preparation.inputs == ("x", "z")
    expected = np.array([[i % 4 < 2, i] for i in range(40)], dtype=np.float32)
    np.testing.assert_array_equal(inputs_of(model), expected)
    for kind in [*SPELLED, "jsonl", "parquet"]:
        np.testing.assert_array_equal(shown(truths(tmp_path, kind), model), expected, err_msg=kind)


def test_true_beside_other_words_is_a_word_however_late_they_come(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    for first in (3, 3000):
        cells = ["unknown" if i == first else "true" if i % 4 < 2 else "false" for i in range(5000)]
        path.write_text("x,y\n" + "".join(f"{cell},{i % 2}\n" for i, cell in enumerate(cells)))
        model = prepare(Experiment(data=Data(source=str(path), target="y")))
        assert set(model.preparation.inputs) >= {"x = false", "x = true"}


def test_true_among_other_numbers_is_a_typing_error(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,y\n" + "".join(f"{'true' if i == 30 else i},{i % 2}\n" for i in range(40)))
    with pytest.raises(InputError, match=r"d\.csv:32:1: x: 'true' is not a number"):
        prepare(Experiment(data=Data(source=str(path), target="y")))


@pytest.mark.parametrize("last", ["true", "", "False"])
def test_a_large_block_of_truths_is_read_as_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    rows = [f"{i % 4 < 2},{i}.5,{i % 2}" for i in range(60)] + [f"{last},3,1", "false,4,0"]
    path = tmp_path / "d.csv"
    path.write_text("x,z,y\n" + "\n".join(rows) + "\n")
    experiment = Experiment(data=Data(source=str(path), target="y", missing="median"))
    slow = inputs_of(prepare(experiment))
    monkeypatch.setattr("dltrain.data.readers.fast.FAST_FROM", 1)
    np.testing.assert_array_equal(inputs_of(prepare(experiment)), slow)


@pytest.mark.parametrize("fast_from", [1, 2**30])
def test_rows_named_na_keep_their_name_and_a_group_so_called_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast_from: int
) -> None:
    monkeypatch.setattr("dltrain.data.readers.fast.FAST_FROM", fast_from)
    path = tmp_path / "d.csv"
    path.write_text(
        "id,g,x,y\n" + "".join(f"{'NA' if i == 4 else i},{['NA', i % 9][i != 7]},{i},{i % 2}\n" for i in range(60))
    )
    data = Data(source=str(path), target="y", id="id")
    model = prepare(Experiment(data=replace(data, exclude=["g"])))
    assert "NA" in {name for part in model.parts.values() for name in part.ids or []}
    with pytest.raises(InputError, match=r"d\.csv:9: no value in g, so its group is not known"):
        prepare(Experiment(data=data, split=Split(group="g")))


@pytest.mark.parametrize("packed", ["", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["true", "jsonl"])
def test_what_a_pipe_gives_is_read_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, packed: str
) -> None:
    model = prepare(Experiment(data=Data(source=str(truths(tmp_path, "true")), target="y")))
    content = truths(tmp_path, kind).read_bytes()
    if packed == "gzip":
        content = gzip.compress(content)
    elif packed:
        content = pytest.importorskip("zstandard").compress(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    np.testing.assert_array_equal(shown(Path("-"), model), inputs_of(model))


def test_a_pipe_cut_short_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = prepare(Experiment(data=Data(source=str(truths(tmp_path, "true")), target="y")))
    content = gzip.compress(truths(tmp_path, "true").read_bytes())[:-10]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(InputError, match="standard input is damaged or cut short"):
        shown(Path("-"), model)
