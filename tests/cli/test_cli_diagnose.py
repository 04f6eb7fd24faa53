"""`dltrain diagnose`: of errors typed by hand, and of runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call

from dltrain import runs
from dltrain.diagnosis.intervals import wilson

NOTES = [  # the four pairs of the notes' section 1.2, and the third remark below it
    (("1%", "11%"), "high variance"),
    (("15%", "16%"), "high bias"),
    (("15%", "30%"), "high bias and high variance"),
    (("0.5%", "1%"), "low bias and low variance"),
    (("15%", "16%", "--bayes-error", "15%"), "low bias and low variance"),
]
BIAS, VARIANCE = "high-bias", "high-variance"


def typed(train: str, dev: str, *more: str) -> list[str]:
    return ["diagnose", "--train-error", train, "--dev-error", dev, *more]


@pytest.mark.parametrize("pair, headline", NOTES)
def test_the_pairs_of_the_notes(pair: tuple[str, ...], headline: str) -> None:
    called = call(*typed(*pair))
    assert (called.code, called.err) == (0, "")
    assert f"verdict: {headline}\n" in called.out
    found = call(*typed(*pair), "--json").json
    assert found["headline"] == headline
    assert found["verdict"]["bias"] == ("high" if "high bias" in headline else "low")
    assert found["verdict"]["variance"] == ("high" if "high variance" in headline else "low")


@pytest.mark.parametrize("pair, headline", NOTES)
def test_findings_exit_4(pair: tuple[str, ...], headline: str) -> None:
    for finding, words in ((BIAS, "high bias"), (VARIANCE, "high variance")):
        called = call(*typed(*pair), "--fail-on", finding)
        assert called.code == (4 if words in headline else 0)
        assert "verdict: " in called.out
    assert call(*typed(*pair), "--fail-on", f"{BIAS},{VARIANCE}", "--json").code == (4 if "high" in headline else 0)
    assert call(*typed(*pair), "--fail-on", "mismatch, undetermined").code == 0


def test_rates_are_written_in_either_way() -> None:
    assert call(*typed("1%", "11%"), "--json").out == call(*typed("0.01", "0.11"), "--json").out


def test_typed_errors_as_json() -> None:
    found = call(*typed("1%", "11%", "--test-error", "12%"), "--json").json
    assert found["schema_version"] == 1
    assert {"errors", "gaps", "verdict", "headline"} <= set(found)
    assert found["errors"]["train"]["value"] == 0.01
    assert found["errors"]["train"]["source"] == found["errors"]["dev"]["source"] == "typed"
    assert found["errors"]["bayes"]["source"] == "assumed"
    assert found["gaps"]["variance"]["value"] == pytest.approx(0.10)
    assert found["gaps"]["test_gap"]["value"] == pytest.approx(0.01)
    assert found["verdict"] == {"bias": "low", "variance": "high", "mismatch": None}


def test_with_a_size_there_is_an_interval_and_doubt() -> None:
    found = call(*typed("1%", "2.5%", "--dev-size", "200"), "--json").json
    dev, gap = found["errors"]["dev"], found["gaps"]["variance"]
    # Wilson's interval of 5 in 200, computed by hand: centre 0.03395, half-width 0.02279.
    assert (dev["low"], dev["high"]) == pytest.approx((0.011163, 0.057366), abs=5e-4)
    assert (gap["verdict"], gap["point"]) == ("undetermined", "low")
    assert gap["settle"]["part"] == "dev"
    called = call(*typed("1%", "2.5%", "--dev-size", "200", "--fail-on", "undetermined"))
    assert called.code == 4
    assert "verdict: undetermined, leaning low bias and low variance" in called.out
    enough = 200 + gap["settle"]["more"]
    assert call(*typed("1%", "2.5%", "--dev-size", str(enough), "--fail-on", "undetermined")).code == 0
    assert call(*typed("1%", "2.5%", "--dev-size", str(enough - 50), "--fail-on", "undetermined")).code == 4


def test_threshold_and_confidence() -> None:
    assert "verdict: low bias and low variance" in call(*typed("1%", "11%", "--threshold", "15%")).out
    wide = call(*typed("1%", "11%", "--dev-size", "500", "--confidence", "99%"), "--json").json
    narrow = call(*typed("1%", "11%", "--dev-size", "500", "--confidence", "80%"), "--json").json
    assert wide["errors"]["dev"]["high"] > narrow["errors"]["dev"]["high"] > 0.11


def test_mismatch() -> None:
    called = call(*typed("1%", "10%", "--train-dev-error", "1.5%"), "--fail-on", "mismatch")
    assert called.code == 4
    assert "data mismatch" in called.out
    found = call(*typed("1%", "10%", "--train-dev-error", "1.5%"), "--json").json
    assert found["gaps"]["variance"]["value"] == pytest.approx(0.005)
    assert found["gaps"]["mismatch"]["value"] == pytest.approx(0.085)
    assert found["headline"].endswith("data mismatch")


def test_every_part_may_have_a_size() -> None:
    sizes = ["--dev-size", "900", "--train-dev-size", "800", "--test-size", "700", "--bayes-size", "600"]
    errors = ["--train-dev-error", "10%", "--test-error", "12%", "--bayes-error", "2%"]
    found = call(*typed("1%", "11%"), *errors, *sizes, "--json").json
    for part, value, n in (("dev", 0.11, 900), ("train_dev", 0.10, 800), ("test", 0.12, 700), ("bayes", 0.02, 600)):
        entry = found["errors"][part]
        assert (entry["n"], entry["low"], entry["high"]) == (n, *wilson(value, n, 0.95)), part
    assert found["gaps"]["mismatch"]["low"] < 0.01 < found["gaps"]["mismatch"]["high"]


def test_a_size_without_its_error_is_refused() -> None:
    called = call(*typed("1%", "11%"), "--test-size", "100", "--bayes-size", "9")
    assert (called.code, called.out, len(called.errors)) == (2, "", 2)
    assert "--test-size: goes with --test-error, which is not given" in called.err


def test_a_bare_1_may_mean_either() -> None:
    called = call(*typed("1", "11%"))
    assert (called.code, called.out) == (2, "")
    assert "--train-error: '1' is no rate" in called.err and "write 1% or 100%, whichever is meant" in called.err
    assert call(*typed("100%", "1%")).code == 0


def test_typed_errors_are_told_of_their_own_option() -> None:
    assert "give --bayes-error" in call(*typed("15%", "16%")).out
    assert "diagnosis.bayes_error" not in call(*typed("15%", "16%")).out


# ---- of runs


def test_one_run(shelf: Path) -> None:
    called = call("diagnose", "trees", "--runs-dir", shelf / "runs")
    assert called.code == 0
    assert "verdict: " in called.out and "majority class" in called.out
    found = call("diagnose", "trees", "--runs-dir", shelf / "runs", "--json").json
    written = json.loads((shelf / "runs/trees/diagnosis.json").read_text())
    metrics = found.pop("metrics")
    assert found == {"run": str(shelf / "runs/trees"), **written}
    assert metrics["part"] == "dev"
    arrays = runs.decode_predictions(shelf / "runs/trees")
    wrong = np.flatnonzero(arrays["errors"])
    assert sum(one["error"]["n"] for one in metrics["per_class"]) == 12
    assert {one["row"] for one in metrics["mistakes"]} == set(arrays["rows"][wrong].tolist())
    assert all(one["id"] == f"tree-{one['row']}" for one in metrics["mistakes"])
    assert "expected calibration error" in called.out and "surest mistakes" in called.out


def test_all_runs_newest_first(shelf: Path) -> None:
    called = call("diagnose", "--runs-dir", shelf / "runs")
    rows = [line.split()[0] for line in called.out.splitlines()[2:]]
    assert rows == ["digits", "costs", "trees"]  # the diverged one has no diagnosis
    found = call("diagnose", "--runs-dir", shelf / "runs", "--json").json
    assert set(found) == {"schema_version", "runs"}
    assert [Path(run["run"]).name for run in found["runs"]] == rows
    assert all({"errors", "gaps", "verdict", "headline", "baselines", "advice"} <= set(run) for run in found["runs"])


def test_what_differs_between_runs_is_said(shelf: Path, empty_folder: Path) -> None:
    for epochs in (1, 2):
        config = ["data={source: digits, target: label}", "architecture.layers=[]", f"training.epochs={epochs}"]
        assert call("train", *config, "-q", "--run-id", f"e{epochs}").code == 0
    found = call("diagnose", "e2", "e1", "--json").json["runs"]
    assert [run["differs"] for run in found] == [{"training.epochs": 2}, {"training.epochs": 1}]
    for command in ("diagnose", "runs"):
        lines = call(command).out.splitlines()
        assert "differs" in lines[0] and "training.epochs=2" in lines[2] and "training.epochs=1" in lines[3]
    assert "differs" not in call("runs", "--runs-dir", shelf / "runs").out  # they have little in common


def test_several_runs_by_path_and_prefix(shelf: Path) -> None:
    found = call("diagnose", shelf / "runs/digits", "tre", "--runs-dir", shelf / "runs", "--json").json
    assert [Path(run["run"]).name for run in found["runs"]] == ["digits", "trees"]


@pytest.mark.parametrize("nothing", ["", " ", ",", " , "])
def test_a_gate_that_names_nothing_is_refused(nothing: str) -> None:
    called = call(*typed("1%", "11%"), "--fail-on", nothing)
    assert called.code == 2 and not called.out
    assert called.errors == [
        "error: --fail-on: names no finding; expected one or more of high-bias, high-variance, mismatch, undetermined"
    ]


def test_runs_fail_on_findings_too(shelf: Path) -> None:
    """One epoch of eight units has not learned the digits."""
    assert call("diagnose", "digits", "--runs-dir", shelf / "runs", "--fail-on", BIAS).code in (0, 4)
    found = call("diagnose", "digits", "--runs-dir", shelf / "runs", "--json").json
    assert found["verdict"]["bias"] == "high"
    assert call("diagnose", "digits", "--runs-dir", shelf / "runs", "--fail-on", BIAS).code == 4
    assert call("diagnose", "--runs-dir", shelf / "runs", "--fail-on", BIAS).code == 4


def test_the_test_part_is_filled_in_once_asked_for(shelf: Path, empty_folder: Path) -> None:
    shutil.copytree(shelf / "runs/digits", "runs/digits")
    before = Path("runs/digits/diagnosis.json").read_bytes()
    assert call("diagnose", "digits", "--json").json["errors"]["test"] is None
    measured = call("evaluate", "digits", "--json").json["error"]
    found = call("diagnose", "digits", "--json").json
    assert {key: found["errors"]["test"][key] for key in measured} == measured
    assert found["gaps"]["test_gap"]["value"] == pytest.approx(measured["value"] - found["errors"]["dev"]["value"])
    assert "test gap" in call("diagnose", "digits").out
    assert Path("runs/digits/diagnosis.json").read_bytes() == before  # it writes nothing


def test_a_run_without_a_diagnosis(shelf: Path) -> None:
    called = call("diagnose", "lost", "--runs-dir", shelf / "runs")
    assert (called.code, called.err) == (2, "error: lost has no diagnosis: the run is diverged\n")


def test_names_and_numbers_do_not_mix(shelf: Path) -> None:
    called = call("diagnose", "trees", "--train-error", "1%", "--runs-dir", shelf / "runs")
    assert (called.code, called.err) == (2, "error: name runs or type errors, not both\n")


@pytest.mark.parametrize("finding, guess", [("hihg-bias", "high-bias"), ("mismach", "mismatch")])
def test_a_misspelt_finding(finding: str, guess: str) -> None:
    called = call(*typed("1%", "2%"), "--fail-on", finding)
    assert (called.code, called.out) == (2, "")
    assert called.err.endswith(f"; did you mean {guess}?\n")
