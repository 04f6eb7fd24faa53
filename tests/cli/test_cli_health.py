"""Health through the whole command: trained, diagnosed again with another Bayes error, explained."""

from __future__ import annotations

import shlex
from pathlib import Path

from cli_calling import call

CONFIG = """data: {source: digits, target: label, limit: 400}
split: {train: 200, dev: 200, test: 0}
architecture: {layers: [16]}
optimizer: {kind: gradient_descent, learning_rate: 3}
training: {epochs: 8, batch_size: 32}
"""


def test_findings_follow_a_training_from_the_run_to_the_cure(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    where = ("--runs-dir", str(tmp_path / "runs"))
    first = call("train", str(tmp_path / "c.yaml"), *where)
    assert "  dead-units (layer 1): " in first.out
    found = call("diagnose", "latest", *where, "--json").json
    assert found["health"][0]["id"] == "dead-units" and found["health"][0]["layer"] == 1
    assert found["advice"][0]["overrides"] == ["optimizer.learning_rate=0.3"]
    cure = next(line.strip() for line in first.out.splitlines() if line.startswith("  dltrain train"))
    second = call(*shlex.split(cure)[1:], "--json")
    assert second.json["errors"]["train"]["value"] < found["errors"]["train"]["value"]
    assert not any(one["id"] == "dead-units" for one in second.json["health"])


def test_a_run_is_judged_again_by_a_stated_bayes_error(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG.replace("learning_rate: 3", "learning_rate: 0.01"))
    where = ("--runs-dir", str(tmp_path / "runs"))
    call("train", str(tmp_path / "c.yaml"), *where, "-q")
    before = call("diagnose", "latest", *where, "--json").json
    after = call("diagnose", "latest", *where, "--bayes-error", "90%", "--json").json
    assert (before["verdict"]["bias"], after["verdict"]["bias"]) == ("high", "low")
    assert after["errors"]["bayes"]["source"] == "stated"
    assert "still-falling" in {one["id"] for one in before["health"]}
    assert after["health"] == [one for one in before["health"] if one["id"] != "still-falling"]
    assert not any("bigger network" in piece["action"] for piece in after["advice"])
    again = call("diagnose", "latest", *where, "--json").json
    assert again == before, "nothing is written"
    refused = call("diagnose", "latest", *where, "--bayes-error", "120%")
    assert refused.code == 2 and "--bayes-error" in refused.err


def test_explain_knows_findings_and_keys() -> None:
    assert call("explain", "vanishing-gradients").out.startswith("vanishing-gradients\n")
    assert call("explain", "high-bias").out.startswith("high-bias\n")
    assert call("explain", "plateau", "--json").json["key"] == "plateau"
    for typed, meant in (("dead_units", "dead-units"), ("oscillating", "oscillating-cost"), ("plateu", "plateau")):
        wrong = call("explain", typed)
        assert wrong.code == 2
        assert wrong.err == f"error: unknown key or finding '{typed}'; did you mean {meant}?\n"
    assert "did you mean learning_rate?" in call("explain", "learning_rat").err
