"""From an experiment to parts: the whole way, on small files and on real ones."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment, Split, SplitFiles, Training
from dltrain.data import Prepared, prepare

REAL = os.environ.get("DLTRAIN_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder of real data sets")


def run(split: dict[str, Any] | None = None, dtype: Any = "float32", **data: Any) -> Prepared:
    return prepare(Experiment(data=Data(**data), split=Split(**(split or {})), training=Training(dtype=dtype)))


def table(path: Path, n: int = 100, start: int = 0, classes: int = 2) -> str:
    rows = "".join(f"{k},{k * k % 17},{k % classes}\n" for k in range(start, start + n))
    path.write_text("a,b,y\n" + rows)
    return str(path)


def test_the_record_is_complete() -> None:
    prepared = run(source="breast_cancer")
    assert list(prepared.parts) == ["train", "dev", "test"]
    assert prepared.facts.parts == {"train": 341, "dev": 114, "test": 114} and prepared.facts.m == 341
    for part in prepared.parts.values():
        assert part.X.dtype == np.float32 and part.X.flags.c_contiguous
        assert part.y.dtype == np.int64 and set(part.y.tolist()) == {0, 1}
        assert len(part.X) == len(part.y) == len(part.rows)
    together = np.concatenate([part.rows for part in prepared.parts.values()])
    assert sorted(together) == list(range(569))
    assert prepared.parts["train"].X.mean(axis=0) == pytest.approx(np.zeros(30), abs=1e-6)
    assert prepared.parts["train"].X.std(axis=0) == pytest.approx(np.ones(30), abs=1e-5)


def test_every_class_is_in_proportion() -> None:
    prepared = run(source="digits")
    counts = {name: np.bincount(part.y) for name, part in prepared.parts.items()}
    total = np.sum(list(counts.values()), axis=0)
    for name, part in prepared.parts.items():
        assert (np.abs(counts[name] - total * len(part.y) / 1797) < 1).all()


def test_the_training_seed_changes_nothing() -> None:
    one, two = (prepare(Experiment(seed=seed, data=Data(source="digits"))) for seed in (1, 2))
    assert all(one.parts[part].X.tobytes() == two.parts[part].X.tobytes() for part in one.parts)
    other = run(source="digits", split={"seed": 1})
    assert not np.array_equal(one.parts["dev"].rows, other.parts["dev"].rows)


@pytest.mark.parametrize(
    "split",
    [{}, {"train": 0.7, "dev": 0.3, "test": 0}, {"train": 0.6, "dev": 0.2, "test": 0.2, "train_dev": 0.1},
     {"train": "rest", "dev": 100, "test": 50, "stratify": False, "seed": 9}],
)  # fmt: skip
@pytest.mark.parametrize("limit", [None, 700])
def test_the_settled_split_splits_the_same(split: dict[str, Any], limit: int | None) -> None:
    first = run(source="digits", split=split, limit=limit)
    settled = first.settled_split
    assert isinstance(settled.train, int) and isinstance(settled.stratify, bool)
    again = prepare(Experiment(data=Data(source="digits", limit=limit), split=settled))
    assert again.settled_split == settled
    assert {name: part.rows.tolist() for name, part in again.parts.items()} == {
        name: part.rows.tolist() for name, part in first.parts.items()
    }


def test_limit_keeps_original_row_numbers(tmp_path: Path) -> None:
    prepared = run(source=table(tmp_path / "d.csv"), target="y", limit=50, dtype="float64", normalize="none")
    for part in prepared.parts.values():
        assert part.X[:, 0].tolist() == part.rows.tolist()
    assert sum(prepared.facts.parts.values()) == 50
    assert "limit: 50 of 100 rows, drawn with split.seed 0" in prepared.notes


def test_files_give_the_parts(tmp_path: Path) -> None:
    named = {
        part: table(tmp_path / f"{part}.csv", 20, 100 * k)
        for k, part in enumerate(("train", "train_dev", "dev", "test"))
    }
    (tmp_path / "dev.csv").write_text("y,b,a\n1,0,5\n0,0,6\n")
    prepared = run(source=named["train"], target="y", split={"files": SplitFiles(**named)}, normalize="none")
    assert prepared.facts.parts == {"train": 20, "train_dev": 20, "dev": 2, "test": 20}
    assert prepared.parts["dev"].X.tolist() == [[5, 0], [6, 0]]
    assert prepared.parts["test"].X[0, 0] == 300
    assert prepared.settled_split.dev is None and prepared.settled_split.test is None


def test_a_test_file_beside_ratios(tmp_path: Path) -> None:
    source, test = table(tmp_path / "d.csv"), table(tmp_path / "t.csv", 30, 200)
    prepared = run(source=source, target="y", split={"files": SplitFiles(test=test)})
    assert prepared.facts.parts == {"train": 90, "dev": 10, "test": 30}
    prepared = run(source=source, target="y", split={"files": SplitFiles(test=test), "train": 0.5, "dev": 0.5})
    assert prepared.facts.parts == {"train": 50, "dev": 50, "test": 30}


def test_mismatched_classes_count_over_all_parts(tmp_path: Path) -> None:
    source = table(tmp_path / "d.csv", classes=3)
    (tmp_path / "t.csv").write_text("a,b,y\n1,1,2\n2,2,1\n3,3,0\n")
    prepared = run(source=source, target="y", split={"files": SplitFiles(test=str(tmp_path / "t.csv"))})
    assert prepared.parts["test"].y.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "labels, task, classes",
    [
        (["yes", "no"], "binary", ("no", "yes")),
        (["10", "9"], "binary", ("9", "10")),
        (["-1", "1"], "binary", ("-1", "1")),
        (["true", "false"], "binary", ("false", "true")),
        (["b", "a", "c"], "multiclass", ("a", "b", "c")),
        ([str(k) for k in range(10)], "multiclass", tuple(map(str, range(10)))),
        ([str(k) for k in range(11)], "multiclass", tuple(map(str, range(11)))),
        ([str(k) for k in range(20)], "multiclass", tuple(map(str, range(20)))),
        ([str(k) for k in range(21)], "regression", ()),
        (["1.5", "2.5"], "regression", ()),
    ],
)
def test_task_and_class_order(tmp_path: Path, labels: list[str], task: str, classes: tuple[str, ...]) -> None:
    rows = "".join(f"{k},{labels[k % len(labels)]}\n" for k in range(420))
    (tmp_path / "d.csv").write_text("x,y\n" + rows)
    prepared = run(source=str(tmp_path / "d.csv"), target="y")
    assert (prepared.facts.task, prepared.facts.classes) == (task, classes)
    assert any(note.startswith(f"task: {task}") for note in prepared.notes)
    explicit = run(source=str(tmp_path / "d.csv"), target="y", task=task)
    assert explicit.parts["dev"].y.tobytes() == prepared.parts["dev"].y.tobytes()


def test_few_rows_with_eleven_values_are_a_quantity(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{k},{k % 11}\n" for k in range(200)))
    assert run(source=str(tmp_path / "d.csv"), target="y").facts.task == "regression"
    assert run(source=str(tmp_path / "d.csv"), target="y", task="multiclass").facts.task == "multiclass"


def test_constant_columns_are_listed_and_warned_about(tmp_path: Path) -> None:
    rows = "".join(f"{k},5,{k % 2}\n" for k in range(40))
    (tmp_path / "d.csv").write_text("a,b,y\n" + rows)
    (tmp_path / "t.csv").write_text("a,b,y\n1,5,0\n2,6,1\n")
    prepared = run(
        source=str(tmp_path / "d.csv"), target="y", split={"files": SplitFiles(test=str(tmp_path / "t.csv"))}
    )
    notes = "\n".join(prepared.notes)
    assert "1 column is constant in the training set and becomes 0: b" in notes
    assert "warning: constant in train, but not in test: b" in notes
    assert all((part.X[:, 1] == 0).all() for part in prepared.parts.values())


def test_copies_of_training_rows_are_counted(tmp_path: Path) -> None:
    source = table(tmp_path / "d.csv", 40)
    (tmp_path / "t.csv").write_text("a,b,y\n" + "0,0,0\n1,1,1\n1000,1,1\n")
    files = SplitFiles(test=str(tmp_path / "t.csv"))
    prepared = run(source=source, target="y", split={"files": files, "train": 1.0, "dev": 0})
    assert any(
        "duplicates: rows with the same inputs as a training row: 2 of 3 in test" in note for note in prepared.notes
    )
    assert not any(note.startswith("duplicates") for note in run(source=source, target="y").notes)


def test_a_class_may_lack_where_stratify_is_false(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{k},{int(k >= 38)}\n" for k in range(40)))
    prepared = run(
        source=str(tmp_path / "d.csv"), target="y", split={"train": 39, "dev": 1, "test": 0, "stratify": False}
    )
    assert any("does not occur in dev: its error says nothing of them" in note for note in prepared.notes)


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    source = table(tmp_path / "d.csv")
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    assert run(source=source, target="y").sha256 == digest
    moved = tmp_path / "other.csv"
    moved.write_bytes(Path(source).read_bytes())
    assert run(source=str(moved), target="y").sha256 == digest
    moved.write_bytes(Path(source).read_bytes() + b"7,7,1\n")
    assert run(source=str(moved), target="y").sha256 != digest


def test_gzip_gives_the_same_parts(tmp_path: Path) -> None:
    source = table(tmp_path / "d.csv")
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(Path(source).read_bytes()))
    one, two = run(source=source, target="y"), run(source=source + ".gz", target="y")
    assert all(one.parts[part].X.tobytes() == two.parts[part].X.tobytes() for part in one.parts)


def test_regression_is_standardized_by_the_training_rows(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{k},{k * 2.5}\n" for k in range(100)))
    prepared = run(source=str(tmp_path / "d.csv"), target="y", dtype="float64")
    train = prepared.parts["train"]
    assert train.y.mean() == pytest.approx(0, abs=1e-12) and train.y.std() == pytest.approx(1)
    assert prepared.preparation.decode(train.y) == pytest.approx(train.rows * 2.5)
    assert prepared.facts.classes == ()


@needs_real
def test_mnist_trains_as_it_lies() -> None:
    assert REAL
    arrays = {"train": ["x_train", "y_train"], "test": ["x_test", "y_test"]}
    prepared = run(source=str(Path(REAL) / "mnist" / "mnist.npz"), arrays=arrays, target="label")
    assert prepared.facts.parts == {"train": 54_000, "dev": 6_000, "test": 10_000}
    assert prepared.preparation.image_shape == (28, 28)
    # The mean and deviation of MNIST's training images that everyone quotes: 0.1307 and 0.3081 of 255.
    assert prepared.preparation.mu[0] / 255 == pytest.approx(0.1307, abs=2e-3)
    assert prepared.preparation.sigma[0] / 255 == pytest.approx(0.3081, abs=2e-3)
    assert prepared.parts["train"].X.dtype == np.float32
    assert np.abs(prepared.parts["test"].X).max() < 3
    assert prepared.preparation.target == "label"


@needs_real
def test_california_housing_is_regression() -> None:
    assert REAL
    source = Path(REAL) / "california_housing" / "california_8features.csv"
    prepared = run(source=str(source), target="MedHouseVal")
    assert prepared.facts.task == "regression" and prepared.facts.n_x == 8
    values = np.loadtxt(source, delimiter=",", skiprows=1)
    train = values[prepared.parts["train"].rows]
    assert prepared.preparation.mu == pytest.approx(train[:, :8].mean(axis=0))
    assert prepared.preparation.sigma == pytest.approx(train[:, :8].std(axis=0))
    assert prepared.preparation.target_sd == pytest.approx(train[:, 8].std())


@needs_real
def test_pendigits_with_its_official_test_file() -> None:
    assert REAL
    folder = Path(REAL) / "pendigits"
    files = SplitFiles(test=str(folder / "pendigits_test.csv"))
    prepared = run(source=str(folder / "pendigits_train.csv"), target="digit", split={"files": files})
    assert prepared.facts.parts == {"train": 6745, "dev": 749, "test": 3498}
    test = np.loadtxt(folder / "pendigits_test.csv", delimiter=",", skiprows=1)
    assert prepared.parts["test"].y.tolist() == test[:, 16].tolist()


@needs_real
def test_titanic_says_all_that_is_missing_at_once_and_what_is_suspicious() -> None:
    from dltrain.errors import InputError

    assert REAL
    source = str(Path(REAL) / "titanic" / "train.csv")
    with pytest.raises(
        InputError, match=r"866 cells are missing, the first here \(Age: 177, Cabin: 687, Embarked: 2\)"
    ):
        run(source=source, target="Survived")
    notes = run(source=source, target="Survived", missing="median").notes
    said = [note for note in notes if "Name" in note or "PassengerId" in note]
    assert len(said) == 2 and all(note.startswith("identifier: ") for note in said)


def test_float64_is_float64() -> None:
    prepared = run(source="breast_cancer", dtype="float64")
    assert all(part.X.dtype == np.float64 for part in prepared.parts.values())
    assert prepared.preparation.dtype == "float64"
