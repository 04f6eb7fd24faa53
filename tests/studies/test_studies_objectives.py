"""What a trial's number is: of its finished run, of the epoch at which it pauses, or none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from studies_parts import whole_diagnosis

from dltrain.studies import objectives
from dltrain.studies.model import Planned, Result
from dltrain.studies.trial_results import result_of, results_csv

ERRORS = {"train": {"value": 0.02, "rmse": 1.5}, "dev": {"value": 0.07, "low": 0.05, "high": 0.1, "rmse": 2.5}}


def line(epoch: int) -> dict[str, Any]:
    share = 1 / epoch
    return {
        "epoch": epoch,
        "cost": share + 1,
        "train": {"loss": share, "error": share / 2},
        "dev": {"loss": share + 0.5, "error": share / 4},
    }


def run_folder(folder: Path, epochs: int, **record: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line(epoch + 1)) + "\n" for epoch in range(epochs)))
    (folder / "run.json").write_text(json.dumps({"state": "finished", "epochs": epochs, "created": "now", **record}))
    if record.get("state", "finished") == "finished":
        (folder / "diagnosis.json").write_text(json.dumps(whole_diagnosis(ERRORS)))
    return folder


def found(path: Path, objective: str = "dev.error", until: int | None = None) -> Result | None:
    return result_of(path, 3, 1, Planned(overrides={"seed": 1}, until=until), objective)


@pytest.mark.parametrize(
    ("objective", "value"),
    [("dev.error", 0.07), ("train.error", 0.02), ("dev.loss", 0.75), ("cost", 1.25), ("dev.rmse", 2.5)],
)
def test_numbers_of_a_finished_run(objective: str, value: float, tmp_path: Path) -> None:
    result = found(run_folder(tmp_path / "run", 4), objective)
    assert result is not None and result.outcome == "finished" and result.objective == pytest.approx(value)


def test_a_loss_is_that_of_the_epoch_whose_model_was_kept(tmp_path: Path) -> None:
    result = found(run_folder(tmp_path / "run", 4, best_epoch=2), "dev.loss")
    assert result is not None and result.objective == pytest.approx(1.0)


@pytest.mark.parametrize(("objective", "value"), [("dev.error", 0.125), ("dev.loss", 1.0), ("cost", 1.5)])
@pytest.mark.parametrize("state", ["interrupted", "finished", "diverged", "running"])
def test_a_pausing_trial_has_the_numbers_of_its_epoch_whatever_came_later(
    state: str, objective: str, value: float, tmp_path: Path
) -> None:
    result = found(run_folder(tmp_path / "run", 4, state=state), objective, until=2)
    assert result is not None and (result.outcome, result.epochs) == ("paused", 2)
    assert result.objective == pytest.approx(value)


def test_one_that_ended_before_it_was_to_pause_is_over(tmp_path: Path) -> None:
    early = found(run_folder(tmp_path / "early", 3), until=5)
    assert early is not None and early.outcome == "finished"
    diverged = found(run_folder(tmp_path / "wild", 3, state="diverged", reason="at step 9"), until=5)
    assert diverged is not None and diverged.objective == math.inf
    assert found(run_folder(tmp_path / "begun", 3, state="interrupted"), until=5) is None


def test_without_a_dev_set_the_training_error_counts() -> None:
    assert objectives.of_epoch("dev.error", {"train": {"error": 0.3}, "dev": None}) == 0.3
    assert objectives.of_epoch("dev.loss", {"train": {"loss": 0.3}, "dev": None}) is None


def test_the_interval_of_a_row_is_that_of_the_error_alone(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", 4)
    rows = [found(run), found(run, "dev.loss"), found(run, until=2)]
    written = results_csv([row for row in rows if row is not None]).decode().splitlines()[1:]
    assert written == ["3,1,finished,0.07,0.05,0.1,1", "3,1,finished,0.75,,,1", "3,1,paused,0.125,,,1"]
