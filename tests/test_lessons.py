"""The lessons: configs whose comments say what they show, and commands that show it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from dltrain.cli.boundary import run

ROOT = Path(__file__).parent.parent


def shown(name: str, runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What each command in the comments of a lesson prints with --json."""
    lines = (ROOT / f"configs/{name}.yaml").read_text().splitlines()
    commands = [shlex.split(line.removeprefix("#"))[1:] for line in lines if line.startswith("#   dltrain ")]
    found = []
    for words in commands:
        words = [str(ROOT / word) if word.startswith("configs/") else word for word in words]
        assert run([*words, "--json", "--runs-dir", str(runs_dir)]) == 0
        found.append(json.loads(capsys.readouterr().out))
    return found


def gap(found: dict[str, Any], name: str) -> float:
    value: float = found["gaps"][name]["value"]
    return value


@pytest.mark.slow
def test_a_bigger_network_with_l2_lowers_bias_without_raising_variance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small, bigger = shown("lesson_bigger_network", tmp_path, capsys)
    assert small["verdict"]["bias"] == "high" and bigger["verdict"]["bias"] == "low"
    assert gap(bigger, "avoidable_bias") < gap(small, "avoidable_bias") - 0.1
    assert gap(bigger, "variance") <= gap(small, "variance")


@pytest.mark.slow
def test_more_data_lowers_variance_without_raising_bias(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    little, much = shown("lesson_more_data", tmp_path, capsys)
    assert (little["errors"]["train"]["n"], much["errors"]["train"]["n"]) == (100, 1000)
    assert little["verdict"]["variance"] == "high" and much["verdict"]["variance"] == "low"
    assert gap(much, "variance") < gap(little, "variance") - 0.03
    assert gap(much, "avoidable_bias") <= gap(little, "avoidable_bias")


@pytest.mark.slow
def test_l2_leaves_fitting_and_not_overfitting_to_knobs_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learning rate moves bias and variance under early stopping, and neither under L2, whose variance is lower."""
    l2, l2_slow, stopped, stopped_slow = shown("lesson_l2_not_early_stopping", tmp_path, capsys)
    for name in ("avoidable_bias", "variance"):
        assert abs(gap(l2, name) - gap(l2_slow, name)) < 0.005
        assert abs(gap(stopped, name) - gap(stopped_slow, name)) > 0.01
    assert gap(l2, "variance") < gap(stopped, "variance")
    assert stopped["errors"]["dev"]["selected"] and "selected" not in l2["errors"]["dev"]
