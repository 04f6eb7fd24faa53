"""What a search still has before it while it runs, the best so far, and how both are shown."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest

from dltrain.report.search_course import Course, Portion, portions
from dltrain.report.trials import Lines, Table
from dltrain.studies.model import Result


def record(**more: Any) -> dict[str, Any]:
    study = {"kind": "search", "trials": 7, "rounds": 3, "seeds": 1, "winner_seeds": 2, "prune": None, **more}
    return {"study": study, "given": {"resolved": {"training": {"epochs": 45}}}}


def result(trial: int, dev: float | None, outcome: Any = "finished", **more: Any) -> Result:
    errors = {} if dev is None else {"dev": {"value": dev}}
    fields = {"round": 1, "overrides": {"seed": 1}, "path": Path("none"), "errors": errors, "outcome": outcome}
    return Result(**{"trial": trial, **fields, **more})


def test_all_rounds_and_the_winner_are_planned_ahead() -> None:
    assert portions(record()["study"], 45) == [Portion(3), Portion(2), Portion(2), Portion(2)]
    assert portions(record(seeds=2, winner_seeds=0)["study"], 45) == [Portion(6), Portion(4), Portion(4)]
    assert Course.of(record()).expected == 9 and Course.of({"study": {"kind": "seeds"}}).expected == 0


def test_the_work_of_rungs_is_that_of_their_epochs() -> None:
    """9 points for 5 epochs, 3 of them to 15, 1 to 45: 45 + 30 + 30 epochs, 7/3 of a training."""
    study = record(trials=9, rounds=1, winner_seeds=0, prune={"factor": 3, "rungs": [5, 15]})["study"]
    found = portions(study, 45)
    assert [one.trials for one in found] == [9, 3, 1]
    assert sum(one.trials * one.work for one in found) * 45 == pytest.approx(105)


def test_the_time_left_counts_what_this_start_has_done() -> None:
    """3 trials of which 1 was over before; 1 done in 10 seconds leaves 1, then 2, 2 and 2: 70 seconds."""
    course = Course.of(record())
    course.round({0: {}, 1: {}, 2: {}}, 1)
    assert course.seconds_left(10) == math.inf
    course.ended(result(1, 0.1))
    assert course.seconds_left(10) == pytest.approx(70)


def test_the_best_so_far_trained_to_its_end_and_is_no_winners_training() -> None:
    course = Course.of(record())
    course.round(dict.fromkeys(range(7), {}), 0)
    for one in (
        result(0, 0.3),
        result(1, 0.2),
        result(2, 0.2),
        result(3, 0.01, "paused", epochs=5),
        result(4, None, "diverged"),
        result(7, 0.001, role="winner"),
    ):
        course.ended(one)
    assert course.best() == [1]


def test_the_best_point_of_several_seeds_is_the_best_mean_of_whole_ones() -> None:
    course = Course.of(record(seeds=2))
    for trial, dev in enumerate((0.1, 0.4, 0.2, 0.2, 0.0)):
        course.ended(result(trial, dev))
    assert course.best() == [2, 3]


def test_lines_mark_the_best_and_say_what_is_left(tmp_path: Path) -> None:
    stream = io.StringIO()
    with Lines(folder=tmp_path, task="binary", workers=1, stream=stream, record=record()) as shown:
        shown.round(dict.fromkeys(range(3), {}), 0)
        shown.ended(result(0, 0.25))
        shown.ended(result(1, 0.5))
    first, second = stream.getvalue().splitlines()[1:]
    assert first.startswith("trial 0 (1/9)  finished") and "best so far" in first and first.endswith(" left")
    assert "best so far" not in second and second.endswith(" left")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_table_shows_paused_pruned_best_and_the_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    with Table(folder=tmp_path, task="binary", workers=1, stream=stream, record=record()) as shown:
        shown.round(dict.fromkeys(range(4), {"seed": 1}), 0)
        for trial, outcome in enumerate(("paused", "paused", "finished", "diverged")):
            shown.started(trial, 1)
            dev = None if outcome == "diverged" else 0.1 * (trial + 1)
            shown.ended(result(trial, dev, outcome, epochs=5 if outcome == "paused" else None))
        shown.round({0: {"seed": 1}}, 0)
        shown.started(0, 1)
        shown.round({7: {"seed": 2}}, 0)
        shown.started(7, 1)
        states = {row.trial: row.state for row in shown.rows.values()}
        assert states == {0: "running", 1: "pruned", 2: "finished", 3: "diverged", 7: "running"}
        shown.draw()
    text = stream.getvalue()
    assert "the winner: seed=2" in text and text.count("best so far") >= 1
    assert "of 9 trials are over" in text


def test_the_best_trial_stays_in_sight(tmp_path: Path) -> None:
    stream = Terminal()
    shown = Table(folder=tmp_path, task="binary", workers=1, stream=stream, record=record(trials=60, rounds=1))
    shown.round(dict.fromkeys(range(60), {"seed": 1}), 0)
    for trial in range(60):
        shown.started(trial, 1)
        shown.ended(result(trial, 0.01 if trial == 5 else 0.2))
    kept = [row.trial for row in shown._shown()]
    assert 5 in kept and 59 in kept and len(kept) == 16
