"""What is seen while a study runs, and the tables at its end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from dltrain.report.study_tables import print_study
from dltrain.report.trials import Lines, Table, difference, trials_display
from dltrain.studies.model import Result

PROPOSALS = [{"seed": 1, "optimizer.learning_rate": 0.1}, {"seed": 2, "optimizer.learning_rate": 0.1}]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def result(trial: int, dev: float | None, **more: Any) -> Result:
    errors = {} if dev is None else {"train": {"value": 0.01}, "dev": {"value": dev}}
    fields = {"round": 1, "overrides": PROPOSALS[trial], "path": Path("none"), "errors": errors, "outcome": "finished"}
    return Result(**{"trial": trial, **fields, **more})


def test_lines_for_logs(tmp_path: Path) -> None:
    stream = io.StringIO()
    with Lines(folder=tmp_path, task="binary", workers=2, stream=stream) as shown:
        shown.round(dict(enumerate(PROPOSALS)), 0)
        shown.started(0, 1)
        shown.started(1, 2)
        shown.tick()
        shown.ended(result(0, 0.125))
        shown.ended(result(1, None, outcome="timed_out", cause="no result in\n\x1b[31mtime"))
    lines = [line.rpartition("  ")[0] if "0:0" in line else line for line in stream.getvalue().splitlines()]
    assert lines == [
        "2 trials, 2 at once",
        "trial 1 failed; attempt 2",
        "trial 0 (1/2)  finished  train   1.00%  dev  12.50%  seed=1 learning_rate=0.1",
        "trial 1 (2/2)  timed out  no result in \\x1b[31mtime  seed=2 learning_rate=0.1",
    ]


@pytest.mark.parametrize(("count", "said"), [(1, "1 trial, 2 at once"), (2, "2 trials, 2 at once")])
def test_one_trial_is_one(count: int, said: str, tmp_path: Path) -> None:
    stream = io.StringIO()
    with Lines(folder=tmp_path, task="binary", workers=2, stream=stream) as shown:
        shown.round(dict(enumerate(PROPOSALS[:count])), 0)
    assert stream.getvalue().splitlines() == [said]


def test_a_table_for_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    trial = tmp_path / "trials" / "1"
    trial.mkdir(parents=True)
    (trial / "metrics.jsonl").write_text(
        json.dumps({"epoch": 3, "train": {"error": 0.2}, "dev": {"error": 0.3}}) + "\n"
    )
    stream = Terminal()
    with Table(folder=tmp_path, task="binary", workers=2, stream=stream) as shown:
        shown.round(dict(enumerate(PROPOSALS)), 0)
        for number in (0, 1):
            shown.started(number, 1)
        shown.ended(result(0, 0.125))
        shown.draw()
        text = stream.getvalue()
        assert "seed=2 learning_rate=0.1" in text and "30.00%" in text and "12.50%" in text
        assert "1 of 2 trials are over" in text and "running" in text


def test_the_display_fits_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    made = {"folder": tmp_path, "task": "binary", "workers": 1}
    assert type(trials_display(**made, stream=Terminal())) is Table
    assert type(trials_display(**made, stream=io.StringIO())) is Lines
    assert type(trials_display(**made, quiet=True, stream=Terminal())).__name__ == "Trials"
    monkeypatch.setenv("NO_COLOR", "1")
    assert type(trials_display(**made, stream=Terminal())) is Lines


def test_what_all_trials_share_is_not_what_they_differ_in() -> None:
    assert difference({"seed": 1, "training.steps": 9, "data.train_limit": 5}) == "seed=1 train_limit=5"
    decay = {"regularizer.kind": "l2", "regularizer.lambd": 0.1, "architecture.layers.0.regularizer": None}
    assert difference(decay | {"data.limit": None}) == "regularizer=l2 lambd=0.1 limit=null"


def test_a_learning_curve_says_what_twice_the_data_would_buy() -> None:
    point = {"value": 0.1, "low": 0.08, "high": 0.12, "n": 3}
    summary = {
        "points": [{"m": 50, "train": point, "dev": point}],
        "fit": {"a": 0.02, "b": 1.5, "c": 0.7},
        "twice": {"m": 100, "error": {**point, "value": 0.09}, "buys": {"value": 0.01, "low": 0.0, "high": 0.03}},
        "note": None,
    }
    stream = io.StringIO()
    print_study({"task": "binary", "study": {"kind": "learning_curve"}, "summary": summary}, stream=stream)
    lines = stream.getvalue().splitlines()
    assert lines[2].split() == ["50", "10.00%", "10.00%", "8.00", "to", "12.00%", "3"]
    assert lines[4] == "fit: dev error = 0.02 + 1.5 m^-0.70"
    assert lines[5] == (
        "twice the data, 100 examples: dev 9.00% (8.00 to 12.00%), which takes off 1.00% (0.00 to 3.00%)"
    )


def test_errors_of_regression_are_no_percentages() -> None:
    errors = {"dev": {"value": 1.25, "low": 1.0, "high": 1.5, "sd": 0.1, "of": "training randomness only"}}
    stream = io.StringIO()
    record = {"task": "regression", "study": {"kind": "seeds"}, "summary": {"errors": errors, "trials": []}}
    print_study(record, stream=stream)
    assert "dev       1.250 (1.000 to 1.500), sd 0.100" in stream.getvalue()
