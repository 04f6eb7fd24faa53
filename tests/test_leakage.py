"""Nothing leaks from dev, test and train_dev into training; and what does is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain import leakage
from dltrain.config.records import Data, Experiment, Split, SplitFiles
from dltrain.data import prepare as prepare_data
from dltrain.data.large import store
from dltrain.data.preparing import Prepared, Tables, finish, read_and_split
from dltrain.data.raw import Raw, as_text
from dltrain.data.suspicion.perturbing import far_off, other_classes, other_codes, perturbed
from dltrain.errors import InputError
from dltrain.leakage import Report

REAL = os.environ.get("DLTRAIN_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder of real data sets")
SIZE, COLOURS = 120, ("red", "green", "blue")


def mixed(path: Path, start: int = 0, n: int = SIZE, quantity: bool = False) -> Path:
    """Numbers, categories, dates, gaps, weights; a class or a quantity."""
    rows = []
    for k in range(start, start + n):
        colour = "" if k % 11 == 0 else COLOURS[k % 7 % 3]
        size = "" if k % 5 == 2 else f"{k * k % 97 / 3:.3f}"
        target = f"{k * 37 % 101 / 7:.3f}" if quantity else ("no", "yes", "maybe")[k % 3]
        rows.append(f"{k % 13},{size},{colour},2024-0{1 + k % 9}-11,{1 + k % 4},{target}\n")
    path.write_text("count,size,colour,day,w,y\n" + "".join(rows))
    return path


def experiment(source: Path | str, split: dict[str, Any] | None = None, **data: Any) -> Experiment:
    data = {"target": "y", "missing": "median", "weight": "w"} | data
    return Experiment(data=Data(source=str(source), **data), split=Split(**(split or {})))


def checked(given: Experiment) -> Report:
    return leakage.check(given, prepare_data(given))


@pytest.mark.parametrize("quantity", (False, True))
@pytest.mark.parametrize("missing", ("mean", "median", "most_frequent", "drop"))
@pytest.mark.parametrize("normalize", ("standard", "minmax", "none"))
def test_nothing_leaks(tmp_path: Path, quantity: bool, missing: str, normalize: str) -> None:
    weights = None if quantity else "balanced"
    given = experiment(
        mixed(tmp_path / "a.csv", quantity=quantity), missing=missing, normalize=normalize, class_weights=weights
    )
    report = checked(given)
    assert report.leaks == () and [one.part for one in report.changed] == ["dev", "test"]
    names = {one.name for one in report.compared}
    assert {"train.X", "train.y", "train.weights", "train.rows", "preparation.mu", "preparation.sigma"} <= names
    assert {"preparation.categories", "preparation.inputs", "preparation.kinds", "facts"} <= names
    for one in report.changed:
        assert one.cells == 4 * one.rows and one.targets == one.moved == one.rows and one.categories > 0
        assert (one.gaps > 0) == (missing != "drop")


def test_files_of_their_own_and_train_dev(tmp_path: Path) -> None:
    files = SplitFiles(test=str(mixed(tmp_path / "test.csv", start=500, n=40)))
    given = experiment(
        mixed(tmp_path / "a.csv"), split={"files": files, "train": 0.8, "dev": 0.2, "train_dev": 0.1, "test": None}
    )
    report = checked(given)
    assert report.leaks == () and {one.part: one.rows for one in report.changed}["test"] == 40
    assert [one.part for one in report.changed] == ["train_dev", "dev", "test"]


def test_images_of_bytes() -> None:
    report = checked(Experiment(data=Data(source="digits")))
    assert report.leaks == ()
    assert all(one.cells == 64 * one.rows for one in report.changed)


@pytest.mark.parametrize("far", (False, True))
def test_tables_that_are_kept_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: bool) -> None:
    monkeypatch.setattr(store, "LARGE", 100)
    path = mixed(tmp_path / "a.csv", n=5000)
    if far:
        path.write_text(
            "".join(f"16{line}" if n else line for n, line in enumerate(path.read_text().splitlines(keepends=True)))
        )
    given = experiment(path)
    assert isinstance(read_and_split(given).drawn["train"].raw.X, store.Stored)
    assert checked(given).leaks == ()


# What leaks is found


def seen(one: Callable[[Experiment, Tables], Prepared]) -> Callable[[Experiment], Prepared]:
    return lambda given: one(given, read_and_split(given))


def fitted_on_all_rows(given: Experiment, tables: Tables) -> Prepared:
    """The classic mistake: everything is fitted before the split."""
    train = tables.drawn["train"]
    everywhere = replace(tables, drawn={"train": replace(train, rows=np.arange(train.raw.n))})
    wrong = finish(given, everywhere).preparation
    right = finish(given, tables)
    X = wrong.transform(train.raw.X, train.rows, train.raw.vocabularies)
    return replace(right, preparation=wrong, parts=right.parts | {"train": replace(right.parts["train"], X=X)})


def weighted_by_all_rows(given: Experiment, tables: Tables) -> Prepared:
    right = finish(given, tables)
    train = right.parts["train"]
    assert train.weights is not None
    mean = tables.drawn["train"].raw.extras["weight"].mean()
    return replace(right, parts=right.parts | {"train": replace(train, weights=train.weights / mean)})


def categories_of_all_rows(given: Experiment, tables: Tables) -> Prepared:
    right = finish(given, tables)
    names = {"colour": tuple(sorted(tables.drawn["train"].raw.vocabularies["colour"]))}
    return replace(right, preparation=replace(right.preparation, categories=names))


def targets_encoded_over_all_rows(given: Experiment, tables: Tables) -> Prepared:
    """An input that holds the mean target of its category, over the whole table."""
    right = finish(given, tables)
    raw, train = tables.drawn["train"].raw, right.parts["train"]
    assert raw.y is not None
    shares = [np.mean(raw.y[raw.X[:, 0] == value] == "yes") for value in raw.X[train.rows, 0]]
    X = train.X.copy()
    X[:, 0] = shares
    return replace(right, parts=right.parts | {"train": replace(train, X=X)})


@pytest.mark.parametrize(
    ("wrong", "expected"),
    (
        (fitted_on_all_rows, {"train.X", "preparation.mu", "preparation.sigma", "preparation.fills"}),
        (weighted_by_all_rows, {"train.weights"}),
        (categories_of_all_rows, {"preparation.categories", "preparation.inputs"}),
        (targets_encoded_over_all_rows, {"train.X"}),
    ),
)
def test_a_leaking_preparation_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any, expected: set[str]
) -> None:
    given = experiment(mixed(tmp_path / "a.csv"))
    before = seen(wrong)(given)
    monkeypatch.setattr(leakage, "finish", wrong)
    leaks = set(leakage.check(given, before).leaks)
    assert expected <= leaks
    assert leaks == expected or wrong is fitted_on_all_rows


def test_one_bit_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_one_bit(given: Experiment, tables: Tables) -> Prepared:
        right = finish(given, tables)
        right.parts["train"].X[3, 1] = np.nextafter(right.parts["train"].X[3, 1], np.float32(9))
        return right

    given = experiment(mixed(tmp_path / "a.csv"))
    before = prepare_data(given)
    monkeypatch.setattr(leakage, "finish", off_by_one_bit)
    report = leakage.check(given, before)
    assert report.leaks == ("train.X",)
    assert [one["name"] for one in report.to_json()["compared"] if not one["same"]] == ["train.X"]


def test_a_perturbation_that_reaches_nothing_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = experiment(mixed(tmp_path / "a.csv"))
    before = prepare_data(given)
    monkeypatch.setattr(leakage, "finish", lambda *_: before)
    with pytest.raises(InputError, match="did not reach the network"):
        leakage.check(given, before)


def test_train_alone_has_nothing_to_leak_from(tmp_path: Path) -> None:
    given = experiment(mixed(tmp_path / "a.csv"), split={"train": 1.0, "dev": 0, "test": 0})
    with pytest.raises(InputError, match="all rows are in train"):
        checked(given)


# The perturbation


@given(
    st.lists(st.floats(-1e300, 1e300) | st.just(np.nan) | st.just(-0.0), min_size=1),
    st.sampled_from((np.float64, np.float32, np.int64, np.uint8, np.bool_)),
)
def test_every_number_becomes_another(values: list[float], dtype: Any) -> None:
    with np.errstate(all="ignore"):
        given = np.array(values).astype(dtype)
    if given.dtype.kind == "f" and np.isinf(given).any():
        return
    other = far_off(given)
    assert other.dtype == given.dtype and (other != given).all() and np.isfinite(other).all()


@given(st.lists(st.integers(0, 5) | st.just(np.nan), min_size=1), st.integers(6, 9))
def test_every_category_becomes_another(codes: list[float], size: int) -> None:
    other = other_codes(np.array(codes, dtype=np.float64), size)
    assert (other != np.array(codes)).all() and ((other >= 0) & (other < size + 3)).all()
    assert (other_codes(np.zeros(4), 1) >= 1).all()


def test_every_class_becomes_another_of_train() -> None:
    y = as_text(["b", "a", "c", "a"])
    assert other_classes(y, y).tolist() == ["c", "b", "a", "b"]
    assert other_classes(np.array([7, 0, 3]), np.array([3, 0, 7, 7])).tolist() == [0, 3, 7]


def test_kept_rows_stay_and_names_are_new() -> None:
    raw = Raw(
        X=np.array([[0.0, 1.0], [1.0, np.nan], [0.0, 3.0]]),
        y=as_text(["a", "b", "a"]),
        features=("kind", "x"),
        target="y",
        columns=("kind", "x", "y"),
        kinds=("category", "number"),
        vocabularies={"kind": ("perturbed 1", "q")},
        extras={"weight": np.array([1.0, 2.0, 3.0])},
    )
    made = perturbed(raw, np.array([1]), as_text(["a", "b"]), quantity=False, gaps=False)
    assert made.raw.X[1].tolist()[0] == 1.0 and np.isnan(made.raw.X[1, 1]) and made.raw.y is not None
    assert made.raw.y.tolist() == ["b", "b", "b"] and made.raw.extras["weight"].tolist() == [4.0, 2.0, 10.0]
    assert made.raw.vocabularies["kind"] == ("perturbed 1", "q", "perturbed 2", "perturbed 3", "perturbed 4")
    assert made.cells.tolist() == [2, 0, 2] and made.targets.tolist() == [1, 0, 1]
    assert raw.X[0, 1] == 1.0  # the given table is left alone


# Real data


@needs_real
@pytest.mark.parametrize(
    ("source", "data"),
    (
        ("titanic/train.csv", {"target": "Survived", "missing": "median"}),
        ("california_housing/housing.csv", {"target": "median_house_value", "missing": "mean"}),
        ("bike_sharing/day.csv", {"target": "cnt"}),
    ),
)
def test_real_data(source: str, data: dict[str, Any]) -> None:
    report = checked(Experiment(data=Data(source=str(Path(REAL or "") / source), **data)))
    assert report.leaks == () and all(one.moved == one.targets == one.rows for one in report.changed)
