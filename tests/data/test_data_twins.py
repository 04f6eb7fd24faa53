"""The same rows in other files, read for a model, give the same inputs."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment
from dltrain.data import Prepared, prepare, read_rows

Row = dict[str, str]
COLUMNS = ["name", "sex", "age", "town", "since", "member", "weight", "y"]
OTHER_ORDER = ["y", "town", "since", "weight", "member", "name", "age", "sex"]


def people(n: int = 60) -> list[Row]:
    rows = []
    for i in range(n):
        time = "T10:30:00+01:00" if i % 3 else ""
        member = "true" if i % 4 < 2 else "false"
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
