"""Every override of the advice can be run, over the user's own config and over the settled one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dltrain.config import DataFacts, dump, load, resolve
from dltrain.diagnosis import Measurement, advise, changes, diagnose

FACTS = DataFacts(
    m=1078,
    n_x=64,
    classes=tuple("0123456789"),
    task="multiclass",
    parts={"train": 1078, "dev": 300, "test": 360, "train_dev": 59},
)
CONFIGS = {
    "defaults": "data: {source: digits}\n",
    "linear": "data: {source: digits, limit: 1797}\narchitecture: {layers: []}\noptimizer: gradient_descent\n",
    "regularized": (
        "data: {source: digits}\nregularizer: {kind: l2, lambd: 0.7}\n"
        "architecture: {layers: [64, {units: 32, keep_prob: 0.8}, 16], batch_norm: true, input_keep_prob: 0.9}\n"
        "training: {early_stopping: {patience: 5}}\nsplit: {train: 0.65, train_dev: 0.05, dev: 0.15, test: 0.2}\n"
    ),
    "adamw": "data: {source: digits}\noptimizer: adamw\ntraining: {steps: 500, batch_size: 1}\n",
    "sparse": "data: {source: digits}\nregularizer: {kind: l1_l2, lambd_l1: 0.1, lambd_l2: 0.1}\noptimizer: momentum\n",
}
ERRORS = {
    "both high": {"train": 0.15, "train_dev": 0.3, "dev": 0.5},
    "high bias": {"train": 0.15, "train_dev": 0.15, "dev": 0.15},
    "low": {"train": 0.0, "train_dev": 0.0, "dev": 0.0},
    "open": {"train": 0.0, "train_dev": 0.01, "dev": 0.02},
}


@pytest.mark.parametrize("config", CONFIGS)
def test_every_override_can_be_run(tmp_path: Path, config: str) -> None:
    written = tmp_path / "config.yaml"
    written.write_text(CONFIGS[config])
    loaded = load([written])
    plan = resolve(loaded.experiment, FACTS)
    settled = tmp_path / "config.resolved.yaml"
    settled.write_text(dump(plan, loaded))
    tried = 0
    for errors in ERRORS.values():
        for piece in _advice(errors, plan):
            for base in (written, settled) if piece["overrides"] else ():
                changed = resolve(load([base], piece["overrides"]).experiment, FACTS)
                assert changed.experiment != plan.experiment, piece
                tried += 1
    assert tried >= 10


BUILDERS: dict[str, Callable[[Any], tuple[str, ...]]] = {
    "rate down": lambda plan: changes.learning_rate(plan, 0.1),
    "rate up": lambda plan: changes.learning_rate(plan, 100),
    "longer": lambda plan: changes.longer(plan, 4),
    "weaker": lambda plan: changes.weaker(plan, 100),
    **{
        name: getattr(changes, name)
        for name in ("adam", "early_stopping", "bigger", "batch_norm", "initializers", "rectifiers", "scaled_inputs")
    },
    **{
        name: getattr(changes, name)
        for name in ("without_regularization", "without_dropout", "more_decay", "more_dropout")
    },
}
ILL = {
    **CONFIGS,
    "sigmoid, zeros": "data: {source: digits, normalize: none}\n"
    "architecture: {layers: {count: 3, units: 8}, activation: sigmoid, initializer: zeros}\n",
    "one regularized": "data: {source: digits}\nregularizer: {kind: l1, lambd: 0.1}\n"
    "architecture: {layers: [{units: 8, regularizer: {kind: l2, lambd: 0.5}}, 4]}\n",
}


@pytest.mark.parametrize("config", ILL)
def test_every_change_can_be_run_and_changes_something_or_is_empty(tmp_path: Path, config: str) -> None:
    written = tmp_path / "config.yaml"
    written.write_text(ILL[config])
    loaded = load([written])
    plan = resolve(loaded.experiment, FACTS)
    settled = tmp_path / "config.resolved.yaml"
    settled.write_text(dump(plan, loaded))
    for name, build in BUILDERS.items():
        overrides = build(plan)
        plans = [resolve(load([base], overrides).experiment, FACTS) for base in (written, settled) if overrides]
        for changed in plans:
            assert changed.experiment != plan.experiment, name
            assert changed.program() == plans[0].program(), f"{name} does the same over either config"


def _advice(errors: dict[str, float], plan: Any) -> list[dict[str, Any]]:
    sizes = {"train": 1078, "train_dev": 200, "dev": 300}
    measurements = {part: Measurement(value, n=sizes[part]) for part, value in errors.items()}
    return advise(diagnose(measurements, task="multiclass", threshold=0.02, confidence=0.95), plan)
