"""The recipe: what is advised, in what order, and that every override can be run."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dltrain.config.records import (
    Data,
    DataFacts,
    DeclaredArchitecture,
    DeclaredLayer,
    Experiment,
    Split,
    SplitFiles,
    Training,
)
from dltrain.diagnosis import Measurement, advise, diagnose, next_commands, with_bayes, with_test
from dltrain.diagnosis.advice import ASSUMED, said_once
from dltrain.engine.architecture import EarlyStopping
from dltrain.engine.optimizers import AdamW, Momentum
from dltrain.engine.regularizers import L1L2, L2, NoRegularizer


@dataclass(frozen=True)
class Settled:
    """As much of a Plan as the advice reads."""

    experiment: Experiment
    facts: DataFacts


FACTS = DataFacts(
    m=1078, n_x=64, classes=tuple("0123456789"), task="multiclass", parts={"train": 1078, "dev": 359, "test": 360}
)


def plan(facts: DataFacts = FACTS, **sections: Any) -> Any:
    layer = DeclaredLayer(units=64, keep_prob=1.0, batch_norm=False, regularizer=NoRegularizer())
    settled: dict[str, Any] = {
        "data": Data(source="digits"),
        "split": Split(train=1078, dev=359, test=360),
        "architecture": DeclaredArchitecture(layers=[layer, replace(layer, units=32)]),
        "training": Training(epochs=100, batch_size=64, threads=1),
    }
    return Settled(Experiment(**(settled | sections)), facts)


def diagnosis(
    train: float, dev: float, *, n: int = 10**6, bayes: float | None = 0.0, train_dev: float | None = None
) -> dict[str, Any]:
    measurements = {"train": Measurement(train), "dev": Measurement(dev, n=n)}
    if bayes is not None:
        measurements["bayes"] = Measurement(bayes, source="stated")
    if train_dev is not None:
        measurements["train_dev"] = Measurement(train_dev, n=n)
    return diagnose(measurements, task="multiclass", threshold=0.02, confidence=0.95)


def actions(advice: Iterable[dict[str, Any]]) -> list[str]:
    return [piece["action"] for piece in advice]


def overrides(advice: Iterable[dict[str, Any]]) -> list[str]:
    return [override for piece in advice for override in piece["overrides"]]


def test_high_bias_asks_for_a_bigger_network_first() -> None:
    advice = advise(diagnosis(0.15, 0.16), plan())
    assert advice[0]["overrides"] == ["architecture.layers.0.units=128", "architecture.layers.1.units=64"]
    assert advice[1]["overrides"] == ["training.epochs=200"]
    assert "architecture.layers.1.batch_norm=true" in advice[2]["overrides"]
    assert "learning_rate" not in " ".join(overrides(advice)), "nothing says in which direction"
    assert not any("regulariz" in action or "L2" in action for action in actions(advice))


def test_regularization_goes_first_when_it_may_be_the_cause() -> None:
    layer = DeclaredLayer(units=64, keep_prob=0.8, regularizer=L2(lambd=0.7))
    regularized = plan(
        regularizer=L2(lambd=0.7), architecture=DeclaredArchitecture(layers=[layer], input_keep_prob=0.9)
    )
    off = [
        "regularizer=none",
        "architecture.layers.0.regularizer=null",
        "architecture.layers.0.keep_prob=1",
        "architecture.input_keep_prob=1",
    ]
    assert advise(diagnosis(0.15, 0.16), regularized)[0]["overrides"] == off
    both = overrides(advise(diagnosis(0.15, 0.30), regularized))
    assert "regularizer=none" not in both, "what overfits too needs its regularization"


def test_high_variance_asks_for_data_then_l2_then_dropout_on_the_layer_with_the_most_weights() -> None:
    advice = advise(diagnosis(0.01, 0.11), plan())
    assert "more training data" in advice[0]["action"]
    assert advice[0]["overrides"] == []
    assert advice[1]["overrides"][:2] == ["regularizer.kind=l2", "regularizer.lambd=0.32"]
    assert "early stopping" in advice[1]["why"]
    assert advice[2]["overrides"] == ["architecture.layers.0.keep_prob=0.8"]
    assert advice[3]["overrides"] == ["training.early_stopping.patience=10"]


def test_l2_takes_the_place_of_early_stopping() -> None:
    stopped = plan(training=Training(epochs=100, batch_size=64, early_stopping=EarlyStopping()))
    advice = advise(diagnosis(0.01, 0.11), stopped)
    assert "training.early_stopping=null" in advice[1]["overrides"]
    assert "training.early_stopping.patience=10" not in overrides(advice)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"regularizer": L2(lambd=0.1)}, "regularizer.lambd=0.3"),
        ({"regularizer": L1L2(lambd_l1=0.1, lambd_l2=0.2)}, "regularizer.lambd_l2=0.6"),
        ({"optimizer": AdamW(weight_decay=0.01)}, "optimizer.weight_decay=0.03"),
        ({"data": Data(source="digits", limit=500)}, "split.train=rest"),
    ],
)
def test_what_is_on_is_made_stronger(sections: dict[str, Any], expected: str) -> None:
    given = overrides(advise(diagnosis(0.01, 0.11), plan(**sections)))
    assert expected in given
    assert "regularizer.kind=l2" not in given or "data" in sections


def test_other_optimizers_are_answered_with_adam() -> None:
    advice = advise(diagnosis(0.15, 0.16), plan(optimizer=Momentum()))
    assert ["optimizer.kind=adam", "optimizer.learning_rate=0.001"] in [piece["overrides"] for piece in advice]


def test_a_linear_model_gets_hidden_layers() -> None:
    linear = plan(architecture=DeclaredArchitecture(layers=[]))
    assert advise(diagnosis(0.15, 0.30), linear)[0]["overrides"][0] == "architecture.layers=[64,32]"
    assert "architecture.layers" not in " ".join(overrides(advise(diagnosis(0.01, 0.30), linear)))


def test_bias_comes_first_unless_it_rests_on_an_assumed_bayes_error() -> None:
    stated = advise(diagnosis(0.15, 0.30), plan())
    assert "bigger network" in stated[0]["action"]
    assumed = advise(diagnosis(0.15, 0.30, bayes=None), plan())
    assert "more training data" in assumed[0]["action"]
    assert sorted(actions(assumed)) == sorted(actions(stated))
    bias = [piece for piece in assumed if "units" in " ".join(piece["overrides"])]
    assert bias[0]["why"].startswith("if a Bayes error of 0 is right (set diagnosis.bayes_error)")
    assert not any("Bayes" in piece["why"] for piece in stated)


def test_mismatch_comes_last_and_has_nothing_to_override() -> None:
    advice = advise(diagnosis(0.15, 0.30, train_dev=0.16), plan())
    assert "more like dev's" in advice[-1]["action"]
    assert advice[-1]["overrides"] == []


def test_an_open_verdict_asks_for_a_larger_dev_set_out_of_the_training_set() -> None:
    found = diagnosis(0.0, 0.008, n=359)
    assert found["headline"] == "undetermined, leaning low bias and low variance"
    more = found["gaps"]["variance"]["settle"]["more"]
    advice = advise(found, plan())
    assert advice[0]["overrides"] == [f"split.train={1078 - more}", f"split.dev={359 + more}", "split.test=360"]
    assert f"{more:,} more dev examples" in advice[0]["action"]
    assert len(advice) == 1, "nothing leans high, and low is not proven"


def test_an_open_verdict_that_leans_high_gets_the_first_remedies_too() -> None:
    advice = advise(diagnosis(0.0, 0.03, n=359), plan())
    assert "more dev examples" in advice[0]["action"]
    assert "more training data" in advice[1]["action"]
    assert len(advice) == 3


@pytest.mark.parametrize(
    "sections",
    [
        {"split": Split(by="files", files=SplitFiles(train="/a.csv", dev="/b.csv"))},
        {"data": Data(source="a.npz", arrays={"train": ["x", "y"], "dev": ["u", "v"]})},
    ],
)
def test_a_dev_set_that_is_a_file_cannot_be_enlarged_by_an_override(sections: dict[str, Any]) -> None:
    advice = advise(diagnosis(0.0, 0.008, n=359), plan(**sections))
    assert advice[0]["overrides"] == []
    assert "collect more" in advice[0]["action"]


def test_a_training_set_that_cannot_spare_them_is_left_alone() -> None:
    few = replace(FACTS, m=300, parts={"train": 300, "dev": 60, "test": 60})
    advice = advise(diagnosis(0.0, 0.0334, n=60), plan(few))
    assert advice[0]["overrides"] == []


def test_a_test_file_beside_ratios_is_no_part_of_the_split() -> None:
    beside = plan(split=Split(files=SplitFiles(test="/t.csv"), train=1078, dev=359))
    given = advise(diagnosis(0.0, 0.008, n=359), beside)[0]["overrides"]
    assert [override.split("=")[0] for override in given] == ["split.train", "split.dev"]


def test_low_and_low_looks_at_the_test_part_once() -> None:
    found = diagnosis(0.005, 0.01)
    advice = advise(found, plan())
    assert [piece.get("command") for piece in advice] == ["dltrain evaluate RUN --part test"]
    looked = with_test(found, {"value": 0.011, "low": 0.0105, "high": 0.0115, "n": 10**6})
    assert not any("command" in piece for piece in advise(looked, plan()))
    without = replace(FACTS, parts={"train": 1078, "dev": 719})
    assert advise(found, plan(without)) == []


def test_a_test_error_above_dev_asks_for_a_new_dev_set() -> None:
    looked = with_test(diagnosis(0.005, 0.01), {"value": 0.05, "low": 0.049, "high": 0.051, "n": 10**6})
    assert "dev set" in advise(looked, plan())[-1]["action"]


def test_dropout_with_low_variance_is_questioned() -> None:
    dropped = plan(architecture=DeclaredArchitecture(layers=[DeclaredLayer(units=64)], keep_prob=0.5))
    advice = advise(diagnosis(0.005, 0.01), dropped)
    assert advice[-1]["overrides"] == ["architecture.layers.0.keep_prob=1"]


def test_an_undetermined_bias_of_a_regression_asks_for_the_bayes_error() -> None:
    measurements = {"train": Measurement(0.29), "dev": Measurement(0.29)}
    found = diagnose(measurements, task="regression", threshold=0.02, confidence=0.95)
    advice = advise(found, plan())
    assert "state the Bayes error" in advice[0]["action"]
    assert advice[0]["command"] == "dltrain diagnose RUN --bayes-error 0.27"
    assert advice[1]["why"].startswith("if a Bayes error of 0 is right")


@pytest.mark.parametrize("train", [1.0199, 1.2, 3.0])
def test_no_bayes_error_of_a_regression_is_one_or_more(train: float) -> None:
    """The mean of the target has an error of 1, and `--bayes-error 1.18` would be refused."""
    measurements = {"train": Measurement(train), "dev": Measurement(1.3)}
    advice = advise(diagnose(measurements, task="regression", threshold=0.02, confidence=0.95), plan())
    assert not any("Bayes error:" in action for action in actions(advice))


def test_commands_can_be_pasted_into_a_shell() -> None:
    found = diagnosis(0.15, 0.30)
    found["advice"] = advise(found, plan(architecture=DeclaredArchitecture(layers=[])))
    lines = next_commands(found, config="my configs/it's.yaml", run="runs/a")
    assert len(lines) == 3
    assert shlex.split(lines[0])[:4] == ["dltrain", "train", "my configs/it's.yaml", "architecture.layers=[64,32]"]
    low = diagnosis(0.005, 0.01)
    low["advice"] = advise(low, plan())
    assert next_commands(low, config="c.yaml", run="runs/a b") == ["dltrain evaluate 'runs/a b' --part test"]


def finding(name: str, *keys: str, severity: str = "warning") -> dict[str, Any]:
    return {
        "id": name,
        "severity": severity,
        "layer": None,
        "evidence": f"{name} seen",
        "why": "it harms",
        "overrides": list(keys),
    }


def with_health(found: dict[str, Any], *findings: dict[str, Any]) -> dict[str, Any]:
    return found | {"health": list(findings), "not_checked": []}


def test_what_hinders_training_is_mended_before_a_bigger_network_is_judged() -> None:
    lower = finding("dead-units", "optimizer.learning_rate=0.01")
    advice = advise(with_health(diagnosis(0.15, 0.16), lower, lower), plan())
    assert [piece["overrides"] for piece in advice] == [["optimizer.learning_rate=0.01"]]
    assert advice[0]["why"].startswith("dead-units seen")
    noted = advise(with_health(diagnosis(0.15, 0.16), lower | {"severity": "note"}), plan())
    assert "bigger network" in noted[0]["action"]


def test_a_network_that_fits_is_mended_after_its_variance() -> None:
    advice = advise(with_health(diagnosis(0.01, 0.11), finding("dead-units", "optimizer.learning_rate=0.01")), plan())
    assert "more training data" in advice[0]["action"]
    assert advice[-1]["overrides"] == ["optimizer.learning_rate=0.01"]


def test_longer_training_is_advised_only_while_the_curve_falls() -> None:
    flat = advise(with_health(diagnosis(0.15, 0.16)), plan())
    assert not any("training.epochs" in override for override in overrides(flat))
    slow = finding("still-falling", "training.epochs=200", severity="note")
    falling = advise(with_health(diagnosis(0.15, 0.16), slow), plan())
    assert falling[0]["overrides"] == ["training.epochs=200"]
    assert falling[0]["why"] == "still-falling seen"
    cut = advise(with_health(diagnosis(0.15, 0.16), finding("still-falling", "training.epochs=400")), plan())
    assert cut[0]["overrides"] == ["training.epochs=400"]
    assert sum("training.epochs" in override for override in overrides(cut)) == 1
    assert any("bigger network" in action for action in actions(cut))


def test_longer_training_comes_after_a_bigger_network_while_dev_gets_worse() -> None:
    slow = finding("still-falling", "training.epochs=200", severity="note")
    advice = advise(with_health(diagnosis(0.15, 0.16), {**slow, "numbers": {"dev_rises_since": 12}}), plan())
    found = actions(advice)
    assert "bigger network" in found[0] and found.index("train longer: twice as long, for the bias alone") > 0


def test_early_stopping_is_an_option_only_where_the_dev_error_rises() -> None:
    still = advise(with_health(diagnosis(0.01, 0.11)), plan())
    assert "training.early_stopping.patience=10" not in overrides(still)
    rises = finding("overfitting", "regularizer.kind=l2", "regularizer.lambd=0.32")
    rising = advise(with_health(diagnosis(0.01, 0.11), rises), plan())
    names = actions(rising)
    assert names.index("add L2") < names.index("stop early")
    assert all(
        piece["why"].startswith("overfitting seen") for piece in rising if piece["action"] in ("add L2", "stop early")
    )


def test_nothing_is_switched_that_no_layer_has() -> None:
    own = DeclaredLayer(units=64, keep_prob=1.0, regularizer=L2(lambd=0.5))
    shared = DeclaredLayer(units=32, keep_prob=1.0, regularizer=NoRegularizer())
    mixed = plan(architecture=DeclaredArchitecture(layers=[own, shared]))
    off = advise(diagnosis(0.15, 0.16), mixed)[0]["overrides"]
    assert off == ["architecture.layers.0.regularizer=none"]


def test_more_data_names_the_learning_curve_of_the_run() -> None:
    found = diagnosis(0.01, 0.11)
    found["advice"] = advise(found, plan())
    lines = next_commands(found, config="c.yaml", run="runs/a b")
    assert lines[0] == "dltrain learning-curve 'runs/a b/config.resolved.yaml'"


def test_a_stated_bayes_error_moves_the_bias_alone() -> None:
    found = diagnosis(0.15, 0.16, bayes=None)
    stated = with_bayes(found, 0.15)
    wanted = diagnosis(0.15, 0.16, bayes=0.15)
    assert stated == wanted
    assert stated["headline"] == "low bias and low variance"
    assert stated["errors"]["dev"] == found["errors"]["dev"]


def test_a_diagnosis_without_advice_has_no_commands() -> None:
    assert next_commands(diagnosis(0.1, 0.1), config="c", run="r") == []


def test_a_condition_is_said_once() -> None:
    assumed, estimated = ASSUMED["assumed"], ASSUMED["estimated"]
    whys = [f"{assumed}a", "b", f"{assumed}c", f"{estimated}d", f"{assumed}e"]
    assert said_once(whys) == [f"{assumed}a", "b", "if so: c", f"{estimated}d", "if so: e"]
    assert said_once([]) == []
