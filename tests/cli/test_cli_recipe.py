"""`dltrain recipe`: the flow chart of a run, and with --try its steps trained at equal budget."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import Called, call

from dltrain.signals import current

CONFIG = """\
data: {source: digits, limit: 500, train_limit: 40}
split: {train: 200, dev: 250, test: 50}
architecture: {layers: [16]}
training: {epochs: 20, batch_size: 20}
optimizer: {kind: adam, learning_rate: 0.01}
diagnosis: {bayes_error: 0.0}
"""
TRY = ("--try", "--budget", "5m", "--workers", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`runs` with `one`, which overfits 40 rows, and the study `tried` of it; tests only read it."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "few.yaml").write_text(CONFIG)
    assert of(folder, "train", folder / "few.yaml", "-q", "--run-id", "one").code == 0
    called = of(folder, "recipe", "one", *TRY, "--steps", 2, "--run-id", "tried")
    assert called.code == 0, called.err
    (folder / "said.txt").write_text(called.out)
    return folder


def of(place: Path, command: str, *arguments: object) -> Called:
    return call(command, *arguments, "--runs-dir", place / "runs")


def study(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "runs/tried/study.json").read_text())
    return found


def rows(place: Path) -> list[dict[str, str]]:
    with (place / "runs/tried/results.csv").open() as file:
        return list(csv.DictReader(file))


# ---- the flow chart


def test_the_flow_chart_is_asked_in_the_notes_order(place: Path) -> None:
    out = of(place, "recipe", "one").out
    asked = [out.index(question) for question in ("high bias? no", "high variance? yes", "data mismatch? not", "done?")]
    assert asked == sorted(asked)
    assert "dltrain recipe" in out.splitlines()[-1] and "--try --budget 10m" in out


def test_its_commands_can_be_pasted(place: Path) -> None:
    lines = of(place, "recipe", "one", "-q").out.splitlines()
    assert len(lines) >= 2
    for number, line in enumerate(line for line in lines if line.startswith("dltrain train")):
        words = shlex.split(line)[1:]
        assert of(place, *words, "training.epochs=1", "-q", "--run-id", f"pasted-{number}").code == 0, line


def test_json_has_the_path_with_every_command(place: Path) -> None:
    found = of(place, "recipe", "one", "--json").json
    assert found["schema_version"] == 1 and found["headline"] == "high variance" and found["learning_curve"] is None
    assert [entry["aim"] for entry in found["path"]] == ["training", "bias", "variance", "mismatch", "done"]
    assert shlex.split(found["try"])[1:] == ["recipe", str(place / "runs/one"), "--try", "--budget", "10m"]
    step = found["path"][2]["steps"][0]
    assert step["overrides"] == ["data.train_limit=null"] and step["command"].endswith("data.train_limit=null")


def test_a_bayes_error_can_be_stated(place: Path) -> None:
    found = of(place, "recipe", "one", "--bayes-error", "0%", "--json").json
    assert found["path"][1]["answer"] == "no"
    assert "--bayes-error" in of(place, "recipe", "one", "--bayes-error", "x").err


def test_a_stated_bayes_error_goes_along(place: Path) -> None:
    """Into every command, and into the trials, whose gaps are measured from it."""
    found = of(place, "recipe", "one", "--bayes-error", "3%", "--json").json
    commands = [step["command"] for entry in found["path"] for step in entry["steps"] if step["overrides"]]
    assert commands and all(command.endswith(" diagnosis.bayes_error=0.03") for command in commands)
    assert "--bayes-error 0.03 --try" in found["try"]
    assert all(
        "diagnosis.bayes_error=0.03" in line
        for line in (
            piece["overrides"]
            for piece in of(place, "diagnose", "one", "--bayes-error", "3%", "--json").json["advice"]
            if piece["overrides"]
        )
    )
    more = ("--budget", "5m", "--workers", 2, "--steps", 1, "--run-id", "stated")
    assert of(place, "recipe", "one", "--bayes-error", "3%", "--try", *more, "-q").code == 0
    summary = json.loads((place / "runs/stated/study.json").read_text())["summary"]
    assert current.limit == "--budget"
    train = summary["reference"]["errors"]["train"]["value"]
    assert summary["reference"]["gaps"]["avoidable_bias"]["value"] == pytest.approx(train - 0.03)
    assert of(place, "recipe", "one", "--try", *more, "-q").code == 73
    other = of(place, "recipe", "one", "--bayes-error", "3%", "--try", *more, "--steps", 2, "--budget", "4m", "-q")
    assert other.code == 73 and {"error: --steps: 1 -> 2", "error: --budget: 300.0 -> 240.0"} <= set(other.errors)
    assert of(place, "recipe", "one", "--bayes-error", "3%", "--try", *more, "-q").code == 0


def test_a_learning_curve_of_the_same_config_is_found(place: Path) -> None:
    folder = place / "runs/curve"
    record = study(place)
    gain = {"value": 0.05, "low": 0.03, "high": 0.07}
    twice = {"m": 80, "error": gain, "buys": gain}
    asked = {"kind": "learning_curve", "sizes": [20, 40], "seeds": 3, "first": 1}
    record |= {"id": "curve", "study": asked, "summary": {"points": [{"m": 40}], "twice": twice}}
    folder.mkdir()
    (folder / "study.json").write_text(json.dumps(record))
    assert (
        "learning curve curve says that 80 in place of 40 would take off 5% [3%, 7%]" in of(place, "recipe", "one").out
    )
    record["given"]["resolved"]["architecture"]["layers"] = []
    (folder / "study.json").write_text(json.dumps(record))
    assert of(place, "recipe", "one", "--json").json["learning_curve"] is None, "of another config"
    (folder / "study.json").unlink()
    folder.rmdir()


# ---- tried


def test_trying_trains_the_config_and_the_best_steps(place: Path) -> None:
    found = study(place)
    assert found["state"] == "finished" and found["study"]["kind"] == "recipe" and found["study"]["run"] == "one"
    steps = found["study"]["steps"]
    assert [step["overrides"][:1] for step in steps] == [
        [],
        ["data.train_limit=null"],
        ["data.augment=[rotate, distort]"],
    ]
    assert [row["training.steps"] for row in rows(place)] == ["", *(str(step["steps"]) for step in steps)]
    assert {step["steps"] for step in steps} == {200}, "20 epochs of 200 rows in batches of 20, on 40 rows 100 epochs"
    assert found["study"]["budget"]["timed_steps"] > 0 and found["study"]["budget"]["per_second"] > 0


def test_what_helped_is_the_change_on_the_same_dev_rows(place: Path) -> None:
    summary = study(place)["summary"]
    trials = [np.load(place / f"runs/tried/trials/{i}/predictions.npz") for i in range(4)]
    assert all(np.array_equal(trial["rows"], trials[0]["rows"]) for trial in trials)
    for step, one, other in zip(summary["steps"], (1, 2, 3), (0, 1, 1), strict=True):
        change = (trials[one]["errors"] - trials[other]["errors"]).mean()
        assert step["change"]["value"] == pytest.approx(change)
    data = summary["steps"][1]
    assert data["verdict"] == "helped", "200 rows in place of 40"
    assert data["gaps"]["variance"]["after"] < data["gaps"]["variance"]["before"]
    assert summary["best"] == 1 and "lift data.train_limit" in summary["headline"]


def test_the_table_says_it_and_the_path_is_the_last_line(place: Path) -> None:
    out = (place / "said.txt").read_text()
    assert re.search(r"helped: dev −[\d.]+ \[−[\d.]+, −[\d.]+\], paired; ", out)
    assert "(Holm)" in out and "dltrain recipe tried/2" in out
    assert out.splitlines()[-1] == str(place / "runs/tried")
    page = (place / "runs/tried/report.html").read_text()
    assert "Recipe, tried" in page and "paired" in page


def test_the_same_id_again_is_a_quick_no_op(place: Path) -> None:
    called = of(place, "recipe", "one", *TRY, "--steps", 2, "--run-id", "tried", "-q")
    assert (called.code, called.out.strip()) == (0, str(place / "runs/tried"))
    assert of(place, "resume", "tried", "--json").json["best"] == 1
    called = of(place, "recipe", "one", *TRY, "--steps", 3, "--run-id", "tried")
    assert called.code == 73 and "error: --steps: 2 -> 3" in called.errors
    assert of(place, "recipe", "one", *TRY, "--steps", 2, "--run-id", "one").code == 73


def test_an_interrupted_study_goes_on_with_its_own_budget(place: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(place / "runs", tmp_path / "runs")
    path = tmp_path / "runs/tried"
    before = (path / "results.csv").read_bytes()
    record = json.loads((path / "study.json").read_text())
    summary = record.pop("summary")
    (path / "study.json").write_text(json.dumps({**record, "state": "interrupted"}))
    shutil.rmtree(path / "trials/2")
    called = of(tmp_path, "recipe", "one", *TRY, "--steps", 2, "--run-id", "tried", "--json")
    assert called.code == 0, called.err
    assert (path / "results.csv").read_bytes() == before
    assert json.loads((path / "study.json").read_text())["summary"] == summary


def test_a_trial_has_a_recipe_of_its_own(place: Path) -> None:
    assert of(place, "recipe", "tried/1").out.splitlines()[0].startswith(str(place / "runs/tried/trials/1"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--budget", "5m"), "--budget: goes with --try"),
        (("--seeds", 3), "--seeds: goes with --try"),
        (("--try", "--seeds", 2), "expected 1, or 3 and more"),
        (("--try", "--budget", "soon"), "--budget: 'soon' is no time"),
        (("--try", "--budget", "1s"), "--budget is too small"),
    ],
)
def test_what_cannot_be_is_refused(place: Path, arguments: tuple[object, ...], said: str) -> None:
    before = sorted((place / "runs").iterdir())
    called = of(place, "recipe", "one", *arguments)
    assert called.code == 2 and said in called.err
    assert sorted((place / "runs").iterdir()) == before


def test_a_run_without_dev_has_a_recipe_and_nothing_to_try(place: Path) -> None:
    split = ("split.train=450", "split.dev=0", "split.test=50")
    assert of(place, "train", place / "few.yaml", *split, "training.epochs=1", "-q", "--run-id", "alone").code == 0
    found = of(place, "recipe", "alone", "--json").json
    assert [entry["answer"] for entry in found["path"][1:4]] == ["yes", "not asked", "not asked"]
    called = of(place, "recipe", "alone", "--try")
    assert called.code == 2 and "no such part; nothing to try" in called.err


def test_a_run_that_is_not_there_is_named(place: Path) -> None:
    called = of(place, "recipe", "ones")
    assert called.code == 2 and "did you mean one" in called.err
