"""Findings about health: what trainings with one thing wrong are told, and healthy ones not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain import config, experiment
from dltrain.diagnosis.health import CATALOGUE, Finding, Health, examine, explain_finding
from dltrain.diagnosis.health.again import judged_again
from dltrain.diagnosis.health.examining import CHECKS
from dltrain.engine.beginning import begin, chance, twins
from dltrain.engine.fit import Step, fit, model
from dltrain.engine.state import State
from dltrain.ready import Ready

DIGITS = "data: {source: digits, target: label, limit: 400}\nsplit: {train: 200, dev: 200, test: 0}\n"
CANCER = "data: {source: breast_cancer, target: diagnosis}\n"
SHORT = "training: {epochs: 12, batch_size: 32}\n"


def prepared(folder: Path, text: str, *overrides: str) -> Ready:
    (folder / "c.yaml").write_text(text)
    return experiment.prepare(config.load([folder / "c.yaml"], (*overrides, "training.threads=1")))


def trained(ready: Ready) -> dict[str, Any]:
    rows, program = ready.rows("train"), ready.plan.program()
    assert rows is not None
    state = State.start(program)
    events = list(fit(program, rows, ready.rows("dev"), state))
    metrics = [event.record() for event in events if not isinstance(event, Step)]
    return experiment.diagnose(ready, model(program, rows, state), experiment.Trained(metrics))


def ids(report: dict[str, Any], severity: str = "warning") -> set[str]:
    return {found["id"] for found in report["health"] if found["severity"] == severity}


# ---- trained

ILL = {
    "vanishing-gradients": (
        f"{DIGITS}{SHORT}architecture: {{layers: {{count: 8, units: 8}}, activation: sigmoid, initializer: random}}\n"
    ),
    "exploding-gradients": (
        f"{DIGITS}{SHORT}architecture: {{layers: {{count: 8, units: 32}}, initializer: {{kind: he, scale: 10}}}}\n"
    ),
    "symmetric-units": f"{DIGITS}{SHORT}architecture: {{layers: [8], activation: tanh, initializer: zeros}}\n",
    "dead-units": f"{DIGITS}{SHORT}optimizer: {{kind: gradient_descent, learning_rate: 2}}\n",
    "tiny-updates": f"{DIGITS}{SHORT}optimizer: {{kind: adam, learning_rate: 1.0e-6}}\n",
    "over-regularized": f"{DIGITS}{SHORT}regularizer: {{kind: l2, lambd: 100}}\n",
    "still-falling": f"{DIGITS}training: {{epochs: 3, batch_size: 32}}\n",
    "unscaled-inputs": CANCER.replace("}", ", normalize: none}") + SHORT,
    "saturated-units": (
        f"{DIGITS}{SHORT}architecture: {{layers: [16], activation: tanh}}\n"
        "optimizer: {kind: momentum, learning_rate: 30}\n"
    ),
    "dropout-without-variance": (
        f"{DIGITS}{SHORT}architecture: {{layers: [8], keep_prob: 0.5}}\ndiagnosis: {{threshold: 0.1}}\n"
    ),
    "initial-loss": f"{DIGITS}{SHORT}architecture: {{layers: [32], initializer: {{kind: he, scale: 100}}}}\n",
}


@pytest.mark.parametrize("name", ILL)
def test_a_planted_illness_is_found_and_its_cure_can_be_run(tmp_path: Path, name: str) -> None:
    ready = prepared(tmp_path, ILL[name])
    report = trained(ready)
    assert name in ids(report)
    found = next(found for found in report["health"] if found["id"] == name)
    assert found["evidence"] and found["why"]
    assert all(value is None or np.isfinite(value) for value in found["numbers"].values())
    for finding in report["health"]:
        if finding["overrides"]:
            again = prepared(tmp_path, ILL[name], *finding["overrides"])
            assert again.plan.experiment != ready.plan.experiment, finding


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("vanishing-gradients", 40),
        ("symmetric-units", 6),
        ("dead-units", 6),
        ("over-regularized", 6),
        ("still-falling", 8),
    ],
)
def test_the_first_advice_cures(tmp_path: Path, name: str, epochs: int) -> None:
    long = f"training.epochs={epochs}"
    report = trained(prepared(tmp_path, ILL[name], long))
    assert f"({name})" in report["advice"][0]["action"]
    cured = prepared(tmp_path, ILL[name], long, *report["advice"][0]["overrides"])
    after = trained(cured)
    assert name not in ids(after)
    assert after["errors"]["train"]["value"] < 0.85 * report["errors"]["train"]["value"]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("optimizer", ["{kind: momentum, learning_rate: 0.1}", "{kind: adam, learning_rate: 0.01}"])
def test_a_healthy_training_is_left_in_peace(tmp_path: Path, activation: str, optimizer: str) -> None:
    text = f"{DIGITS}architecture: {{layers: [32], activation: {activation}}}\noptimizer: {optimizer}\n"
    report = trained(prepared(tmp_path, f"{text}training: {{epochs: 60, batch_size: 32}}\n"))
    assert ids(report) == set()
    assert report["not_checked"] == []


def test_a_symptom_names_its_cause_and_has_no_cure_of_its_own(tmp_path: Path) -> None:
    report = trained(prepared(tmp_path, ILL["symmetric-units"].replace("tanh", "relu")))
    symptom = next(found for found in report["health"] if found["id"] == "dead-units")
    assert "mend symmetric-units first" in symptom["why"]
    assert symptom["overrides"] == []
    assert report["health"][0]["id"] == "symmetric-units"


def test_the_same_training_has_the_same_health(tmp_path: Path) -> None:
    assert trained(prepared(tmp_path, ILL["dead-units"])) == trained(prepared(tmp_path, ILL["dead-units"]))


# ---- by hand: curves made up beside a real plan


def line(epoch: int, train: float, dev: tuple[float, float] | None = (0.5, 0.1), **more: Any) -> dict[str, Any]:
    layers = [
        {"activation_norm": 1.0, "gradient_norm": 0.1, "update_ratio": 1e-3, "dead": 0.0, "saturated": None},
        {"activation_norm": None, "gradient_norm": 0.1, "update_ratio": 1e-3, "dead": None, "saturated": None},
    ]
    found = {
        "epoch": epoch,
        "step": epoch * 10,
        "learning_rate": 0.001,
        "cost": train,
        "penalty": 0.0,
        "train": {"loss": train, "error": 0.3},
        "dev": {"loss": dev[0], "error": dev[1]} if dev else None,
        "grad_norm": 1.0,
        "layers": layers,
    }
    return found | more


def judged(folder: Path, metrics: list[dict[str, Any]], *, point: str = "high", text: str = DIGITS) -> Health:
    ready = prepared(folder, f"{text}architecture: {{layers: [8]}}\n")
    gap = {"value": 0.3, "low": 0.3, "high": 0.3, "verdict": point, "point": point, "settle": None}
    diagnosis = {"errors": {"dev": {"n": 2000}}, "gaps": {"avoidable_bias": gap, "variance": None}}
    return examine(metrics, diagnosis, ready.plan)


def falling(n: int, start: float = 2.0, rate: float = 0.7) -> list[float]:
    return [start * rate**i for i in range(n)]


def test_a_dev_error_that_rises_is_overfitting_from_its_lowest_epoch_on(tmp_path: Path) -> None:
    dev = [0.3, 0.2, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2]
    metrics = [
        line(i, loss, (0.5, error)) for i, (loss, error) in enumerate(zip(falling(8), dev, strict=True), start=1)
    ]
    found = judged(tmp_path, metrics, point="low").find("overfitting")
    assert found is not None
    assert found.numbers == {"least": 0.1, "last": 0.2, "since_epoch": 3}
    assert "around epoch 3" in found.evidence
    assert "early stopping" in found.why and "L2 is preferred" in found.why
    assert found.overrides[0] == "regularizer.kind=l2"
    few = {"errors": {"dev": {"n": 30}}, "gaps": {"avoidable_bias": None, "variance": None}}
    plan = prepared(tmp_path, DIGITS).plan
    assert examine(metrics, few, plan).find("overfitting") is None, "30 examples cannot show it"


def test_a_dev_loss_that_rises_alone_is_overconfidence(tmp_path: Path) -> None:
    dev = [0.5, 0.4, 0.3, 0.35, 0.4, 0.5]
    metrics = [line(i, loss, (d, 0.1)) for i, (loss, d) in enumerate(zip(falling(6), dev, strict=True), start=1)]
    health = judged(tmp_path, metrics, point="low")
    assert [finding.id for finding in health.findings] == ["overconfident"]
    assert health.findings[0].severity == "note"


def test_a_cost_that_swings_asks_for_a_lower_rate(tmp_path: Path) -> None:
    swing = [2.0, 1.0, *([1.5, 1.0] * 5)]
    found = judged(tmp_path, [line(i, loss) for i, loss in enumerate(swing, start=1)]).find("oscillating-cost")
    assert found is not None and found.overrides == ("optimizer.learning_rate=0.0001",)
    assert found.numbers["mean_rise"] == pytest.approx(0.5 * 4 / 9)


@pytest.mark.parametrize(("level", "severity"), [(2.3, "warning"), (1.0, "note")])
def test_flat_with_a_small_gradient_is_a_plateau_and_no_local_optimum(
    tmp_path: Path, level: float, severity: str
) -> None:
    losses = [3.0, *[level] * 20]
    metrics = [line(i, loss, grad_norm=1.0 if i < 3 else 0.01) for i, loss in enumerate(losses, start=1)]
    found = judged(tmp_path, metrics).find("plateau")
    assert found is not None and found.severity == severity
    assert found.numbers["since_epoch"] == 2
    assert "local optimum" not in found.evidence + found.why
    assert judged(tmp_path, metrics, point="low").find("plateau") is None, "what fits may be flat"


def test_flat_with_a_large_gradient_is_a_cost_that_does_not_fall(tmp_path: Path) -> None:
    ready = prepared(tmp_path, f"{DIGITS}architecture: {{layers: [8]}}\n")
    rows = ready.rows("train")
    assert rows is not None
    start = begin(ready.plan.program(), rows, State.start(ready.plan.program()).theta)
    gap = {"value": 0.3, "point": "high", "verdict": "high"}
    found = {"errors": {}, "gaps": {"avoidable_bias": gap, "variance": None}}
    health = examine([line(i, start.loss) for i in range(1, 20)], found, ready.plan, start)
    assert health.find("cost-not-falling") is not None
    assert health.find("plateau") is None
    learned = examine([line(i, 0.8 * start.chance) for i in range(1, 20)], found, ready.plan, start)
    assert learned.find("cost-not-falling", "no-better-than-chance") is None, "all was learned in the first epoch"
    unknown = examine([line(i, start.loss) for i in range(1, 20)], found, ready.plan)
    assert unknown.find("no-better-than-chance") is not None, "of its start nothing is known"


def test_what_cannot_be_checked_is_said(tmp_path: Path) -> None:
    few = judged(tmp_path, [line(1, 2.0), line(2, 1.9)])
    reasons = {missing.id: missing.why for missing in few.not_checked}
    assert reasons["oscillating-cost"] == "2 epochs: 5 are needed"
    assert "not known" in reasons["initial-loss"]
    no_dev = judged(tmp_path, [line(i, loss, None) for i, loss in enumerate(falling(6), start=1)])
    assert "there is no dev set" in {missing.why for missing in no_dev.not_checked}
    old = judged(tmp_path, [line(i, loss, layers=[]) for i, loss in enumerate(falling(6), start=1)])
    assert {"dead-units", "tiny-updates", "vanishing-gradients"} <= {missing.id for missing in old.not_checked}
    assert not {"saturated-units"} & {missing.id for missing in old.not_checked}, "there is no tanh or sigmoid"
    nothing = judged(tmp_path, [])
    assert nothing.findings == () and len(nothing.not_checked) > 8


def test_early_stopping_is_judged_by_the_epoch_it_kept(tmp_path: Path) -> None:
    metrics = [line(i, loss) for i, loss in enumerate(falling(12, rate=0.9), start=1)]
    plan = prepared(tmp_path, DIGITS).plan
    gap = {"value": 0.3, "point": "high", "verdict": "high"}
    diagnosis = {"errors": {}, "gaps": {"avoidable_bias": gap, "variance": None}}
    assert examine(metrics, diagnosis, plan).find("still-falling") is not None
    assert examine(metrics, diagnosis, plan, best_epoch=4).find("still-falling") is None


def overfit(n: int, since: int, rate: float = 1.02) -> list[dict[str, Any]]:
    """A training loss that falls to the end, and a dev loss that rises since an epoch."""
    losses = falling(n, rate=0.97)
    dev = [2 - 0.02 * i if i < since else (2 - 0.02 * since) * rate ** (i - since) for i in range(n)]
    lines = [line(i, loss) for i, loss in enumerate(losses, start=1)]
    return [{**one, "dev": {**one["dev"], "loss": loss}} for one, loss in zip(lines, dev, strict=True)]


def test_more_epochs_are_no_cure_for_a_dev_loss_that_rises(tmp_path: Path) -> None:
    plan = prepared(tmp_path, DIGITS).plan
    gap = {"value": 0.3, "point": "high", "verdict": "high"}
    diagnosis = {"errors": {}, "gaps": {"avoidable_bias": gap, "variance": None}}
    rising = examine(overfit(40, since=20), diagnosis, plan).find("still-falling")
    assert rising is not None and rising.severity == "note"
    since = rising.numbers["dev_rises_since"]
    assert since is not None and abs(since - 21) <= 3
    assert f"the dev loss has been rising since epoch {since}" in rising.evidence
    assert f"dev has been getting worse since epoch {since}" in rising.why
    for fine in (overfit(40, since=39), overfit(40, since=20, rate=1.001)):
        found = examine(fine, diagnosis, plan).find("still-falling")
        assert found is not None and "dev" not in found.evidence + found.why


def test_a_stated_bayes_error_judges_the_findings_again(tmp_path: Path) -> None:
    """Those that hold while the network errs go with a Bayes error near its error, and come with a lower one."""
    plan = prepared(tmp_path, DIGITS).plan
    metrics = [line(i, loss) for i, loss in enumerate(falling(12, rate=0.9), start=1)]
    errors: dict[str, Any] = {"errors": {}}
    high = {**errors, "gaps": {"avoidable_bias": {"value": 0.3, "point": "high"}, "variance": None}}
    low = {**errors, "gaps": {"avoidable_bias": {"value": 0.0, "point": "low"}, "variance": None}}
    found = {}
    for name, one in (("high", high), ("low", low)):
        health = examine(metrics, one, plan)
        found[name] = one | {
            "health": [each.to_json() for each in health.findings],
            "not_checked": [each.to_json() for each in health.not_checked],
        }
    saturated = {**found["high"]["health"][0], "id": "saturated-units", "severity": "warning", "layer": 1}
    found["high"]["health"].append(saturated)
    found["low"]["health"].append({**saturated, "severity": "note"})
    down = judged_again(found["high"], low, plan, metrics)["health"]
    assert [one["id"] for one in down] == ["saturated-units"] and down[0]["severity"] == "note"
    up = judged_again(found["low"], high, plan, metrics)
    assert {one["id"] for one in up["health"]} == {"saturated-units", "still-falling"}
    assert {one["severity"] for one in up["health"]} == {"warning"}
    assert "cost-not-falling" in {one["id"] for one in up["not_checked"]}
    assert judged_again(found["high"], high, plan, metrics)["health"] == found["high"]["health"]
    assert [one["id"] for one in judged_again(found["low"], high, plan, [])["health"]] == ["saturated-units"]
    assert judged_again({"gaps": low["gaps"]}, high, plan, metrics) == {}


# ---- the numbers of the beginning


def test_chance_is_the_loss_of_the_best_constant() -> None:
    y = np.array([0, 0, 0, 1])
    p = np.array([0.75, 0.25])
    assert chance("softmax", y) == pytest.approx(-(p * np.log(p)).sum())
    assert chance("sigmoid", np.array([0.0, 1.0])) == pytest.approx(np.log(2))
    assert chance("linear", np.array([-1.0, 1.0, -1.0, 1.0])) == pytest.approx(0.5)
    weights = np.array([1.0, 1.0, 1.0, 3.0])
    assert chance("softmax", y, weights) == pytest.approx(np.log(2) * 1.5), "halves by weight, of mean weight 1.5"


def test_the_loss_at_zero_weights_is_that_of_guessing(tmp_path: Path) -> None:
    ready = prepared(tmp_path, f"{DIGITS}architecture: {{layers: [4], initializer: zeros}}\n")
    rows = ready.rows("train")
    assert rows is not None
    theta = State.start(ready.plan.program()).theta
    found = begin(ready.plan.program(), rows, theta)
    assert found.loss == pytest.approx(np.log(10), rel=1e-6)
    assert found.chance <= found.loss
    assert found.twins == (1.0,)
    assert found.examples == 200


def test_twins_are_units_that_stay_equal(tmp_path: Path) -> None:
    ready = prepared(tmp_path, f"{DIGITS}architecture: {{layers: [4, 3]}}\n")
    layout = ready.plan.program().architecture.layout()
    theta = np.arange(layout.size, dtype=np.float64)
    W = layout.block("W1").view(theta)
    W[:, 1] = W[:, 0]
    assert twins(layout, theta, theta) == (0.5, 0.0)
    later = theta.copy()
    layout.block("W1").view(later)[0, 1] += 1
    assert twins(layout, theta, later) == (0.0, 0.0)


# ---- the catalogue


def test_every_finding_that_a_check_can_make_is_explained() -> None:
    assert {name for check in CHECKS for name in check.ids} == set(CATALOGUE)
    assert all(cause in CATALOGUE for entry in CATALOGUE.values() for cause in entry.causes)
    text = explain_finding("dead-units")
    assert text is not None and text.startswith("dead-units\n") and "40%" in text
    assert explain_finding("dead-unit") is None


def test_numbers_that_json_does_not_know_are_null() -> None:
    found = Finding(id="plateau", severity="note", evidence="e", why="w", numbers={"loss": float("inf"), "n": 3})
    assert found.to_json()["numbers"] == {"loss": None, "n": 3}
    assert replace(found, overrides=("a=1",)).to_json()["overrides"] == ["a=1"]
