"""Raw rows for predict and evaluate."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment
from dltrain.data import Preparation, RawRows, prepare, read_rows
from dltrain.data.readers import delimited
from dltrain.errors import InputError


@pytest.fixture
def trained(tmp_path: Path) -> Preparation:
    rows = "".join(f"r{n},{n},{n % 2 and 'yes' or 'no'},{n * n}\n" for n in range(40))
    (tmp_path / "train.csv").write_text("name,a,answer,b\n" + rows)
    data = Data(source=str(tmp_path / "train.csv"), target="answer", id="name")
    return prepare(Experiment(data=data)).preparation


def whole(path: Path | str, preparation: Preparation, **keys: Any) -> tuple[list[Any], list[Any], list[Any]]:
    chunks: list[RawRows] = list(read_rows(path, preparation, **keys))
    y = [label for chunk in chunks if chunk.y is not None for label in chunk.y.tolist()]
    ids = [name for chunk in chunks for name in chunk.ids or []]
    return np.concatenate([chunk.X for chunk in chunks]).tolist(), y, ids


@pytest.mark.parametrize(
    "content, ids",
    [
        ("name,a,answer,b\nq,1,no,2\n", ["q"]),
        ("b,a\n2,1\n", []),
        ("other,b,a,name\nx,2,1,q\n", ["q"]),
        ("1,2\n", []),
        ("q,1,no,2\n", ["q"]),
    ],
)
def test_columns_are_found_by_name_or_place(tmp_path: Path, trained: Preparation, content: str, ids: list[str]) -> None:
    (tmp_path / "new.csv").write_text(content)
    assert whole(tmp_path / "new.csv", trained) == ([[1, 2]], [], ids)


def test_labelled_rows_bring_their_target(tmp_path: Path, trained: Preparation) -> None:
    (tmp_path / "new.csv").write_text("b,answer,a\n2,no,1\n4,yes,3\n")
    X, y, _ = whole(tmp_path / "new.csv", trained, labelled=True)
    assert (X, y) == ([[1, 2], [3, 4]], ["no", "yes"])
    assert trained.encode(np.array(y, dtype=object)).tolist() == [0, 1]


def test_what_training_saw_is_what_predict_reads(tmp_path: Path, trained: Preparation) -> None:
    data = Data(source=str(tmp_path / "train.csv"), target="answer", id="name")
    prepared = prepare(Experiment(data=data))
    (rows,) = read_rows(tmp_path / "train.csv", trained, labelled=True)
    X, y = trained.transform(rows.X), trained.encode(rows.y) if rows.y is not None else None
    for part in prepared.parts.values():
        assert X[part.rows].tobytes() == part.X.tobytes()
        assert y is not None and (y[part.rows] == part.y).all()
        assert rows.ids is not None and [rows.ids[row] for row in part.rows] == part.ids


def test_standard_input_in_chunks(monkeypatch: pytest.MonkeyPatch, trained: Preparation) -> None:
    content = "a,b\n" + "".join(f"{n},{n + 1}\n" for n in range(1000))
    monkeypatch.setattr(delimited, "BLOCK", 512)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content.encode())))
    chunks = list(read_rows("-", trained, chunk=30))
    assert max(len(chunk.X) for chunk in chunks) <= 30
    assert np.concatenate([chunk.X for chunk in chunks]).tolist() == [[n, n + 1] for n in range(1000)]


def test_a_stream_gives_rows_before_it_ends(monkeypatch: pytest.MonkeyPatch, trained: Preparation) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 16)

    class Endless(io.RawIOBase):
        at = 0

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any, /) -> int:
            text = b"a,b\n" + b"1,2\n3,4\n" * (40_000)
            into[:] = text[self.at : self.at + len(into)]
            self.at += len(into)
            return len(into)

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Endless()))
    rows = read_rows("-", trained)
    assert np.concatenate([next(rows).X for _ in range(3)])[:4].tolist() == [[1, 2], [3, 4], [1, 2], [3, 4]]


@pytest.mark.parametrize(
    "content, labelled, line",
    [
        ("a,c\n1,2\n", False, "new.csv has no column 'b'"),
        ("aa,bb\n1,2\n", False, "new.csv has no column 'a'; did you mean aa?"),
        ("a,b\n1,2\n", True, "new.csv has no column 'answer'"),
        ("1,2,3\n", False, "new.csv has 3 columns and no header; expected the 2 inputs a, b, or the 4 columns"),
        ("a,b\n1,x\n", False, "new.csv:2:2: b: 'x' is not a number"),
        ("a,b\n1,\n", False, "new.csv:2:2: 1 cell is missing"),
        ("a,b\n", False, "new.csv has a header and no rows"),
        ("", False, "new.csv is empty"),
    ],
)
def test_rows_that_do_not_fit(tmp_path: Path, trained: Preparation, content: str, labelled: bool, line: str) -> None:
    (tmp_path / "new.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        list(read_rows(tmp_path / "new.csv", trained, labelled=labelled))
    assert line in str(caught.value)


def test_arrays(tmp_path: Path, rng: np.random.Generator) -> None:
    x, y = rng.integers(0, 9, (30, 2, 2)), np.arange(30) % 3
    np.savez(tmp_path / "train.npz", x=x, y=y)
    source = str(tmp_path / "train.npz")
    preparation = prepare(Experiment(data=Data(source=source, arrays={"train": ["x", "y"]}))).preparation
    np.save(tmp_path / "new.npy", x)
    for path in (tmp_path / "train.npz", tmp_path / "new.npy"):
        assert whole(path, preparation, chunk=7)[0] == x.reshape(30, 4).tolist()
    assert whole(tmp_path / "train.npz", preparation, labelled=True)[1] == y.tolist()
    with pytest.raises(InputError, match="has 4 columns and no targets"):
        whole(tmp_path / "new.npy", preparation, labelled=True)
    np.save(tmp_path / "other.npy", x[:, 0])
    with pytest.raises(InputError, match="has 2 columns and no header; expected the 4 inputs"):
        whole(tmp_path / "other.npy", preparation)
    (tmp_path / "new.csv").write_text("1,2,3,4\n")
    assert whole(tmp_path / "new.csv", preparation)[0] == [[1, 2, 3, 4]]
