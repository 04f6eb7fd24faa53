"""`train --from RUN[@EPOCH]`: a new run that starts from another's parameters, and its continuation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calling import Called, call, trees

from dltrain import experiment, runs

STEPS = "training.checkpoints.every_steps=1"


@pytest.fixture
def first(empty_folder: Path) -> Path:
    """A config; the run `first` was trained with it and keeps each epoch."""
    config = trees(empty_folder)
    assert call("train", config, "-q", "--run-id", "first", "training.checkpoints.every_epochs=1").code == 0
    return config


def second(config: Path, *more: str, origin: str | None = "first") -> Called:
    start = [] if origin is None else ["--from", origin]
    return call("train", config, "-q", "--run-id", "second", "seed=2", *start, *more)


def theta(run: str) -> Any:
    return runs.decode_model(f"runs/{run}/model.safetensors")[0]


def break_off(config: Path, monkeypatch: pytest.MonkeyPatch, *, checkpoint: bool, origin: str = "first") -> None:
    """The run `second`, killed as soon as it stands, or after some steps."""
    with monkeypatch.context() as patch:
        if checkpoint:
            assert call("train", config, "-q", "--run-id", "second", "seed=2", "--from", origin, "--max-time", "0").code
        else:
            patch.setattr(experiment, "train", _killed)
            assert call("train", config, "-q", "--run-id", "second", "seed=2", "--from", origin).code == 70
    assert runs.read_run("runs/second")["state"] == "interrupted"
    assert bool(runs.list_checkpoints("runs/second")) == checkpoint


def _killed(*_: Any, **__: Any) -> Any:
    raise RuntimeError("as if killed")


def test_it_starts_from_the_parameters_of_the_other(first: Path) -> None:
    assert second(first, "optimizer.learning_rate=1e-30", STEPS).code == 0
    np.testing.assert_allclose(theta("second"), theta("first"), atol=1e-12)
    assert runs.read_run("runs/second")["parent"] == "first"


def test_an_epoch_that_was_kept(first: Path) -> None:
    assert second(first, "optimizer.learning_rate=1e-30", origin="first@1").code == 0
    kept = {one.epoch: one.name for one in runs.list_checkpoints("runs/first")}
    np.testing.assert_allclose(theta("second"), runs.read_checkpoint("runs/first", kept[1]).arrays["theta"], atol=1e-12)
    refused = call("train", first, "--from", "first@9")
    assert (refused.code, len(refused.errors)) == (2, 1) and "that epoch was not kept; kept: 1, 2, 3" in refused.err


def test_another_network_is_refused_and_nothing_is_left(first: Path) -> None:
    refused = second(first, "architecture.layers=[5]")
    assert (refused.code, refused.err) == (2, "error: --from first: its network is 2-4-1, this config's is 2-5-1\n")
    assert not Path("runs/second").exists()


@pytest.mark.parametrize("origin", ["fir", "latest", "runs/first"])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_the_same_command_goes_on(origin: str, checkpoint: bool, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`latest` is the interrupted run itself by then."""
    assert second(first).code == 0
    whole = theta("second")
    shutil.rmtree("runs/second")
    break_off(first, monkeypatch, checkpoint=checkpoint, origin=origin)
    assert second(first, origin=origin).code == 0
    assert theta("second").tobytes() == whole.tobytes()
    assert second(first, origin=origin).code == 0


def test_resume_needs_the_other_run_only_before_the_first_checkpoint(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off(first, monkeypatch, checkpoint=True, origin="runs/first")
    shutil.rmtree("runs/first")
    assert call("resume", "second", "-q").code == 0


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("origin", [None, "first@1"])
def test_the_same_id_from_other_parameters_is_refused(
    origin: str | None, finished: bool, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if finished:
        assert second(first).code == 0
    else:
        break_off(first, monkeypatch, checkpoint=True)
    refused = second(first, origin=origin)
    new = f"--from {origin}" if origin else "its own parameters"
    assert (refused.code, refused.out) == (73, "")
    assert refused.err == f"error: run second was started from --from first, not {new}; choose another --run-id\n"


def test_runs_that_do_not_say_how_it_was_typed(first: Path) -> None:
    """run.json of 0.1.0 has the full id alone."""
    assert second(first).code == 0
    record = json.loads(Path("runs/second/run.json").read_text())
    del record["given"]["from"]
    Path("runs/second/run.json").write_text(json.dumps(record))
    assert second(first).code == 0
    assert second(first, origin="fir").code == 73
