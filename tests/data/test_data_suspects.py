"""What is suspicious in the training rows: found where it is, and nothing said of sound data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dltrain.config.records import Data, Experiment
from dltrain.data import prepare
from dltrain.data.preparing import read_and_split
from dltrain.data.raw import as_text
from dltrain.data.suspicion.affine import least_squares, pair_r2, written
from dltrain.data.suspicion.suspects import Suspect, suspects

REAL = os.environ.get("DLTRAIN_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="DLTRAIN_TEST_DATA names no folder of real data sets")


def find(
    columns: dict[str, Any], y: Any, task: Any = "regression", rows: Any = None, categories: tuple[str, ...] = ()
) -> tuple[Suspect, ...]:
    X = np.column_stack([np.asarray(values, dtype=np.float64) for values in columns.values()])
    kinds: Any = tuple("category" if name in categories else "number" for name in columns)
    names = {name: tuple(f"v{code}" for code in range(int(np.nanmax(columns[name])) + 1)) for name in categories}
    y = as_text(list(y)) if isinstance(y[0], str) else np.asarray(y)
    chosen = np.arange(len(X)) if rows is None else rows
    return suspects(X, kinds, tuple(columns), names, y, task, chosen, "y")


def told(found: tuple[Suspect, ...]) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.kind, one.columns) for one in found}


def noise(rng: np.random.Generator, n: int, k: int = 3) -> dict[str, NDArray[np.float64]]:
    return {f"x{j}": rng.normal(size=n) for j in range(k)}


# Identifiers


def test_numbers_of_the_rows_in_any_order(rng: np.random.Generator) -> None:
    found = find({"PassengerId": 1 + rng.permutation(500), **noise(rng, 500)}, rng.normal(size=500))
    assert [one.text for one in found] == [
        "identifier: PassengerId numbers the rows; leave it out with data.exclude: [PassengerId]"
    ]


def test_numbers_in_steps_with_other_rows_between(rng: np.random.Generator) -> None:
    rows = np.sort(rng.permutation(1000)[:600])
    (found,) = find({"t": 3600.0 * np.arange(1000), **noise(rng, 1000)}, rng.normal(size=1000), rows=rows)
    assert found.text.startswith("identifier: t numbers the rows in steps of 3600;")


def test_far_apart_numbers_are_identifiers_only_if_called_so(rng: np.random.Generator) -> None:
    numbers = rng.permutation(10**7)[:300].astype(float)
    y = rng.normal(size=300)
    assert told(find({"customer_id": numbers, "v": rng.normal(size=300)}, y)) == {("identifier", ("customer_id",))}
    for name in ("population", "paid", "acid", "humid", "idea"):
        assert not find({name: numbers, "v": rng.normal(size=300)}, y)


@pytest.mark.parametrize("seed", range(5))
def test_whole_numbers_that_repeat_by_chance_are_none(seed: int) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    spans = (50, 100, 500, 1000, 2000)
    columns = {f"x{span}": rng.integers(0, span, 100) for span in spans}
    assert not find(columns, rng.normal(size=100))


def test_names_of_rows_and_many_categories(rng: np.random.Generator) -> None:
    names, tickets = rng.permutation(400), rng.integers(0, 150, 400)
    found = find(
        {"name": names, "ticket": tickets, "sex": rng.integers(0, 2, 400)},
        rng.integers(0, 2, 400),
        "binary",
        categories=("name", "ticket", "sex"),
    )
    assert told(found) == {("identifier", ("name",)), ("high cardinality", ("ticket",))}
    counts = np.unique(tickets, return_counts=True)[1]
    inputs = int((counts > 1).sum() + (counts == 1).any())
    assert f"ticket has {len(counts)} categories in 400 training rows and becomes {inputs} inputs" in found[1].text


def test_few_rows_and_more_than_ten_categories(rng: np.random.Generator) -> None:
    y = rng.integers(0, 2, 60)
    twelve, ten = np.arange(60) % 12, np.arange(60) % 10
    found = find({"a": twelve, "b": ten}, y, "binary", categories=("a", "b"))
    assert told(found) == {("high cardinality", ("a",))}


def test_mostly_missing_is_more_than_half(rng: np.random.Generator) -> None:
    columns = noise(rng, 100, 2)
    columns["x0"][:51], columns["x1"][:50] = np.nan, np.nan
    (found,) = find(columns, rng.normal(size=100))
    assert found.columns == ("x0",) and "no value in 51% of the training rows" in found.text


# Determination


def test_a_rescaled_target(rng: np.random.Generator) -> None:
    y = rng.normal(size=300)
    (found,) = find({"f": 32 + 1.8 * y, **noise(rng, 300)}, y)
    assert found.kind == "determines" and found.columns == ("f",)
    assert "f alone gives y (y = 0.555556 f - 17.7778)" in found.text


@pytest.mark.parametrize("sign", (1, -1))
def test_a_monotone_map_of_the_target_and_its_rounding(rng: np.random.Generator, sign: int) -> None:
    y = rng.lognormal(size=400)
    word = "falls" if sign > 0 else "rises"
    for column in (sign * np.log(y), sign * np.floor(20 * y)):
        found = [one for one in find({"z": column, **noise(rng, 400)}, y) if one.columns == ("z",)]
        assert len(found) == 1 and found[0].kind == "determines" and f"never {word}" in found[0].text


@pytest.mark.parametrize(
    ("formula", "text"),
    (((1.0, 1.0, 0.0), "a + b"), ((1.0, -1.0, 0.0), "a - b"), ((2.0, -0.5, 3.0), "2 a - 0.5 b + 3")),
)
def test_two_columns_of_which_the_target_is_an_affine_map(
    rng: np.random.Generator, formula: tuple[float, float, float], text: str
) -> None:
    a, b = rng.integers(0, 500, 400), rng.integers(0, 300, 400)
    y = formula[0] * a + formula[1] * b + formula[2]
    found = [one for one in find({"a": a, "b": b, **noise(rng, 400)}, y) if one.kind == "determines"]
    assert len(found) == 1 and found[0].columns == ("a", "b") and f"(y = {text})" in found[0].text


def test_gaps_do_not_hide_a_sum(rng: np.random.Generator) -> None:
    columns = noise(rng, 500, 4)
    y = columns["x1"] + columns["x3"]
    for values in columns.values():
        values[rng.random(500) < 0.3] = np.nan
    assert told(find(columns, y)) == {("determines", ("x1", "x3"))}


def test_a_short_time_between_two_late_dates(rng: np.random.Generator) -> None:
    start = 1.7e9 + np.sort(rng.uniform(0, 1e7, 1000))
    y = rng.uniform(60, 3600, 1000)
    found = find({"start": start, "end": start + y, "v": rng.normal(size=1000)}, y)
    assert ("determines", ("start", "end")) in told(found)


def test_a_single_column_is_enough_no_pair_is_told(rng: np.random.Generator) -> None:
    y = rng.normal(size=300)
    assert told(find({"copy": y, **noise(rng, 300)}, y)) == {("determines", ("copy",))}


def test_noise_of_half_a_percent_is_no_determination(rng: np.random.Generator) -> None:
    columns = noise(rng, 2000)
    y = columns["x0"] + columns["x1"] + 0.01 * rng.normal(size=2000)
    assert not find(columns, y)


def test_a_score_whose_ranges_are_the_classes(rng: np.random.Generator) -> None:
    score = rng.uniform(0, 100, 200)
    y = np.digitize(score, (40, 70))
    (found,) = find({"score": score, **noise(rng, 200)}, [("bad", "fair", "good")[code] for code in y], "multiclass")
    assert "score alone gives y: each class is a range of it" in found.text
    assert not find({"score": score + 20 * rng.normal(size=200), **noise(rng, 200)}, y, "multiclass")


def test_a_code_that_maps_to_one_class(rng: np.random.Generator) -> None:
    code = rng.integers(0, 12, 300)
    y = np.array([0, 1, 1, 0, 2, 2, 0, 1, 2, 0, 1, 2])[code]
    for categories in ((), ("code",)):
        found = find({"code": code, **noise(rng, 300)}, y, "multiclass", categories=categories)
        assert ("determines", ("code",)) in told(found)
        assert any("each of its 12 values has one class" in one.text for one in found)
    y[0] = (y[0] + 1) % 3
    found = find({"code": code, **noise(rng, 300)}, y, "multiclass", categories=("code",))
    assert not any(one.kind == "determines" for one in found)


def test_two_columns_of_few_values_together(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    found = find({"a": a, "b": b, **noise(rng, 300)}, a ^ b, "binary", categories=("a",))
    assert told(found) == {("determines", ("a", "b"))}
    assert "each of their 4 pairs of values has one class" in found[0].text


@pytest.mark.parametrize("seed", range(4))
def test_pure_groups_by_chance_are_not_told(seed: int) -> None:
    """Three rare positives among 200, and codes of five rows each: often pure but for one, sometimes wholly."""
    rng = np.random.Generator(np.random.Philox(seed))
    y = np.zeros(200, dtype=np.int64)
    y[:3] = 1
    columns = {f"c{j}": rng.integers(0, 40, 200) for j in range(60)}
    columns["c0"][:3] = 99  # pure, and no wonder among so many columns
    assert not [one for one in find(columns, y, "binary") if one.kind == "determines"]


def test_only_training_rows_are_looked_at(rng: np.random.Generator) -> None:
    columns = noise(rng, 400)
    y = columns["x0"] * 1.0
    y[200:] = rng.normal(size=200)
    assert told(find(columns, y, rows=np.arange(200))) == {("determines", ("x0",))}
    y[:200] = rng.normal(size=200)
    y[200:] = columns["x0"][200:]
    assert not find(columns, y, rows=np.arange(200))


def test_many_rows_are_sampled_and_what_the_sample_shows_is_verified(rng: np.random.Generator) -> None:
    columns = {name: values.round(2) for name, values in noise(rng, 50_000).items()}
    y = columns["x0"] - columns["x2"]
    assert told(find({**columns, "row": np.arange(50_000)}, y)) == {
        ("determines", ("x0", "x2")),
        ("identifier", ("row",)),
    }
    y[7::1000] = 40.0  # a sample of every tenth row hits few of these
    assert not [one for one in find(columns, y) if one.kind == "determines"]


def test_constant_columns_targets_and_empty_ones_break_nothing(rng: np.random.Generator) -> None:
    columns = {"flat": np.ones(50), "empty": np.full(50, np.nan), "x": rng.normal(size=50), "wide": np.full(50, 1e300)}
    columns["wide"][::2] = -1e300
    assert told(find(columns, rng.normal(size=50))) == {("mostly missing", ("empty",))}
    assert told(find(columns, np.zeros(50))) == {("mostly missing", ("empty",))}
    assert told(find({"x": [1.0, 2.0]}, [1.0, 2.0])) <= {("determines", ("x",))}


# The closed form


@given(st.integers(0, 2**32), st.floats(0, 0.4), st.sampled_from((1.0, 1e-8, 1e12)))
def test_r2_of_pairs_is_that_of_least_squares(seed: int, gaps: float, scale: float) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    X = rng.normal(size=(120, 3)) @ rng.normal(size=(3, 3)) * scale
    X[rng.random(X.shape) < gaps] = np.nan
    y = rng.normal(size=120) + 5
    r2 = pair_r2(X, y)
    for i in range(3):
        for j in range(i, 3):
            there = ~np.isnan(X[:, [i, j]]).any(axis=1)
            A = np.column_stack([X[there][:, sorted({i, j})] / scale, np.ones(there.sum())])
            off = y[there] - A @ np.linalg.lstsq(A, y[there], rcond=None)[0]
            expected = 1 - off @ off / ((y[there] - y[there].mean()) ** 2).sum()
            assert r2[i, j] == pytest.approx(expected if there.sum() >= 20 else 0.0, abs=1e-6)


def test_least_squares_and_how_it_is_written(rng: np.random.Generator) -> None:
    X = rng.normal(size=(50, 2))
    w, b, r2 = least_squares(X, 3 * X[:, 0] - X[:, 1] + 0.5)
    assert (*w, b, r2) == pytest.approx((3, -1, 0.5, 1))
    assert written(("p", "q"), w, b) == "3 p - q + 0.5" and written(("p",), -w[:1], 0.0) == "-3 p"
    assert least_squares(np.column_stack([X[:, 0], 2 * X[:, 0]]), X[:, 1])[2] == 0.0


# Real data


def found_in(path: str, target: str | int, missing: Any = "error") -> set[tuple[str, tuple[str, ...]]]:
    source = str(Path(REAL or "") / path)
    tables = read_and_split(Experiment(data=Data(source=source, target=target, missing=missing)))
    train = tables.drawn["train"]
    raw = train.raw
    kinds = raw.kinds or ("number",) * raw.X.shape[1]
    assert raw.y is not None
    return told(suspects(raw.X, kinds, raw.features, raw.vocabularies, raw.y, tables.task, train.rows, raw.target))


@needs_real
def test_titanic() -> None:
    assert found_in("titanic/train.csv", "Survived", "median") == {
        ("identifier", ("PassengerId",)),
        ("identifier", ("Name",)),
        ("high cardinality", ("Ticket",)),
        ("high cardinality", ("Cabin",)),
        ("mostly missing", ("Cabin",)),
    }


@needs_real
@pytest.mark.parametrize("name", ("hour", "day"))
def test_bike_sharing(name: str) -> None:
    assert found_in(f"bike_sharing/{name}.csv", "cnt") == {
        ("determines", ("casual", "registered")),
        ("identifier", ("instant",)),
    }


@needs_real
@pytest.mark.parametrize(
    ("path", "target"),
    (
        ("california_housing/california_8features.csv", "MedHouseVal"),
        ("california_housing/housing.csv", "median_house_value"),
        ("adult/adult-train.csv", -1),
        ("pendigits/pendigits_train.csv", "digit"),
    ),
)
def test_no_false_alarm(path: str, target: str | int) -> None:
    assert found_in(path, target, "most_frequent") == set()


@needs_real
def test_no_false_alarm_on_images() -> None:
    with np.load(Path(REAL or "") / "mnist/mnist.npz") as arrays:
        X, y = arrays["x_train"][:10_000].reshape(10_000, -1), arrays["y_train"][:10_000]
    names = tuple(f"pixel_{j}" for j in range(784))
    assert suspects(X, ("number",) * 784, names, {}, y, "multiclass", np.arange(10_000)) == ()


@pytest.mark.parametrize(("name", "task"), (("digits", "multiclass"), ("breast_cancer", "binary")))
def test_no_false_alarm_on_built_in_sets(name: str, task: Any) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    loaded = getattr(datasets, f"load_{name}")()
    k = loaded.data.shape[1]
    names = tuple(f"x{j}" for j in range(k))
    assert suspects(loaded.data, ("number",) * k, names, {}, loaded.target, task, np.arange(len(loaded.data))) == ()


# Numbers and dates in other spellings

SPELLINGS: dict[str, Any] = {
    "numbers": [
        lambda i: f"1,{i:03d}",
        lambda i: f"{i},5",
        lambda i: f"1.{i:03d}.000,50",
        lambda i: f"{i}%",
        lambda i: f"$ {i}.50",
        lambda i: f"{i} \u20ac",
        lambda i: f"\u2212{i}",
        lambda i: f"1'{i:03d}",
        lambda i: f"1 {i:03d}" if i % 2 else str(i),
    ],
    "dates": [
        lambda i: f"{1 + i % 12:02d}/{1 + i % 28:02d}/2024",
        lambda i: f"{1 + i % 28}.{1 + i % 12}.24 10:30",
        lambda i: f"2024/{1 + i % 12:02d}/{1 + i % 28:02d}",
    ],
    "": [
        lambda i: f"A/5 {i}",
        lambda i: f"{i % 9}-{i % 9 + 1}",
        lambda i: f"192.168.1.{i}",
        lambda i: ["1st", "2nd", "3rd", "4th"][i % 4],
        lambda i: ["<50", "50+"][i % 2],
        lambda i: f"town {i % 5}",
        lambda i: f"{i % 5}:30",
    ],
}


@pytest.mark.parametrize("what, say", [(what, say) for what, every in SPELLINGS.items() for say in every])
def test_numbers_and_dates_read_as_words_are_told_with_how_to_write_them(tmp_path: Path, what: str, say: Any) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,y\n" + "".join(f'"{say(i)}",{i % 2}\n' for i in range(60)), encoding="utf-8")
    notes = prepare(Experiment(data=Data(source=str(path), target="y"))).notes
    found = [note for note in notes if "read as words" in note]
    if what:
        assert len(found) == 1 and found[0].startswith(f"{what} read as words: x holds ")
        assert found[0].endswith("or leave it out with data.exclude: [x]")
        assert not [note for note in notes if note.startswith(("identifier", "high cardinality"))]
    else:
        assert not found
