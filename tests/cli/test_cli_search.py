"""`dltrain search` as a user meets it: rounds, the winner, ids, exit codes, and what lists and shows the study."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from cli_calling import Called, call, trees

from dltrain.studies.coordinator import text_of

SEARCH = """\
search:
  trials: 4
  rounds: 2
  winner_seeds: 1
  space:
    optimizer.learning_rate: {kind: log_uniform, low: 1.0e-3, high: 0.1}
    architecture.layers.count: {kind: int, low: 1, high: 2}
"""
FAST = ("training.epochs=2", "--workers", "2")


def searching(folder: Path) -> Path:
    """The config of the trees, with a search."""
    config = trees(folder)
    config.write_text(config.read_text() + SEARCH)
    return config


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`runs` with the search `wide`; tests only read it."""
    folder = tmp_path_factory.mktemp("search")
    called = call(
        *("search", searching(folder), *FAST, "search.prune={min_epochs: 1, factor: 2}", "--run-id", "wide"),
        *("--runs-dir", folder / "runs"),
    )
    assert called.code == 0, called.err
    assert called.last == str(folder / "runs" / "wide")
    return folder


def of(place: Path, *words: object) -> Called:
    return call(*words, "--runs-dir", place / "runs")


def table(study: Path, name: str = "results.csv") -> list[dict[str, str]]:
    with (study / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_point_is_a_row(place: Path) -> None:
    rows = table(place / "runs/wide")
    assert list(rows[0])[:7] == ["trial", "round", "state", "objective", "low", "high", "seed"]
    assert {*list(rows[0])[7:]} == {"optimizer.learning_rate", "architecture.layers.count"}
    assert [(row["trial"], row["round"], row["seed"]) for row in rows] == [
        ("0", "1", "1"),
        ("1", "1", "1"),
        ("2", "2", "1"),
        ("3", "2", "1"),
    ]
    assert (
        sorted(row["state"] for row in rows[:2]) == sorted(row["state"] for row in rows[2:]) == ["finished", "pruned"]
    )


def test_the_winner_is_trained_again_with_a_seed_of_its_own(place: Path) -> None:
    study = place / "runs/wide"
    finished = [row for row in table(study) if row["state"] == "finished"]
    best = min(finished, key=lambda row: (float(row["objective"]), int(row["trial"])))
    (winner,) = table(study, "winner.csv")
    same = ("optimizer.learning_rate", "architecture.layers.count")
    assert [winner[key] for key in same] == [best[key] for key in same]
    assert (winner["trial"], winner["round"], winner["seed"]) == ("4", "3", "2")
    summary = json.loads((study / "study.json").read_text())["summary"]
    assert summary["best"]["trial"] == int(best["trial"]) and summary["winner"]["seeds"] == [2]


def test_a_trial_is_the_run_that_its_overrides_give(place: Path, tmp_path: Path) -> None:
    """One that paused on the way, too, and one of another number of layers."""
    row = next(row for row in table(place / "runs/wide") if row["state"] == "finished")
    overrides = [text_of((key, json.loads(row[key]))) for key in row if "." in key]
    words = ("train", place / "trees.yaml", "training.epochs=2", *overrides, "training.threads=1")
    called = call(*words, "-q", "--run-id", "alone")
    assert called.code == 0, called.err
    for name in ("metrics.jsonl", "model.safetensors", "predictions.npz", "diagnosis.json"):
        found = (place / "runs/wide/trials" / row["trial"] / name).read_bytes()
        assert (tmp_path / "runs/alone" / name).read_bytes() == found, name


def test_a_pruned_trial_has_the_objective_of_its_last_epoch(place: Path) -> None:
    row = next(row for row in table(place / "runs/wide") if row["state"] == "pruned")
    trial = place / "runs/wide/trials" / row["trial"]
    (line,) = (trial / "metrics.jsonl").read_text().splitlines()
    assert float(row["objective"]) == json.loads(line)["dev"]["error"]
    assert (row["low"], row["high"]) == ("", "")
    assert json.loads((trial / "run.json").read_text())["state"] == "interrupted"


def test_the_same_command_again_is_a_quick_no_op(place: Path) -> None:
    words = ("search", place / "trees.yaml", *FAST, "search.prune={min_epochs: 1, factor: 2}", "--run-id", "wide")
    before = (place / "runs/wide/study.json").read_bytes()
    called = of(place, *words, "-q")
    assert (called.code, called.out.strip()) == (0, str(place / "runs/wide"))
    assert (place / "runs/wide/study.json").read_bytes() == before


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("search.trials=5", "trials: 4 -> 5"),
        ("seed=2", "seed: 1 -> 2"),
        ("training.epochs=3", "training.epochs: 2 -> 3"),
    ],
)
def test_an_id_of_another_search_is_refused(override: str, said: str, place: Path) -> None:
    called = of(
        place,
        *("search", place / "trees.yaml", *FAST, "search.prune={min_epochs: 1, factor: 2}", override),
        *("--run-id", "wide"),
    )
    assert called.code == 73 and called.err.count(said) == 1, called.err


def test_attempts_and_workers_may_be_others_on_the_way(place: Path) -> None:
    """They change no result."""
    words = ("search", place / "trees.yaml", "training.epochs=2", "search.prune={min_epochs: 1, factor: 2}")
    called = of(place, *words, "search.attempts=9", "--workers", 1, "--run-id", "wide", "-q")
    assert called.code == 0, called.err


def test_a_killed_search_goes_on(place: Path, tmp_path: Path) -> None:
    """As if everything had been killed in its second round: one trial lacks its end, one has not begun."""
    shutil.copytree(place / "runs", tmp_path / "runs")
    study = tmp_path / "runs/wide"
    expected = [(study / name).read_bytes() for name in ("results.csv", "winner.csv")]
    for trial in ("3", "4"):
        shutil.rmtree(study / "trials" / trial)
    (study / "winner.csv").unlink()
    record = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps({**record, "state": "running", "summary": None}))
    called = call("resume", "wide", "--workers", 1)
    assert called.code == 0, called.err
    assert [(study / name).read_bytes() for name in ("results.csv", "winner.csv")] == expected


def test_json_is_what_study_json_keeps(place: Path) -> None:
    words = ("search", place / "trees.yaml", *FAST, "search.prune={min_epochs: 1, factor: 2}", "--run-id", "wide")
    found = of(place, *words, "--json").json
    record = json.loads((place / "runs/wide/study.json").read_text())
    assert found["study"] == record["study"] and found["study"]["kind"] == "search"
    for key in ("best", "winner", "boxes", "rounds", "trials"):
        assert found[key] == record["summary"][key]


def test_lists_and_shows_know_a_search(place: Path) -> None:
    assert [run["id"] for run in of(place, "runs", "--json").json["runs"]] == ["wide"]
    assert of(place, "runs", "wide").code == 0
    row = next(row for row in table(place / "runs/wide") if row["state"] == "finished")
    found = of(place, "diagnose", f"wide/{row['trial']}", "--json").json
    assert found["errors"]["dev"]["value"] == float(row["objective"])
    assert of(place, "resume", "latest", "-q").out.strip() == str(place / "runs/wide")


def test_the_diagnosis_of_a_search_is_its_winners(place: Path) -> None:
    winner = json.loads((place / "runs/wide/study.json").read_text())["summary"]["winner"]
    found = of(place, "diagnose", "wide", "--json").json
    assert {key: found[key] for key in ("errors", "gaps", "verdict", "headline")} == {
        key: winner[key] for key in ("errors", "gaps", "verdict", "headline")
    }
    assert (found["study"]["kind"], found["trials"]) == ("search", [4])
    said = of(place, "diagnose", "wide")
    assert said.code == 0 and "avoidable bias" in said.out
    assert "config.resolved.yaml" not in said.out or "wide/trials/4/config.resolved.yaml" in said.out
    assert of(place, "diagnose", "wide", "--bayes-error", "1%").code == 0


def test_a_page_shows_a_search(place: Path) -> None:
    text = (place / "runs/wide/report.html").read_text()
    assert "optimizer.learning_rate" in text


def test_a_single_run_leaves_the_search_alone(place: Path, tmp_path: Path) -> None:
    called = call("train", place / "trees.yaml", "training.epochs=1", "--run-id", "one")
    assert called.code == 0, called.err
    assert "search: is for dltrain search" in called.err
    again = call("train", place / "trees.yaml", "training.epochs=1", "search.trials=9", "--run-id", "one")
    assert again.code == 0, again.err


def test_check_shows_the_space(place: Path) -> None:
    called = call("check", place / "trees.yaml")
    assert "search: coarse_to_fine, 4 points in 2 rounds, minimizing dev.error" in called.out
    linear = "search.space.optimizer.learning_rate={kind: uniform, low: 1.0e-4, high: 1}"
    found = call("check", place / "trees.yaml", linear, "search.trials=60", "--json").json
    assert found["search"]["rounds"] == [30, 30]
    (note,) = [note for note in found["notes"] if "optimizer.learning_rate is uniform" in note]
    assert "90 % of it, some 54 of 60 trials, lies in the top decade, 0.1 to 1; log_uniform" in note


def test_diverged_trials_are_results(tmp_path: Path) -> None:
    """The huge ones diverge, the others are compared: 0."""
    space = "search.space={optimizer.learning_rate: {kind: choice, values: [0.01, 1.0e+30]}}"
    config = searching(tmp_path)
    config.write_text(config.read_text().replace("    architecture.layers.count: {kind: int, low: 1, high: 2}\n", ""))
    words = ("optimizer={kind: gradient_descent}", "search.kind=grid", "search.winner_seeds=0", space)
    called = call("search", config, *FAST, *words, "--run-id", "wild", "-q")
    assert called.code == 0, called.err
    assert [(row["state"], row["objective"] == "inf") for row in table(tmp_path / "runs/wild")] == [
        ("finished", False),
        ("diverged", True),
    ]


def test_trials_that_find_no_end_in_time_leave_with_5(tmp_path: Path) -> None:
    words = ("search.trial_timeout=0.01s", "search.attempts=2", "search.trials=1", "search.rounds=1")
    called = call("search", searching(tmp_path), *FAST, *words, "--run-id", "slow")
    assert called.code == 5
    (row,) = table(tmp_path / "runs/slow")
    assert (row["state"], row["objective"]) == ("timed_out", "")
    assert len((tmp_path / "runs/slow/attempts/0.jsonl").read_text().splitlines()) == 2


def test_a_winner_that_crashes_with_a_fresh_seed_leaves_with_5_too(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place, tmp_path / "copy")
    stored = tmp_path / "copy/runs/wide/study.json"
    record = json.loads(stored.read_text())
    record["summary"]["winner"]["trials"][0] |= {"state": "crashed", "cause": "killed by SIGKILL"}
    stored.write_text(json.dumps(record))
    called = call("resume", tmp_path / "copy/runs/wide", "-q")
    assert called.code == 5
    assert called.err.splitlines() == ["error: trial 4 crashed: killed by SIGKILL"]


def test_until_epoch_pauses_a_run_that_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    config = searching(tmp_path)
    words = ("train", config, "training.epochs=3", "-q", "--run-id")
    assert call(*words, "whole").code == 0
    for epoch in (1, 1, 2):
        paused = call(*words, "parts", "--until-epoch", epoch)
        assert paused.code == 0, paused.err
        assert len((tmp_path / "runs/parts/metrics.jsonl").read_text().splitlines()) == epoch
        assert json.loads((tmp_path / "runs/parts/run.json").read_text())["state"] == "interrupted"
    assert call(*words, "parts").code == 0
    for name in ("metrics.jsonl", "model.safetensors", "predictions.npz", "diagnosis.json"):
        assert (tmp_path / "runs/parts" / name).read_bytes() == (tmp_path / "runs/whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["search=null"], "search: is missing, which says what is varied"),
        (["split.folds=3"], "split.folds: a trial is measured on one dev part"),
        (["search.objective=dev.rmse"], "dev.rmse is of regressions, and this is a binary task"),
        (["search.objective=train_dev.error"], "there is no train_dev set to measure it on"),
        (["search.prune={min_epochs: 3}"], "search.prune.min_epochs: 3 is not below training.epochs (3)"),
        (["search.kind=grid", "search.trials=3"], "search.trials: the grid has 16 points, not 3"),
        (["search.kind=grid", "search.points=1000", "search.space.seed=null"], "search.space.seed"),
        (
            ["search.space.training.batch_size={kind: int, low: 4, high: 100}"],
            "search.space.training.batch_size: batch_size 100 is larger than the m = 36 training examples",
        ),
        (
            ["search.space.optimizer.beta={kind: uniform, low: 0.5, high: 0.9}"],
            "search.space.optimizer.beta: unknown key of adam; did you mean beta2?",
        ),
        (
            ["search.space.architecture.activation={kind: choice, values: [relu, tahn]}"],
            "search.space.architecture.activation: 'tahn' is not allowed",
        ),
        (
            ["search.space.architecture.layers.2.units={kind: int, low: 1, high: 3}"],
            "search.space.architecture.layers.2.units: there is never such a layer",
        ),
        ([f"seed={2**63 - 1}"], f"seed: {2**63 - 1} leads to seeds up to {2**63}; expected them below 2**63"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(overrides: list[str], said: str, tmp_path: Path) -> None:
    called = call("search", searching(tmp_path), *overrides)
    assert called.code == 2 and said in called.err, called.err
    assert not (tmp_path / "runs").exists()
