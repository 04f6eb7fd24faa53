"""A run with augmentation as a whole: its mode of the training error, its page, what stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain import baselines, config
from dltrain.engine.fit import fit
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.engine.visiting import visits
from dltrain.experiment import prepare
from dltrain.modes import training_modes
from dltrain.report.page import RunRecord, render_page


@pytest.fixture
def ready(tmp_path: Path) -> Any:
    (tmp_path / "c.yaml").write_text(
        "data: {source: digits, augment: [{kind: rotate, degrees: 60}, noise]}\n"
        "split: {train: 200, dev: 200, test: rest}\n"
        "architecture: {layers: [16]}\ntraining: {epochs: 4, batch_size: 32}\n"
    )
    return prepare(config.load([tmp_path / "c.yaml"]))


def test_the_error_in_training_mode_is_that_of_augmented_batches(ready: Any) -> None:
    program, rows = ready.plan.program(), ready.rows("train")
    state = State.start(program)
    for _ in fit(program, rows, None, state):
        pass
    network = Network(program.architecture, state.theta, state.stats, seed=program.seed)
    clean = rows.measured_by(network).errors
    found = training_modes(ready, network, clean)
    assert set(found) == {"with_augmentation"}
    inputs, y = np.empty_like(rows.X), np.empty_like(rows.y)
    order = visits(rows.X, program.seed, rows.making)
    order.begin(0)
    for start in range(0, 200, 32):
        stop = min(200, start + 32)
        y[start:stop] = rows.y[order.gather(start, stop, inputs[start:stop])]
    assert found["with_augmentation"] == pytest.approx(network.evaluate(inputs, y).error)
    assert found["with_augmentation"] > clean.mean() + 0.05


def test_the_linear_baseline_is_trained_on_rows_as_they_are(ready: Any) -> None:
    plain = prepare(config.load([next(iter(ready.loaded.texts))], ["data.augment=[]"]))
    errors = [baselines.linear(each.plan.program(), each.rows("train"), each.rows("dev")) for each in (ready, plain)]
    assert errors[0] is not None and errors[1] is not None
    assert np.array_equal(errors[0].errors, errors[1].errors)


def test_the_page_names_it() -> None:
    settled = {"data": {"augment": [{"kind": "rotate", "degrees": 15.0}, {"kind": "noise", "sd": 0.1}]}}
    run = {"state": "finished", "given": {"resolved": settled}}
    assert "augmented: rotate, noise" in render_page([RunRecord(id="a", run=run, metrics=[])])
    assert "augmented" not in render_page([RunRecord(id="a", run={"state": "finished"}, metrics=[])])
