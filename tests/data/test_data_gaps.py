"""Gaps, categories, dates, weights and spellings: read, fitted on the training rows alone, and read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment, Split
from dltrain.data import Prepared, prepare, read_rows
from dltrain.data.fitting.preparation import Preparation
from dltrain.data.readers import fast as fast_reader
from dltrain.errors import Damaged, InputError

PEOPLE = """age,sex,joined,city,y
20,m,2020-01-01,Rome,0
30,f,2020-01-02,Rome,1
,f,2020-01-03,Oslo,0
40,m,2020-01-04 12:00,Oslo,1
50,?,2020-01-05,Bern,1
30,m,NA,Rome,0
"""


def run(path: Path, content: str, split: dict[str, Any] | None = None, **keys: Any) -> Prepared:
    path.write_text(content)
    whole = {"train": 1.0, "dev": 0.0, "test": 0.0} if split is None else split
    data = Data(source=str(path), target="y", **keys)
    return prepare(Experiment(data=data, split=Split(**{"stratify": False, **whole})))


def column(prepared: Prepared, name: str, part: str = "train") -> list[float]:
    return prepared.parts[part].X[:, prepared.preparation.inputs.index(name)].tolist()


def test_every_kind_of_column_by_hand(tmp_path: Path) -> None:
    got = run(tmp_path / "d.csv", PEOPLE, missing="mean", normalize="none")
    assert got.preparation.kinds == ("number", "category", "date", "category")
    assert got.preparation.inputs == (
        *("age", "age is missing", "sex = f", "sex = m", "sex is missing", "joined", "joined is missing"),
        *("city = Oslo", "city = Rome", "city = other"),
    )
    assert column(got, "age") == [20, 30, 34, 40, 50, 30]
    assert column(got, "age is missing") == [0, 0, 1, 0, 0, 0]
    assert column(got, "sex = m") == [1, 0, 0, 1, 1, 1]  # m is the most frequent
    assert column(got, "sex is missing") == [0, 0, 0, 0, 1, 0]
    assert column(got, "joined")[3] - column(got, "joined")[0] == 3.5
    assert column(got, "city = other") == [0, 0, 0, 0, 1, 0]  # seen once
    assert got.facts.n_x == 10


@pytest.mark.parametrize(("missing", "filled"), [("median", 30.0), ("most_frequent", 30.0), ("mean", 34.0)])
def test_fills(tmp_path: Path, missing: str, filled: float) -> None:
    got = run(tmp_path / "d.csv", PEOPLE, missing=missing, missing_indicator=False, normalize="none")
    assert column(got, "age")[2] == filled
    assert not got.preparation.indicators


def test_numbers_are_scaled_after_they_are_filled_and_one_hot_columns_are_not(tmp_path: Path) -> None:
    got = run(tmp_path / "d.csv", PEOPLE, missing="mean")
    ages = np.array([20, 30, 34, 40, 50, 30])
    assert np.allclose(column(got, "age"), (ages - ages.mean()) / ages.std())
    assert set(column(got, "sex = f")) == {0, 1}


def test_dropped_rows_keep_their_numbers(tmp_path: Path) -> None:
    got = run(tmp_path / "d.csv", PEOPLE + "60,m,2020-01-07,Rome,\n70,f,2020-01-08,Rome,0\n", missing="drop")
    assert got.parts["train"].rows.tolist() == [0, 1, 3, 7]
    assert any("1 of 8 rows" in note and "have no y (the target) and are left out" in note for note in got.notes)
    assert any("3 of 7 rows" in note and "have gaps and are left out" in note for note in got.notes)


@pytest.mark.parametrize("missing", ["mean", "median", "most_frequent"])
def test_rows_without_a_target_are_left_out_where_inputs_are_filled(tmp_path: Path, missing: str) -> None:
    got = run(tmp_path / "d.csv", PEOPLE + "60,m,2020-01-07,Rome,\n70,f,2020-01-08,Rome,0\n", missing=missing)
    assert got.parts["train"].rows.tolist() == [0, 1, 2, 3, 4, 5, 7], "gaps in inputs keep their rows"
    assert [note for note in got.notes if "left out" in note] == [
        f"missing: 1 of 8 rows of {tmp_path / 'd.csv'} have no y (the target) and are left out"
    ]
    again = run(tmp_path / "e.csv", PEOPLE + "70,f,2020-01-08,Rome,0\n", missing=missing)
    assert np.array_equal(got.parts["train"].X, again.parts["train"].X)


def test_no_target_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.target: y has no value in any row of"):
        run(tmp_path / "d.csv", "a,y\n1,\n2,\n3,\n", missing="mean")


def test_fitted_on_the_training_rows_alone(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'abc'[n % 3]},{n % 2}\n" for n in range(60))
    first = run(
        tmp_path / "a.csv",
        "x,c,y\n" + rows + "5,new,1\n,b,0\n",
        {"by": "files"} | files(tmp_path, rows),
        missing="mean",
    )
    assert first.preparation.categories["c"] == ("a", "b", "c")
    assert "x is missing" not in first.preparation.inputs
    assert "unknown: c holds 'new' in dev, but not in train" in first.notes
    dev = first.parts["dev"].X[:, 1:]
    assert dev.tolist()[0] == [0, 0, 0]  # a name that training never saw
    assert abs(first.parts["dev"].X[1, 0]) < 1e-6  # the training mean, but for rounding


def files(folder: Path, rows: str) -> dict[str, Any]:
    from dltrain.config.records import SplitFiles

    (folder / "train.csv").write_text("x,c,y\n" + rows)
    (folder / "dev.csv").write_text("c,y,x\nnew,1,5\nb,0,\na,1,3\n")
    named = SplitFiles(train=str(folder / "train.csv"), dev=str(folder / "dev.csv"))
    return {"files": named, "train": None, "dev": None, "test": None}


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_new_rows_are_read_as_the_training_rows_were(tmp_path: Path, chunk: int) -> None:
    got = run(tmp_path / "d.csv", PEOPLE, missing="median")
    again = Preparation.from_json(json.loads(json.dumps(got.preparation.to_json())))
    assert again.inputs == got.preparation.inputs
    pieces = [again.transform(rows.X) for rows in read_rows(tmp_path / "d.csv", again, chunk=chunk)]
    assert np.array_equal(np.vstack(pieces), got.parts["train"].X)
    (tmp_path / "new.csv").write_text("city,joined,age,sex\nParis,,,x\n")
    (new,) = [again.transform(rows.X) for rows in read_rows(tmp_path / "new.csv", again)]
    named = dict(zip(again.inputs, new[0].tolist(), strict=True))
    assert named["city = other"] == 1 and named["sex = f"] == named["sex = m"] == 0
    assert named["age is missing"] == named["joined is missing"] == 1 and named["sex is missing"] == 0


def test_a_gap_where_training_had_none_is_refused(tmp_path: Path) -> None:
    got = run(tmp_path / "d.csv", "x,c,y\n1,a,0\n2,b,1\n3,a,0\n4,b,1\n")
    (tmp_path / "new.csv").write_text("x,c\n1,\n")
    with pytest.raises(InputError, match=r"new.csv:2:2: 1 cell is missing \(c: 1\); the model was trained on rows"):
        list(read_rows(tmp_path / "new.csv", got.preparation))
    with pytest.raises(InputError, match="x: a value is missing"):
        got.preparation.transform(np.array([[np.nan, 0.0]]))


def test_missing_values_are_those_of_the_config(tmp_path: Path) -> None:
    rows = "x,c,y\n1,NA,0\n2,b,1\n3,NA,0\n-9,b,1\n"
    got = run(tmp_path / "d.csv", rows, missing="mean", missing_values=["-9"], normalize="none")
    assert "c = NA" in got.preparation.inputs and column(got, "x") == [1, 2, 3, 2]
    assert got.preparation.indicators == ("x",)


def test_words_after_many_numbers_make_a_category(tmp_path: Path) -> None:
    rows = [f"{n},{n % 2}\n" for n in range(1500)] + [f"w{n % 7},{n % 2}\n" for n in range(1500)]
    got = run(tmp_path / "d.csv", "x,y\n" + "".join(rows))
    assert got.preparation.kinds == ("category",)


def test_a_few_words_among_numbers_are_typing_errors(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 2}\n" for n in range(50)) + "x7,1\n"
    with pytest.raises(InputError, match="d.csv:52:1: x: 'x7' is not a number"):
        run(tmp_path / "d.csv", "x,y\n" + rows)


def test_a_bad_date_is_told(tmp_path: Path) -> None:
    rows = "".join(f"2020-01-{n:02},{n % 2}\n" for n in range(1, 30)) + "31.1.2020,1\n"
    with pytest.raises(InputError, match=r"d.csv:31:1: x: '31.1.2020' is not a date \(expected YYYY-MM-DD\)"):
        run(tmp_path / "d.csv", "x,y\n" + rows)


def test_both_readers_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = PEOPLE.replace("Rome", '"Rome, IT"') * 1
    exact = run(tmp_path / "d.csv", content, missing="median")
    monkeypatch.setattr(fast_reader, "FAST_FROM", 0)
    quick = run(tmp_path / "d.csv", content, missing="median")
    assert np.array_equal(exact.parts["train"].X, quick.parts["train"].X)
    assert exact.preparation.to_json() == quick.preparation.to_json()


def test_weights_and_class_weights(tmp_path: Path) -> None:
    rows = "x,w,y\n1,1,0\n2,3,0\n3,0,0\n4,2,1\n5,4,1\n"
    got = run(tmp_path / "d.csv", rows, weight="w", class_weights="balanced")
    weights = got.parts["train"].weights
    assert weights is not None and weights.tolist() == [0.5, 1.5, 0, 1, 2]
    assert got.preparation.inputs == ("x",)
    assert got.preparation.class_weights == (1.25, 10 / 12)  # by the examples' weights, 4 and 6
    got = run(tmp_path / "d.csv", rows, exclude=["w"], class_weights={"1": 6})
    assert got.preparation.class_weights == (1 / 3, 2.0)


@pytest.mark.parametrize(
    ("rows", "keys", "line"),
    [
        ("1,-1,0\n2,1,1\n", {"weight": "w"}, "d.csv:2: the weight -1.0 is no number from 0 on"),
        ("1,a,0\n2,1,1\n", {"weight": "w"}, "d.csv:2: the weight 'a' is not a number"),
        ("1,0,0\n2,0,1\n1,0,0\n2,0,1\n", {"weight": "w"}, "data.weight: every training row has weight 0"),
        ("1,1,no\n2,1,yes\n1,1,no\n2,1,yes\n", {"class_weights": {"yess": 1}}, "there is no class 'yess'; did you mean yes?"),
        (",1,0\n,1,1\n", {"missing": "drop"}, "data.missing: every row of"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, rows: str, keys: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        run(tmp_path / "d.csv", "x,w,y\n" + rows, **keys)
    assert line in str(caught.value)


def test_label_map(tmp_path: Path) -> None:
    rows = "x,y\n1,no\n2,yes.\n3,no.\n4,yes\n"
    got = run(tmp_path / "d.csv", rows, label_map={"no.": "no", "yes.": "yes", "maybe": "no"})
    assert got.preparation.classes == ("no", "yes") and got.parts["train"].y.tolist() == [0, 1, 0, 1]
    assert any("no row is labelled 'maybe'" in note for note in got.notes)
    assert got.preparation.encode(np.array(["no.", "yes"], dtype=object)).tolist() == [0, 1]


@pytest.mark.parametrize(
    "damage",
    [{"kinds": ["number"]}, {"fills": {"age": 1.0}}, {"categories": {}}, {"indicators": ["nobody"]}, {"others": ["age"]}],
)  # fmt: skip
def test_a_damaged_record_is_named(tmp_path: Path, damage: dict[str, Any]) -> None:
    got = run(tmp_path / "d.csv", PEOPLE, missing="median")
    with pytest.raises(Damaged, match="damaged"):
        Preparation.from_json({**got.preparation.to_json(), **damage})
