"""`dltrain train`: what it prints, what it writes, and where."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cli_calling import TREES, Called, call, regression, trees

from dltrain import runs

FILES = {
    ".lock",
    "checkpoints",
    "config.yaml",
    "config.resolved.yaml",
    "run.json",
    "metrics.jsonl",
    "events.jsonl",
    "diagnosis.json",
    "predictions.npz",
    "model.safetensors",
    "preparation.json",
    "report.html",
}
DIAGNOSIS = {
    "schema_version",
    "run",
    "errors",
    "gaps",
    "verdict",
    "headline",
    "task",
    "threshold",
    "confidence",
    "baselines",
    "health",
    "not_checked",
    "advice",
}


def settled(run: str | Path, key: str) -> str:
    """The value of a key, by its last name, in config.resolved.yaml."""
    text = (Path(run) / "config.resolved.yaml").read_text()
    found = re.search(rf"^ *{key}: ([^#\n]*?) *(#|$)", text, re.M)
    assert found, key
    return found[1]


# ---- what it prints


def test_the_result_is_on_stdout_and_the_rest_on_stderr(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder))
    assert called.code == 0
    assert re.fullmatch(r"runs/trees-\d{8}T\d{6}Z-[0-9a-f]{6}", called.last)
    assert Path(called.last).is_dir()
    for words in ("train", "dev", "majority class", "linear model", "avoidable bias", "variance", "verdict: "):
        assert words in called.out
    assert "note: task: binary" in called.err
    epochs = [line for line in called.err.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1/3", "2/3", "3/3"]
    assert not called.errors
    assert "epoch" not in called.out and "note:" not in called.out


def test_no_colour_and_no_animation_without_a_terminal(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder))
    assert "\x1b" not in called.out + called.err
    assert "\r" not in called.out + called.err


def test_quiet_prints_the_path_alone(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "-q")
    assert called.out.splitlines() == [called.last]
    assert called.err == ""
    assert runs.read_run(called.last)["state"] == "finished"


def test_json_is_one_object_with_the_diagnosis(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "--json")
    found = called.json
    assert set(found) == DIAGNOSIS
    assert found["schema_version"] == 1
    assert called.err == ""
    assert set(found["errors"]) == {"bayes", "train", "train_dev", "dev", "test"}
    assert found["errors"]["test"] is None
    assert set(found["gaps"]) == {"avoidable_bias", "variance", "mismatch", "test_gap"}
    for entry in (found["errors"]["train"], found["errors"]["dev"]):
        assert {"value", "low", "high", "n", "source"} <= set(entry)
        assert entry["low"] <= entry["value"] <= entry["high"]
    for gap in (found["gaps"]["avoidable_bias"], found["gaps"]["variance"]):
        assert set(gap) == {"value", "low", "high", "verdict", "point", "settle"}
    assert found["errors"]["bayes"]["source"] == "assumed"
    assert set(found["baselines"]) == {"majority", "linear"}
    assert all(set(entry) == {"value", "low", "high", "n"} for entry in found["baselines"].values())
    assert all({"action", "why", "overrides"} <= set(piece) for piece in found["advice"])
    written = json.loads((Path(found["run"]) / "diagnosis.json").read_text())
    assert {"run": found["run"], **written} == found


def test_the_numbers_are_those_of_the_last_epoch(empty_folder: Path) -> None:
    found = call("train", trees(empty_folder), "--json").json
    last = runs.read_metrics(found["run"])[-1]
    assert found["errors"]["train"]["value"] == last["train"]["error"]
    assert found["errors"]["dev"]["value"] == last["dev"]["error"]
    assert (found["errors"]["train"]["n"], found["errors"]["dev"]["n"]) == (36, 12)
    assert found["baselines"]["majority"]["value"] == 0.5  # six of each kind in dev


def test_regression_reports_against_the_mean(empty_folder: Path) -> None:
    called = call("train", regression(empty_folder), "--json")
    found = called.json
    assert set(found["baselines"]) == {"mean", "linear"}
    assert found["baselines"]["mean"]["value"] > 0.5
    assert found["baselines"]["linear"]["value"] < 0.05  # the data are a line and some noise
    assert found["task"] == "regression"
    assert "mean" in call("train", "costs.yaml").out


def test_the_next_commands_can_be_run(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "--runs-dir", "my runs", "training.epochs=1")
    commands = [line.strip() for line in called.out.splitlines() if line.startswith("  dltrain ")]
    assert 1 <= len(commands) <= 3
    for command in commands:
        words = shlex.split(command)
        assert call(*words[1:], *([] if words[1] == "evaluate" else ["-q", "training.epochs=1"])).code == 0
    trained = sum(" train " in command for command in commands)
    assert len(runs.list_runs("my runs")) == 1 + trained


# ---- configs, overrides and options


def test_configs_merge_from_left_to_right_and_overrides_stand_anywhere(empty_folder: Path) -> None:
    config = trees(empty_folder)
    (empty_folder / "more.yaml").write_text("training: {epochs: 2}\nseed: 5\n")
    called = call("train", "seed=7", "-q", config, "optimizer.learning_rate=1e-2", "more.yaml", "training.batch_size=8")
    run = called.out.strip()
    assert (settled(run, "epochs"), settled(run, "seed"), settled(run, "batch_size")) == ("2", "7", "8")
    assert float(settled(run, "learning_rate")) == 0.01
    assert len(runs.read_metrics(run)) == 2
    given = (Path(run) / "config.yaml").read_text()
    assert TREES in given and "epochs: 2" in given


def test_options_stand_anywhere(empty_folder: Path) -> None:
    trees(empty_folder)
    call("train", "--run-id", "a", "-q", "trees.yaml", "--runs-dir", "r", "training.epochs=1")
    call("train", "training.epochs=1", "trees.yaml", "--runs-dir", "r", "-q", "--run-id", "b")
    assert sorted(run.id for run in runs.list_runs("r")) == ["a", "b"]
    assert equal(Path("r/a"), Path("r/b"))


def equal(one: Path, other: Path) -> bool:
    names = ("metrics.jsonl", "diagnosis.json", "predictions.npz", "model.safetensors")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_a_config_from_standard_input(empty_folder: Path) -> None:
    trees(empty_folder)
    called = call("train", "-", "--run-id", "piped", stdin=TREES)
    assert called.code == 0
    assert (empty_folder / "runs/piped/config.yaml").read_text() == TREES
    assert "dltrain train runs/piped/config.resolved.yaml " in called.out  # `dltrain train -` could not be repeated
    call("train", "trees.yaml", "-q", "--run-id", "named")
    assert equal(Path("runs/piped"), Path("runs/named"))


def test_overrides_alone_are_a_config(empty_folder: Path) -> None:
    trees(empty_folder)
    assert call("train", "data={source: trees.csv, target: kind, id: id}", "training.epochs=1", "-q").code == 0


def test_the_runs_folder_by_option_and_by_variable(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = trees(empty_folder)
    monkeypatch.setenv("DLTRAIN_RUNS_DIR", str(empty_folder / "elsewhere"))
    assert call("train", config, "-q").out.startswith(f"{empty_folder}/elsewhere/trees-")
    assert call("train", config, "-q", "--runs-dir", "here").out.startswith("here/trees-")
    assert len(call("runs", "--json").json["runs"]) == 1


def test_a_run_id_is_the_folder(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "-q", "--run-id", "first")
    assert called.out == "runs/first\n"
    assert runs.read_run("runs/first")["id"] == "first"


def files_of(run: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(run).rglob("*") if path.is_file()}


def test_a_run_id_with_another_config_is_refused_by_the_keys_that_differ(empty_folder: Path) -> None:
    config = trees(empty_folder)
    call("train", config, "-q", "--run-id", "first")
    before = files_of("runs/first")
    called = call("train", config, "-q", "--run-id", "first", "training.epochs=9", "seed=4")
    assert (called.code, called.out) == (73, "")
    assert "run first exists with another config or other data (stored -> asked for); choose" in called.errors[0]
    assert [line.split(": ")[1] for line in called.errors[1:]] == ["seed", "training.epochs"]
    assert files_of("runs/first") == before


def test_the_same_command_on_a_finished_run_changes_nothing(empty_folder: Path) -> None:
    config = trees(empty_folder)
    first = call("train", config, "-q", "--run-id", "first")
    before = files_of("runs/first")
    assert call("train", config, "-q", "--run-id", "first") == first
    again = call("train", config, "--run-id", "first", "-q", "--max-time", "1s")
    assert (again.code, again.out) == (0, first.out)
    assert files_of("runs/first") == before


def test_a_run_that_is_held_is_69(empty_folder: Path) -> None:
    config = trees(empty_folder)
    with runs.create("runs", "mine", "mine", {}):
        called = call("train", config, "-q", "--run-id", "mine")
        assert (called.code, called.out, len(called.errors)) == (69, "", 1)
        assert "held by another live process" in called.err
        assert call("runs", "--json").json["runs"][0]["state"] == "created"
    assert call("runs", "--json").json["runs"][0]["state"] == "interrupted"


@pytest.mark.parametrize("run_id", ["", "a/b", "../a", ".hidden", "latest", "x" * 65, "ü", "run.json"])
def test_a_run_id_that_is_none(run_id: str, empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "-q", "--run-id", run_id)
    assert (called.code, called.out, len(called.errors)) == (2, "", 1)
    assert not Path("runs").exists()


def test_smoke_tries_everything_and_leaves_nothing(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = empty_folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    config = trees(empty_folder)
    before = sorted(empty_folder.rglob("*"))
    called = call("train", config, "--smoke")
    assert called.code == 0
    for words in ("steps", "a step", "peak memory", "time to expect"):
        assert words in called.out
    found = call("train", config, "--smoke", "--json").json["smoke"]
    assert (found["steps"], found["steps_per_epoch"]) == (9, 3)
    assert found["peak_memory_bytes"] > 1e6 and found["expected_seconds"] > 0
    assert call("train", config, "--smoke", "optimizer={kind: gradient_descent, learning_rate: 1e12}").code == 3
    assert sorted(empty_folder.rglob("*")) == before


# ---- what it writes


def test_the_run_folder_holds_the_contract_s_files(empty_folder: Path) -> None:
    run = Path(call("train", trees(empty_folder), "-q").out.strip())
    assert {path.name for path in run.iterdir()} == FILES
    assert (run / "config.yaml").read_text() == TREES
    assert [path.name for path in Path("runs").iterdir()] == [run.name]  # nothing beside it, no look recorded


def test_metrics_have_these_keys_and_no_others(empty_folder: Path) -> None:
    run = call("train", trees(empty_folder), "-q", "regularizer={kind: l2, lambd: 0.5}").out.strip()
    lines = (Path(run) / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 3
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        assert list(record) == [
            "epoch", "step", "learning_rate", "cost", "penalty", "train", "dev", "grad_norm", "layers",
        ]  # fmt: skip
        assert (record["epoch"], record["step"], record["learning_rate"]) == (number, 3 * number, 0.001)
        assert list(record["train"]) == list(record["dev"]) == ["loss", "error"]
        assert 0 < record["penalty"] < record["cost"]
        assert len(record["layers"]) == 2
        for layer in record["layers"]:
            assert list(layer) == ["activation_norm", "gradient_norm", "update_ratio", "dead", "saturated"]


def test_a_run_without_dev_has_null_there(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "--json", "split={train: 1.0, dev: 0, test: 0}")
    assert called.code == 0
    assert called.json["errors"]["dev"] is None
    assert called.json["gaps"]["variance"] is None
    assert runs.read_metrics(called.json["run"])[-1]["dev"] is None


def test_run_json_says_what_it_was(empty_folder: Path) -> None:
    run = runs.read_run(call("train", trees(empty_folder), "-q").out.strip())
    assert run["state"] == "finished"
    assert (run["task"], run["epochs"], run["steps"], run["parent"]) == ("binary", 3, 9, None)
    assert re.fullmatch("[0-9a-f]{64}", run["data"]["sha256"])
    assert {"dltrain", "python", "numpy"} <= set(run["versions"])
    assert run["threads"] == 1 and run["cpu"]["cores"] >= 1 and run["blas"]


def test_events_hold_the_notes(empty_folder: Path) -> None:
    called = call("train", trees(empty_folder), "--run-id", "noted")
    told = [line.removeprefix("note: ") for line in called.err.splitlines() if line.startswith("note: ")]
    events = [json.loads(line) for line in Path("runs/noted/events.jsonl").read_text().splitlines()]
    assert told and [event["text"] for event in events if event["kind"] == "note"] == told


def test_training_never_looks_at_test(empty_folder: Path) -> None:
    """The same rows of train and dev, other values in the test rows: the same run."""
    config = trees(empty_folder)
    run = Path(call("train", config, "-q", "--run-id", "before").out.strip())
    text = (empty_folder / "trees.csv").read_text().splitlines(keepends=True)
    evaluated = call("predict", "before", "trees.csv", "--proba").out.splitlines()
    assert len(evaluated) == len(text)
    from dltrain import config as configs
    from dltrain import experiment

    test = experiment.prepare(configs.load([config])).data.parts["test"].rows
    for row in test:
        cells = text[row + 1].split(",")
        text[row + 1] = ",".join([cells[0], "99.5", "-99.5", cells[3]])
    (empty_folder / "trees.csv").write_text("".join(text))
    assert equal(run, Path(call("train", config, "-q").out.strip()))
    assert not Path("runs/looks.jsonl").exists()


# ---- as a process of its own


def process(*arguments: str, **settings: str) -> Called:
    environment = {**os.environ, **settings}
    done = subprocess.run(
        [sys.executable, "-m", "dltrain", *arguments], capture_output=True, text=True, env=environment
    )
    return Called(done.returncode, done.stdout, done.stderr)


def test_a_process_of_its_own(empty_folder: Path) -> None:
    trees(empty_folder)
    called = process("train", "trees.yaml", "--run-id", "alone", NO_COLOR="1", TERM="xterm-256color")
    assert (called.code, called.last) == (0, "runs/alone")
    assert "\x1b" not in called.out + called.err
    call("train", "trees.yaml", "-q", "--run-id", "inside")
    assert equal(Path("runs/alone"), Path("runs/inside"))
