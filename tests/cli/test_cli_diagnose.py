"""`dltrain diagnose`: of errors typed by hand, and of runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_calling import call

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


# ---- of runs


def test_one_run(shelf: Path) -> None:
    called = call("diagnose", "trees", "--runs-dir", shelf / "runs")
    assert called.code == 0
    assert "verdict: " in called.out and "majority class" in called.out
    found = call("diagnose", "trees", "--runs-dir", shelf / "runs", "--json").json
    written = json.loads((shelf / "runs/trees/diagnosis.json").read_text())
    assert found == {"run": str(shelf / "runs/trees"), **written}


def test_all_runs_newest_first(shelf: Path) -> None:
    called = call("diagnose", "--runs-dir", shelf / "runs")
    rows = [line.split()[0] for line in called.out.splitlines()[2:]]
    assert rows == ["digits", "costs", "trees"]  # the diverged one has no diagnosis
    found = call("diagnose", "--runs-dir", shelf / "runs", "--json").json
    assert set(found) == {"schema_version", "runs"}
    assert [Path(run["run"]).name for run in found["runs"]] == rows
    assert all({"errors", "gaps", "verdict", "headline", "baselines", "advice"} <= set(run) for run in found["runs"])


def test_several_runs_by_path_and_prefix(shelf: Path) -> None:
    found = call("diagnose", shelf / "runs/digits", "tre", "--runs-dir", shelf / "runs", "--json").json
    assert [Path(run["run"]).name for run in found["runs"]] == ["digits", "trees"]


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
