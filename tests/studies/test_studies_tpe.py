"""tpe by Optuna: rounds that follow from the points before them alone, and the copy that its dashboard opens."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dltrain.errors import InputError
from dltrain.studies import study_db
from dltrain.studies.model import Outcome, Result
from dltrain.studies.points import Point
from dltrain.studies.space import Space
from dltrain.studies.tpe import propose

optuna = pytest.importorskip("optuna")
SPACE = Space.of(
    {
        "optimizer.learning_rate": {"kind": "log_uniform", "low": 1e-4, "high": 1.0},
        "optimizer.kind": {"kind": "choice", "values": ["adam", "momentum"]},
        "optimizer.beta": {
            "kind": "one_minus_log_uniform",
            "low": 0.5,
            "high": 0.99,
            "when": {"optimizer.kind": "momentum"},
        },
        "architecture.layers.1.units": {"kind": "log_int", "low": 4, "high": 64},
        "architecture.layers.count": {"kind": "int", "low": 1, "high": 3},
    }
)


def point(index: int, us: Sequence[float], objective: float | None, outcome: Outcome = "finished") -> Point:
    overrides = SPACE.sample(us)
    errors = {"dev": {"value": objective}} if outcome == "finished" else {}
    result = Result(trial=index, round=1, overrides=overrides, outcome=outcome, path=Path(str(index)), errors=errors)
    return Point(index=index, round=1, overrides=overrides, results=(result,))


def rounds(objective: Any, count: int = 3, size: int = 12, seed: int = 1) -> list[Point]:
    points: list[Point] = []
    for _ in range(count):
        for us in propose(SPACE, points, size, seed):
            points.append(point(len(points), us, objective(SPACE.sample(us))))
    return points


def off(overrides: dict[str, Any]) -> float:
    return abs(SPACE["optimizer.learning_rate"].values.place(overrides["optimizer.learning_rate"]) - 0.7)


def test_a_round_follows_from_the_points_before_it() -> None:
    points = rounds(off)
    assert [one.overrides for one in rounds(off)] == [one.overrides for one in points]
    assert [one.overrides for one in rounds(off, seed=2)] != [one.overrides for one in points]
    assert len({str(one.overrides) for one in points}) == len(points)


def test_later_rounds_come_nearer() -> None:
    points = rounds(off, count=4)
    first, last = points[:12], points[-12:]
    assert sum(off(dict(one.overrides)) for one in last) < 0.7 * sum(off(dict(one.overrides)) for one in first)


def test_only_what_counts_is_set() -> None:
    for one in rounds(off):
        assert ("optimizer.beta" in one.overrides) == (one.overrides["optimizer.kind"] == "momentum")
        assert ("architecture.layers.1.units" in one.overrides) == (one.overrides["architecture.layers.count"] > 1)


def test_what_diverged_is_shunned_and_what_crashed_left_out() -> None:
    draws = propose(SPACE, [], 30, 1)
    done = [point(i, us, None, "diverged") if us[0] > 0.5 else point(i, us, us[0]) for i, us in enumerate(draws)]
    done.append(point(30, draws[0], None, "crashed"))
    high = [us for us in propose(SPACE, done, 20, 1) if us[0] > 0.5]
    assert len(high) <= 4


def test_without_optuna_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'dltrain\[optuna\]'"):
        propose(SPACE, [], 1, 1)


def test_the_database_holds_each_point(tmp_path: Path) -> None:
    points = rounds(off, count=1)
    points.append(point(12, [0.1] * 5, None, "diverged"))
    points.append(point(13, [0.2] * 5, None, "crashed"))
    (tmp_path / "study.db").write_bytes(study_db.database("digits", SPACE, points))
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert [trial.params for trial in study.trials] == [one.overrides for one in points]
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE"] * 13 + ["FAIL"]
    assert study.best_trial.number == min(range(12), key=lambda i: off(dict(points[i].overrides)))
    assert study.trials[12].value == float("inf")
    assert study.trials[0].distributions["optimizer.learning_rate"].log
