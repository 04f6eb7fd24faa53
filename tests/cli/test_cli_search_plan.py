"""`dltrain search --plan --budget`: what the time pays for, and what to run then."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from cli_calling import call

CONFIG = """\
data: {source: digits, target: label, limit: 300}
architecture: {layers: [8]}
training: {epochs: 4}
search: {space: {optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 0.1}}, winner_seeds: 0}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "config.yaml"


def test_ten_times_the_budget_pays_for_about_ten_times_the_trials(config: Path) -> None:
    for budget, way in (("10h", "caviar"), ("1ms", None), ("0.01s", "panda")):
        ended = call("search", config, "--plan", "--budget", budget, "--workers", 2, "--json")
        if way is None:
            assert ended.code == 2 and "--budget" in ended.err
            continue
        plan = ended.json["plan"]
        assert plan["way"] == way
        assert plan["trials"] == max(0, int(plan["budget"] * plan["workers"] / plan["trial"]))
        assert len(plan["timed"]) == 5 and all(one["steps"] == 12 and one["epochs"] == 4 for one in plan["timed"])
        assert all(one["step"] > 0 for one in plan["timed"]) and plan["start"] > 0
        first = shlex.split(ended.json["commands"][0])
        assert first[:3] == ["dltrain", "search" if way == "caviar" else "train", str(config)]


def test_it_prints_and_writes_nothing(config: Path) -> None:
    ended = call("search", config, "--plan", "--budget", "2h", "--run-id", "one", "--runs-dir", config.parent / "runs")
    assert ended.code == 0 and "caviar" in ended.out and "dltrain search" in ended.out
    assert not (config.parent / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"), [(["--plan"], "--plan needs --budget"), (["--budget", "2h"], "goes with --plan")]
)
def test_the_one_option_needs_the_other(words: list[str], said: str, config: Path) -> None:
    ended = call("search", config, *words)
    assert ended.code == 2 and said in ended.err
