"""Runs that older releases left behind open, are measured, predict, and go on.

`tests/runs/fixtures/VERSION` is what tools/make_release_fixture.py wrote with that release; it never changes.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import call

import dltrain
from dltrain import runs

FIXTURES = Path(__file__).parents[1] / "runs" / "fixtures"
RELEASES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
TRAINED = ("flowers", "costs")


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, empty_folder: Path) -> Path:
    """A copy of what a release left, in the current folder."""
    shutil.copytree(FIXTURES / request.param, empty_folder, dirs_exist_ok=True)
    for path in empty_folder.rglob("*"):
        if path.is_file() and b"@FOLDER@" in (data := path.read_bytes()):
            path.write_bytes(data.replace(b"@FOLDER@", os.fsencode(empty_folder)).replace(b"@HOST@", b"elsewhere"))
    return empty_folder


def record(run: str, name: str = "run.json") -> Any:
    return json.loads(Path("runs", run, name).read_text())


def change(run: str, name: str, **fields: Any) -> None:
    Path("runs", run, name).write_text(json.dumps({**record(run, name), **fields}))


def theta(run: str) -> Any:
    return runs.decode_model(f"runs/{run}/model.safetensors")[0]


def test_every_release_is_kept() -> None:
    assert "0.1.0" in RELEASES


def test_they_name_no_machine() -> None:
    for path in FIXTURES.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not [word for word in (b"/tmp/", b"/home/", b"/root/", b"/work/") if word in data], path


def test_they_are_listed_and_diagnosed(release: Path) -> None:
    listed = {run["id"]: run["state"] for run in call("runs", "--json").json["runs"]}
    assert listed == {"flowers": "finished", "costs": "finished", "lost": "diverged", "broken": "interrupted"}
    for run in TRAINED:
        told, kept = call("diagnose", run, "--json").json, record(run, "diagnosis.json")
        assert {key: told[key] for key in kept} == kept
        assert call("diagnose", run).code == 0


@pytest.mark.parametrize("run", TRAINED)
def test_they_are_measured_again(run: str, release: Path) -> None:
    before = record(run, "diagnosis.json")["errors"]["dev"]
    again = call("evaluate", run, "--part", "dev", "--json")
    assert again.code == 0, again.err
    assert again.json["error"]["value"] == pytest.approx(before["value"], rel=1e-4)
    for more in (("--part", "test"), ("--data", f"{run}.csv")):
        assert call("evaluate", run, *more).code == 0
    assert call("diagnose", run, "--json").json["errors"]["test"]["n"] > 0


@pytest.mark.parametrize("run", TRAINED)
def test_they_predict(run: str, release: Path) -> None:
    called = call("predict", run, f"{run}.csv")
    assert called.code == 0, called.err
    predicted = [row["prediction"] for row in csv.DictReader(called.out.splitlines())]
    kept = runs.decode_predictions(f"runs/{run}")
    mine = [predicted[row] for row in kept["rows"]]
    trained = dltrain.load(run)
    if run == "costs":
        np.testing.assert_allclose([float(value) for value in mine], kept["predicted"], rtol=1e-3)
    else:
        assert mine == [trained.preparation.classes[number] for number in kept["predicted"]]
    assert len(trained.predict(np.ones((3, len(trained.preparation.features))))) == 3


def test_they_are_reported(release: Path) -> None:
    for run in (*TRAINED, "lost", "broken"):
        assert call("report", run, "-o", f"{run}.html").code == 0
        assert Path(f"{run}.html").stat().st_size > 10_000
    assert call("report", "flowers", "broken", "-o", "both.html").code == 0


@pytest.mark.parametrize(("run", "code"), [("flowers", 0), ("lost", 3)])
def test_the_same_command_again_changes_nothing_but_the_missing_page(run: str, code: int, release: Path) -> None:
    before = {path: path.read_bytes() for path in Path("runs", run).rglob("*") if path.is_file()}
    lost = ["costs.yaml", "optimizer={kind: gradient_descent, learning_rate: 1e12}"]
    assert call("train", *(lost if code else ["flowers.yaml"]), "--run-id", run).code == code
    after = {path: path.read_bytes() for path in Path("runs", run).rglob("*") if path.is_file()}
    assert after.pop(Path("runs", run, "report.html"))
    assert after == before


@pytest.mark.parametrize("command", [("resume", "broken"), ("train", "flowers.yaml", "--run-id", "broken")])
def test_an_interrupted_one_goes_on(command: tuple[str, ...], release: Path) -> None:
    """To the result of the one that was not: to the bit on the machine that wrote it, nearly elsewhere."""
    lines = Path("runs/broken/metrics.jsonl").read_bytes()
    called = call(*command, "-q", "--allow-drift")
    assert called.code == 0, called.err
    assert Path("runs/broken/metrics.jsonl").read_bytes().startswith(lines)
    assert len(runs.read_metrics("runs/broken")) == len(runs.read_metrics("runs/flowers"))
    assert not [event for event in runs.read_events("runs/broken") if event["kind"] == "damaged"]
    np.testing.assert_allclose(theta("broken"), theta("flowers"), atol=0.05)
    assert record("broken")["state"] == "finished"


def test_drift_since_then_is_named_before_it_is_allowed(release: Path) -> None:
    change("broken", "run.json", versions={**record("broken")["versions"], "dltrain": "0.0.1", "numpy": "1.0"})
    refused = call("resume", "broken")
    assert (refused.code, refused.out) == (2, "")
    assert refused.errors[0].startswith(f"error: dltrain: 0.0.1 -> {dltrain.__version__}: ")
    assert refused.errors[1].startswith(f"error: numpy: 1.0 -> {np.__version__}: ")
    assert call("resume", "broken", "-q", "--allow-drift").code == 0
    told = [event["what"] for event in runs.read_events("runs/broken") if event["kind"] == "drift"]
    assert told[0] == f"dltrain: 0.0.1 -> {dltrain.__version__}"


def test_another_config_is_still_refused_by_name(release: Path) -> None:
    refused = call("train", "flowers.yaml", "--run-id", "broken", "optimizer.beta1=0.8", "--allow-drift")
    assert refused.code == 73 and "optimizer.beta1: not given -> 0.8" in refused.errors[1]
    text = Path("runs/broken/config.resolved.yaml").read_text()
    Path("runs/broken/config.resolved.yaml").write_text(text.replace("beta1: 0.9 ", "beta1: 0.8 "))
    refused = call("resume", "broken", "--allow-drift")
    assert refused.code == 73 and "optimizer.beta1: 0.9 -> 0.8" in refused.errors[1]


def test_a_default_that_is_another_now_is_named(release: Path) -> None:
    """As if beta1 had been 0.8 by default then."""
    given = record("broken")["given"]
    given["resolved"]["optimizer"]["beta1"] = 0.8
    change("broken", "run.json", given=given)
    refused = call("train", "flowers.yaml", "--run-id", "broken", "--allow-drift")
    assert (refused.code, len(refused.errors)) == (73, 2)
    assert "a release with other defaults; dltrain resume broken goes on with those that it has" in refused.errors[0]
    assert refused.errors[1] == "error: optimizer.beta1: 0.8 -> 0.9"


def test_a_key_that_came_later_counts_where_it_is_given(release: Path) -> None:
    """As if clip_norm had not been there then."""
    given = record("broken")["given"]
    del given["resolved"]["optimizer"]["clip_norm"]
    change("broken", "run.json", given=given)
    path = Path("runs/broken/config.resolved.yaml")
    text = path.read_text()
    line = next(line for line in text.splitlines(keepends=True) if "clip_norm" in line)
    path.write_text(text.replace(line, "  clip_norm: 1.0\n"))
    refused = call("resume", "broken", "--allow-drift")
    assert refused.code == 73 and refused.errors[1] == "error: optimizer.clip_norm: not given -> 1.0"


def test_a_new_run_starts_from_one(release: Path) -> None:
    called = call("train", "flowers.yaml", "--from", "flowers", "-q", "--run-id", "child", "training.epochs=1")
    assert called.code == 0, called.err
    assert record("child")["parent"] == "flowers"


def test_fields_of_a_later_release_are_passed_over(release: Path) -> None:
    for name in ("run.json", "diagnosis.json"):
        change("flowers", name, later={"of": [1, 2]})
    path = Path("runs/flowers/metrics.jsonl")
    path.write_text(
        "".join(json.dumps({**json.loads(line), "later": 1}) + "\n" for line in path.read_text().splitlines())
    )
    for command in (("runs",), ("diagnose", "flowers"), ("evaluate", "flowers"), ("report", "flowers", "-o", "a.html")):
        assert call(*command).code == 0
