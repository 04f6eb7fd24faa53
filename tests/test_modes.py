"""The training error in training mode, against the clean one and an evaluation written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltrain import config
from dltrain.engine.fit import fit
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.engine.training_mode import errors_in_training
from dltrain.experiment import prepare
from dltrain.modes import training_modes
from dltrain.ready import Ready


def trained(folder: Path, architecture: str) -> tuple[Ready, Network]:
    """A network on 300 noisy points after a few epochs."""
    draws = np.random.Generator(np.random.Philox(1))
    X = draws.normal(size=(300, 3)).round(3)
    y = X[:, 0] + 0.5 * X[:, 1] + draws.normal(0, 0.5, 300) > 0
    lines = [",".join(map(str, [*row, "yes" if label else "no"])) for row, label in zip(X.tolist(), y, strict=True)]
    (folder / "d.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    text = (
        f"data: {{source: d.csv, target: y}}\narchitecture: {architecture}\ntraining: {{epochs: 4, batch_size: 32}}\n"
    )
    (folder / "d.yaml").write_text(text)
    ready = prepare(config.load([folder / "d.yaml"]))
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    state = State.start(program)
    for _ in fit(program, rows, ready.rows("dev"), state):
        pass
    return ready, Network(program.architecture, state.theta, state.stats, seed=program.seed)


def clean(ready: Ready, network: Network) -> np.ndarray:
    rows = ready.rows("train")
    assert rows is not None
    return rows.measured_by(network).errors


def test_a_plain_network_has_one_mode(tmp_path: Path) -> None:
    ready, network = trained(tmp_path, "{layers: [8]}")
    assert training_modes(ready, network, clean(ready, network)) == {}
    rows = ready.rows("train")
    seen, errors = errors_in_training(ready.plan.program(), network, rows, True)
    assert sorted(seen.tolist()) == list(range(len(rows)))
    assert np.array_equal(errors, clean(ready, network)[seen])


def test_dropout_makes_the_training_error_larger(tmp_path: Path) -> None:
    ready, network = trained(tmp_path, "{layers: [8], keep_prob: 0.5, input_keep_prob: 0.6}")
    errors = clean(ready, network)
    found = training_modes(ready, network, errors)
    assert set(found) == {"with_dropout"}
    assert found["with_dropout"] > errors.mean() + 0.02
    assert found == training_modes(ready, network, errors)  # the masks are the seed's


def test_batch_statistics_by_hand(tmp_path: Path) -> None:
    """One hidden layer, each batch normalized by its own mean and variance."""
    ready, network = trained(tmp_path, "{layers: [{units: 4, batch_norm: true, activation: tanh}]}")
    before = network.theta.copy(), network.stats.copy()
    program, rows = ready.plan.program(), ready.rows("train")
    found = training_modes(ready, network, clean(ready, network))
    seen, _ = errors_in_training(program, network, rows, False)
    views = network.layout.views(network.theta)
    wrong = 0
    for start in range(0, len(seen), 32):
        here = seen[start : start + 32]
        Z = np.asarray(rows.X[here], np.float64) @ views["W1"]
        Z = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + program.architecture.layers[0].batch_norm.epsilon)
        A = np.tanh(Z * views["gamma1"] + views["beta1"])
        wrong += int((((A @ views["W2"] + views["b2"])[:, 0] > 0) != rows.y[here]).sum())
    assert found == {"with_batch_statistics": pytest.approx(wrong / len(seen), abs=1.01 / len(seen))}
    assert np.array_equal(before[0], network.theta) and np.array_equal(before[1], network.stats)


def test_a_sample_stands_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready, network = trained(tmp_path, "{layers: [8], keep_prob: 0.7}")
    errors = clean(ready, network)
    whole = training_modes(ready, network, errors)["with_dropout"]
    monkeypatch.setattr("dltrain.engine.training_mode.MOST", 64)
    seen, again = errors_in_training(ready.plan.program(), network, ready.rows("train"), True)
    assert len(seen) == 64
    expected = errors.mean() + (again - errors[seen]).mean()
    assert training_modes(ready, network, errors)["with_dropout"] == pytest.approx(max(0, expected))
    assert abs(expected - whole) < 0.15
