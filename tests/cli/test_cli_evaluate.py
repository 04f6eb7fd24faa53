"""`dltrain evaluate`: errors on each part and on new files, and the record of looks at the test part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call, table, two_kinds

from dltrain import load, runs


@pytest.fixture
def own(shelf: Path, empty_folder: Path) -> Path:
    """The shelf's data, and runs of one's own to look at."""
    shutil.copytree(shelf / "runs", "runs")
    return shelf


@pytest.mark.parametrize("part, n", [("train", 36), ("dev", 12), ("test", 12)])
def test_each_part(part: str, n: int, own: Path) -> None:
    called = call("evaluate", "trees", "--part", part, "--json")
    assert (called.code, called.err) == (0, "")
    found = called.json
    keys = {"schema_version", "part", "error", "loss", "metrics"}
    assert set(found) == (keys | {"looks"} if part == "test" else keys)
    assert set(found["metrics"]) == {"accuracy", "confusion", "per_class", "calibration", "mistakes"}
    assert set(found["error"]) == {"value", "low", "high", "n"}
    assert (found["part"], found["error"]["n"]) == (part, n)
    assert found["error"]["low"] <= found["error"]["value"] <= found["error"]["high"]
    assert found["metrics"]["accuracy"] == pytest.approx(1 - found["error"]["value"])


def test_train_and_dev_are_what_training_measured(own: Path) -> None:
    last = runs.read_metrics("runs/trees")[-1]
    for part in ("train", "dev"):
        found = call("evaluate", "trees", "--part", part, "--json").json
        assert (found["loss"], found["error"]["value"]) == (last[part]["loss"], last[part]["error"])


def test_the_error_on_train_is_exact_as_in_the_diagnosis(own: Path) -> None:
    error = call("evaluate", "trees", "--part", "train", "--json").json["error"]
    assert error["low"] == error["value"] == error["high"]
    assert "(exact)" in call("evaluate", "trees", "--part", "train").out


def test_for_people(own: Path) -> None:
    called = call("evaluate", "trees", "--part", "dev")
    assert called.out.splitlines()[0] == "dev"
    assert "95% interval" in called.out and "12" in called.out


def test_regression_has_its_own_measures(own: Path) -> None:
    found = call("evaluate", "costs", "--part", "dev", "--json").json
    assert set(found["metrics"]) == {"rmse", "mae", "r2", "mistakes"}
    arrays = runs.decode_predictions("runs/costs")
    off = arrays["predicted"] - arrays["y"]  # in the target's own units
    assert found["metrics"]["rmse"] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-4)
    assert found["metrics"]["mae"] == pytest.approx(np.abs(off).mean(), rel=1e-4)
    assert found["metrics"]["r2"] == pytest.approx(1 - np.mean(off**2) / np.var(arrays["y"]), rel=1e-3)


def test_a_part_that_is_not_there(own: Path) -> None:
    called = call("evaluate", "trees", "--part", "train_dev")
    assert (called.code, called.out) == (2, "")
    assert called.err == "error: --part: trees has no train_dev part; it has train, dev, test\n"


# ---- looks


def test_each_look_at_test_is_recorded(own: Path) -> None:
    assert not Path("runs/looks.jsonl").exists()
    call("evaluate", "trees", "--part", "dev")
    assert not Path("runs/looks.jsonl").exists()
    first = call("evaluate", "trees")
    assert first.err == ""
    second = call("evaluate", "trees", "--json")
    assert second.err == ("note: these test rows were looked at once before: choosing by them makes them a dev set\n")
    assert "looked at 2 times before" in call("evaluate", "trees").err
    looks = [json.loads(line) for line in Path("runs/looks.jsonl").read_text().splitlines()]
    assert [set(look) for look in looks] == [{"rows_sha256", "run", "time", "n", "error"}] * 3
    assert {(look["run"], look["n"], look["error"]) for look in looks} == {("trees", 12, second.json["error"]["value"])}
    assert second.json["looks"] == {"looks": 2, "runs": 1}
    third = {**second.json, "looks": {"looks": 3, "runs": 1}}
    assert json.loads(Path("runs/trees/test.json").read_text()) == third
    assert call("diagnose", "trees", "--json").json["errors"]["test"]["looks"] == third["looks"]
    assert (
        "the test rows were looked at 3 times: choosing by them makes them a dev set" in call("diagnose", "trees").out
    )


def test_another_run_s_look_at_the_same_rows_counts(own: Path) -> None:
    """The rows are the same whatever the network."""
    call("train", own / "trees.yaml", "-q", "--run-id", "deeper", "architecture.layers=[8, 8]", "seed=9")
    call("evaluate", "deeper")
    called = call("evaluate", "trees")
    assert "looked at once before" in called.err
    assert "these rows were looked at 2 times, by 2 runs" in called.out
    assert call("diagnose", "deeper", "--json").json["errors"]["test"]["looks"] == {"looks": 2, "runs": 2}
    assert call("evaluate", "costs").err == ""  # other rows
    call("train", own / "trees.yaml", "-q", "--run-id", "elsewhere", "split.seed=1")
    assert call("evaluate", "elsewhere").err == ""  # other rows of the same file


def test_a_test_file_stays_the_same_rows_beside_other_training_data(empty_folder: Path) -> None:
    header, *lines = table(two_kinds(90)).splitlines(keepends=True)
    Path("test.csv").write_text(header + "".join(lines[:30]))
    said = []
    for name, end in (("few", 60), ("more", 90)):
        Path(f"{name}.csv").write_text(header + "".join(lines[30:end]))
        given = [f"data={{source: {name}.csv, target: kind}}", "split={files: {test: test.csv}, train: 0.8, dev: 0.2}"]
        assert call("train", *given, "training={epochs: 1}", "-q", "--run-id", name).code == 0
        said.append(call("evaluate", name))
    assert said[0].err == "" and "looked at once before" in said[1].err
    assert "looked at 2 times, by 2 runs" in said[1].out


def test_the_run_s_own_test_file_is_no_new_file(empty_folder: Path) -> None:
    header, *lines = table(two_kinds(90)).splitlines(keepends=True)
    for name, rows in (("test", lines[:30]), ("train", lines[30:]), ("new", lines[:30])):
        Path(f"{name}.csv").write_text(header + "".join(rows))
    given = ["data={source: train.csv, target: kind}", "split={files: {test: test.csv}, train: 0.8, dev: 0.2}"]
    assert call("train", *given, "training={epochs: 1}", "-q", "--run-id", "one").code == 0
    assert call("evaluate", "one", "--data", "new.csv").err == ""
    assert not Path("runs/looks.jsonl").exists()
    assert call("evaluate", "one", "--data", "test.csv").err == ""
    assert "looked at once before" in call("evaluate", "one").err
    assert len(Path("runs/looks.jsonl").read_text().splitlines()) == 2


def test_the_list_shows_the_test_error(own: Path) -> None:
    value = call("evaluate", "trees", "--json").json["error"]["value"]
    rows = {run["id"]: run["test"] for run in call("runs", "--json").json["runs"]}
    assert rows == {"trees": value, "digits": None, "costs": None, "lost": None}


def test_data_that_changed_since_is_refused(own: Path) -> None:
    for name in ("trees.csv", "trees.yaml"):
        shutil.copy(own / name, name)
    call("train", "trees.yaml", "-q", "--run-id", "mine")
    text = Path("trees.csv").read_text()
    Path("trees.csv").write_text(text.replace("oak", "elm"))
    called = call("evaluate", "mine")
    assert (called.code, called.out, len(called.errors)) == (2, "", 1)
    assert "is not the data that mine was trained on" in called.err
    assert not Path("runs/looks.jsonl").exists()


# ---- new files


def test_a_new_file(own: Path) -> None:
    rows = two_kinds(500, seed=99)
    Path("new.csv").write_text(table(rows))
    found = call("evaluate", "trees", "--data", "new.csv", "--json").json
    X = np.array([row[1:3] for row in rows])
    wrong = load("trees").predict(X) != np.array([row[3] for row in rows])
    assert (found["part"], found["error"]["n"]) == ("new.csv", 500)
    assert found["error"]["value"] == pytest.approx(wrong.mean())
    assert not Path("runs/looks.jsonl").exists()


def test_a_file_s_mistakes_are_named_by_row_and_id(own: Path) -> None:
    """Rows count from 0 in the file, over portions; the probabilities are those that predict prints."""
    rows = two_kinds(500, seed=99)
    Path("new.csv").write_text(table(rows))
    found = call("evaluate", "trees", "--data", "new.csv", "--json").json["metrics"]
    X = np.array([row[1:3] for row in rows])
    run = load("trees")
    predicted, proba = run.predict(X), run.predict_proba(X).max(axis=1)
    wrong = np.flatnonzero(predicted != np.array([row[3] for row in rows]))
    surest = wrong[np.argsort(-proba[wrong], kind="stable")][:10]
    assert [one["row"] for one in found["mistakes"]] == surest.tolist()
    assert [one["id"] for one in found["mistakes"]] == [rows[i][0] for i in surest]
    assert [one["p_predicted"] for one in found["mistakes"]] == pytest.approx(proba[surest].tolist(), rel=1e-5)
    counts = np.array(found["confusion"]["counts"])
    assert counts.sum() == 500 and counts.trace() == 500 - len(wrong)
    assert sum(one["n"] for one in found["calibration"]["bins"]) == 500
    out = call("evaluate", "trees", "--data", "new.csv").out
    assert "most often confused" in out and f"row {surest[0]} (id {rows[surest[0]][0]})" in out


def test_a_new_file_s_columns_in_any_order(own: Path) -> None:
    rows = two_kinds(50, seed=98)
    Path("new.csv").write_text(table(rows))
    turned = [(kind, height, "x", width, name) for name, width, height, kind in rows]
    Path("turned.csv").write_text(table(turned, "kind,height,other,width,id"))
    expected, found = (call("evaluate", "trees", "--data", name, "--json").json for name in ("new.csv", "turned.csv"))
    assert {**found, "part": ""} == {**expected, "part": ""}


def test_the_whole_file_is_all_its_parts(own: Path) -> None:
    """Errors of the parts, weighted by their sizes, are those of the file they came from."""
    parts = [call("evaluate", "trees", "--part", part, "--json").json for part in ("train", "dev", "test")]
    whole = call("evaluate", "trees", "--data", own / "trees.csv", "--json").json
    for value in (lambda found: found["error"]["value"], lambda found: found["loss"]):
        mean = sum(value(part) * part["error"]["n"] for part in parts) / 60
        assert value(whole) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize(
    "text, line",
    [
        ("width,height\n1,2\n", "new.csv has no column 'kind'"),
        ("width,kind\n1,oak\n", "new.csv has no column 'height'"),
        ("width,height,kind\n1,2,elm\n", "new.csv: kind: class 'elm' is not among the training set's (fir, oak)"),
        ("width,height,kind\n1,two,oak\n", "new.csv:2:2: height: 'two' is not a number"),
        ("width,height,kind\n1,2,\n", "new.csv:2:3"),
        ("width,height,kind\n", "new.csv has a header and no rows"),
        ("", "new.csv is empty"),
    ],
)
def test_a_bad_file_is_one_line(text: str, line: str, own: Path) -> None:
    Path("new.csv").write_text(text)
    called = call("evaluate", "trees", "--data", "new.csv")
    assert (called.code, called.out, len(called.err.splitlines())) == (2, "", 1)
    assert line in called.err
