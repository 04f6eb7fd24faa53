"""`dltrain runs`, `report`, `check`, `schema`, `explain` and `data list`."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from cli_calling import call, trees

COLUMNS = ["id", "state", "epochs", "train", "train_dev", "dev", "test", "headline", "task", "created", "path"]
ALL = ["lost", "digits", "costs", "trees"]


def listed(shelf: Path, *options: str) -> list[str]:
    return [run["id"] for run in call("runs", *options, "--json", "--runs-dir", shelf / "runs").json["runs"]]


def test_runs_are_listed_newest_first(shelf: Path) -> None:
    called = call("runs", "--runs-dir", shelf / "runs")
    assert (called.code, called.err) == (0, "")
    assert [line.split()[0] for line in called.out.splitlines()[2:]] == ALL
    assert "diverged" in called.out and "finished" in called.out and "high bias" in called.out


def test_runs_as_json_and_csv(shelf: Path) -> None:
    found = call("runs", "--json", "--runs-dir", shelf / "runs").json
    assert found["schema_version"] == 1
    rows = list(csv.DictReader(io.StringIO(call("runs", "--csv", "--runs-dir", shelf / "runs").out)))
    assert list(rows[0]) == COLUMNS and all(list(run) == COLUMNS for run in found["runs"])
    texts = [{key: "" if value is None else str(value) for key, value in run.items()} for run in found["runs"]]
    assert rows == texts
    written = json.loads((shelf / "runs/trees/diagnosis.json").read_text())
    assert found["runs"][-1]["dev"] == written["errors"]["dev"]["value"]


def test_runs_are_sorted(shelf: Path) -> None:
    assert listed(shelf, "--sort", "id") == sorted(ALL)
    assert listed(shelf, "--sort", "-id") == sorted(ALL, reverse=True)
    assert listed(shelf, "--sort", "created") == ALL[::-1]
    by_error = call("runs", "--sort", "dev", "--json", "--runs-dir", shelf / "runs").json["runs"]
    errors = [run["dev"] for run in by_error]
    assert errors[-1] is None and errors[:-1] == sorted(errors[:-1])  # what has none comes last
    assert call("runs", "--sort", "-dev", "--json", "--runs-dir", shelf / "runs").json["runs"][-1]["dev"] is None


def test_runs_are_filtered(shelf: Path) -> None:
    assert listed(shelf, "--filter", "state=finished") == ["digits", "costs", "trees"]
    assert listed(shelf, "--filter", "task=regression") == ["costs"]
    assert listed(shelf, "--filter", "state=finished", "--filter", "epochs=1") == ["digits"]
    assert listed(shelf, "--filter", "id=nothing") == []


def test_no_runs_yet(empty_folder: Path) -> None:
    called = call("runs")
    assert (called.code, called.out, called.err) == (0, "", "no run in runs; dltrain train CONFIG makes one\n")
    assert call("runs", "--json").json["runs"] == []


def test_a_run_is_shown(shelf: Path) -> None:
    called = call("runs", "trees", "--runs-dir", shelf / "runs")
    assert called.out.splitlines()[0] == "trees"
    assert "finished" in called.out and "verdict: " in called.out
    found = call("runs", "trees", "--json", "--runs-dir", shelf / "runs").json
    assert found["record"]["state"] == "finished" and found["diagnosis"]["headline"]
    assert "diverged at step" in call("runs", "lost", "--runs-dir", shelf / "runs").out


@pytest.mark.parametrize("name, guess", [("tress", "trees"), ("digit5", "digits"), ("Trees", "trees")])
def test_a_misspelt_run(name: str, guess: str, shelf: Path) -> None:
    for command in ("runs", "evaluate", "diagnose", "report"):
        called = call(command, name, "--runs-dir", shelf / "runs")
        assert (called.code, called.out, len(called.err.splitlines())) == (2, "", 1)
        assert called.err.endswith(f"did you mean {guess}?\n")


def test_the_beginning_of_an_id_is_enough_if_it_is_one(shelf: Path, empty_folder: Path) -> None:
    assert call("runs", "tr", "--json", "--runs-dir", shelf / "runs").json["run"] == str(shelf / "runs/trees")
    for name in ("trees-1", "trees-2"):
        shutil.copytree(shelf / "runs/trees", Path("runs") / name)
    called = call("runs", "trees")
    assert called.code == 2 and "trees-1, trees-2" in called.err
    assert call("runs", "trees-1", "--json").json["run"] == "runs/trees-1"


def test_a_damaged_run_is_listed_and_65(shelf: Path, empty_folder: Path) -> None:
    shutil.copytree(shelf / "runs/trees", "runs/trees")
    Path("runs/trees/run.json").write_text('{"state": "fin')
    assert call("runs", "--json").json["runs"][0]["state"] == "damaged"
    called = call("runs", "trees")
    assert (called.code, called.out, len(called.errors)) == (65, "", 1)


# ---- report


def test_a_report_is_one_page(shelf: Path, empty_folder: Path) -> None:
    shutil.copytree(shelf / "runs/trees", "runs/trees")
    called = call("report", "latest")
    assert (called.code, called.out) == (0, "runs/trees/report.html\n")
    page = Path("runs/trees/report.html").read_text()
    assert page.startswith("<!") and "trees" in page and "avoidable bias" in page.lower()
    assert not re.search(r"""(src|href)=["']?(https?:)?//|url\(["']?http|@import""", page)  # it opens offline


def test_several_runs_share_a_page(shelf: Path, empty_folder: Path) -> None:
    called = call("report", "trees", "digits", "lost", "--runs-dir", shelf / "runs", "-o", "all.html", "--json")
    assert called.json["report"] == "all.html" and len(called.json["runs"]) == 3
    page = Path("all.html").read_text()
    assert all(name in page for name in ("trees", "digits", "lost"))


# ---- check, schema, explain, data list


def test_check_settles_everything_and_trains_nothing(empty_folder: Path) -> None:
    config = trees(empty_folder)
    called = call("check", config)
    assert (called.code, called.err) == (0, "")
    for words in ("train rows", "36", "hidden 1", "2 × 4", "17 parameters in all", "task: binary", "batch_size: 16"):
        assert words in called.out, words
    assert not Path("runs").exists()


def test_check_as_json(empty_folder: Path) -> None:
    found = call("check", trees(empty_folder), "--json", "--data", "training.epochs=7").json
    assert {"schema_version", "title", "data", "training", "network", "notes", "resolved"} == set(found)
    assert found["data"]["train classes"] == "fir: 18, oak: 18"
    assert (found["training"]["steps"], found["training"]["batches an epoch"]) == (21, 3)
    assert [layer["parameters"] for layer in found["network"]] == [12, 5]
    (empty_folder / "settled.yaml").write_text(found["resolved"])
    again = call("check", "settled.yaml", "--json").json
    assert (again["training"], again["network"]) == (found["training"], found["network"])


def test_check_names_what_training_would_refuse(empty_folder: Path) -> None:
    called = call("check", trees(empty_folder), "training.batch_size=500")
    assert (called.code, called.out, len(called.errors)) == (2, "", 1)


def test_the_schema_is_a_json_schema() -> None:
    schema = call("schema").json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["type"] == "object"
    assert {"data", "split", "architecture", "optimizer", "training"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    references = {word for word in json.dumps(schema).split('"') if word.startswith("#/$defs/")}
    assert all(reference.removeprefix("#/$defs/") in schema["$defs"] for reference in references)


def test_explain_says_meaning_type_default_and_choices() -> None:
    called = call("explain", "architecture.activation")
    assert (called.code, called.err) == (0, "")
    assert "default:" in called.out and "leaky_relu" in called.out and "relu" in called.out
    found = call("explain", "architecture.activation", "--json").json
    assert found["key"] == "architecture.activation" and found["text"] in called.out


def test_data_list_names_the_sets_with_their_licences() -> None:
    called = call("data", "list")
    assert called.code == 0
    assert "CC BY 4.0" in called.out and "1,797" in called.out
    sets = {entry["name"]: entry for entry in call("data", "list", "--json").json["sets"]}
    assert {
        name: (entry["rows"], entry["inputs"], len(entry["classes"]))
        for name, entry in sets.items()
        if entry["kind"] == "built-in"
    } == {
        "digits": (1797, 64, 10),
        "breast_cancer": (569, 30, 2),
    }
