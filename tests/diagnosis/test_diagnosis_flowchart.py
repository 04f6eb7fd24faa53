"""The recipe as the notes draw it: each question, its answer, and the steps that answer a yes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dltrain.config.records import Data, DataFacts, DeclaredArchitecture, DeclaredLayer, Experiment, Split, Training
from dltrain.diagnosis import Measurement, advise, diagnose
from dltrain.diagnosis.flowchart import flowchart
from dltrain.engine.regularizers import NoRegularizer


@dataclass(frozen=True)
class Settled:
    """As much of a Plan as the advice reads."""

    experiment: Experiment
    facts: DataFacts


def plan(**data: Any) -> Any:
    facts = DataFacts(m=1000, n_x=64, classes=("a", "b"), task="binary", parts={"train": 1000, "dev": 500, "test": 500})
    layer = DeclaredLayer(units=64, keep_prob=1.0, batch_norm=False, regularizer=NoRegularizer())
    experiment = Experiment(
        data=Data(source="digits", **data),
        split=Split(train=1000, dev=500, test=500),
        architecture=DeclaredArchitecture(layers=[layer, replace(layer, units=32)]),
        training=Training(epochs=100, batch_size=64, threads=1),
    )
    return Settled(experiment, facts)


def diagnosis(
    train: float, dev: float, bayes: float | None = 0.0, train_dev: float | None = None, n: int = 10**6
) -> dict[str, Any]:
    errors = {"train": Measurement(train), "dev": Measurement(dev, n=n)}
    if bayes is not None:
        errors["bayes"] = Measurement(bayes, source="stated")
    if train_dev is not None:
        errors["train_dev"] = Measurement(train_dev, n=n)
    return {**diagnose(errors, task="binary", threshold=0.02, confidence=0.95), "health": []}


def chart(found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {entry["aim"]: entry for entry in flowchart(found, more.pop("plan", plan()), "runs/a b", **more)}


def buys(value: float) -> dict[str, Any]:
    gain = {"value": value, "low": value / 2, "high": 2 * value}
    return {"study": "curve", "m": 1000, "twice": {"m": 2000, "error": gain, "buys": gain}}


@pytest.mark.parametrize(
    ("train", "dev", "bayes", "bias", "variance"),
    [
        (0.01, 0.11, 0.0, "no", "yes"),
        (0.15, 0.16, 0.0, "yes", "no"),
        (0.15, 0.30, 0.0, "yes", "yes"),
        (0.005, 0.01, 0.0, "no", "no"),
        (0.15, 0.16, 0.15, "no", "no"),
    ],
)
def test_the_notes_pairs_walk_the_chart(train: float, dev: float, bayes: float, bias: str, variance: str) -> None:
    found = chart(diagnosis(train, dev, bayes))
    assert list(found) == ["training", "bias", "variance", "mismatch", "done"]
    assert (found["bias"]["answer"], found["variance"]["answer"]) == (bias, variance)
    assert found["done"]["answer"] == ("yes" if bias == variance == "no" else "no")
    for aim, answer in (("bias", bias), ("variance", variance)):
        assert bool(found[aim]["steps"]) == (answer == "yes")
    assert found["mismatch"]["answer"] == "not asked"


def test_steps_are_the_advice_in_its_order_each_at_its_question() -> None:
    found = diagnosis(0.15, 0.30)
    steps = sorted((s for entry in chart(found).values() for s in entry["steps"]), key=lambda step: step["rank"])
    advice = advise(found, plan())
    assert [step["action"] for step in steps] == [piece["action"] for piece in advice]
    assert [step["rank"] for step in steps] == list(range(1, len(advice) + 1))


def test_each_command_is_a_line_for_a_shell() -> None:
    steps = [step for entry in chart(diagnosis(0.15, 0.30)).values() for step in entry["steps"]]
    for step in steps:
        words = shlex.split(step["command"])
        config = [word for word in words if word.endswith("config.resolved.yaml")]
        assert words[0] == "dltrain" and config == ["runs/a b/config.resolved.yaml"]
        assert words[1] == "learning-curve" or words[3:] == step["overrides"]


def test_what_is_open_says_where_it_leans() -> None:
    entry = chart(diagnosis(0.01, 0.035, n=100))["variance"]
    assert entry["answer"] == "open" and "undetermined, leaning high" in entry["why"]
    assert chart(diagnosis(0.01, 0.035, n=100))["done"]["answer"] == "no"


def test_an_assumed_bayes_error_is_said_and_ranks_after_the_variance() -> None:
    found = chart(diagnosis(0.15, 0.30, bayes=None))
    assert "with a Bayes error that is assumed" in found["bias"]["why"]
    assert min(s["rank"] for s in found["bias"]["steps"]) > max(s["rank"] for s in found["variance"]["steps"])


def test_a_mismatch_is_asked_for_with_a_train_dev_part() -> None:
    entry = chart(diagnosis(0.01, 0.2, train_dev=0.015))["mismatch"]
    assert entry["answer"] == "yes" and "dev − train-dev = 18.5%" in entry["why"]
    assert "like dev's" in entry["steps"][0]["action"]


def test_findings_that_hinder_training_are_the_first_question() -> None:
    finding = {"id": "oscillating-cost", "severity": "warning", "evidence": "up and down", "why": "too large a rate"}
    found = {**diagnosis(0.15, 0.16), "health": [{**finding, "overrides": ["optimizer.learning_rate=0.0003"]}]}
    entry = chart(found)["training"]
    assert (entry["answer"], entry["why"], entry["steps"][0]["rank"]) == ("no", "oscillating-cost", 1)
    del found["health"]
    assert chart(found)["training"]["answer"] == "not asked"


def test_more_data_says_what_the_learning_curve_knows() -> None:
    step = chart(diagnosis(0.01, 0.11), curve=buys(0.03))["variance"]["steps"][0]
    assert "the learning curve curve says that 2,000 in place of 1,000 would take off 3% [1.5%, 6%]" in step["why"]
    assert step["command"] is None, "the curve is there already"


def test_more_data_that_would_buy_little_goes_last() -> None:
    found = chart(diagnosis(0.01, 0.11), curve=buys(0.004))["variance"]["steps"]
    assert [step["rank"] for step in found] == list(range(1, len(found) + 1))
    assert "which is little" in found[-1]["why"] and len(found) > 1
    assert "more training data" in found[-1]["action"]


def test_rows_held_back_are_data_that_can_be_had() -> None:
    step = chart(diagnosis(0.01, 0.11), plan=plan(train_limit=1000))["variance"]["steps"][0]
    assert step["overrides"] == ["data.train_limit=null"]
    step = chart(diagnosis(0.01, 0.11), plan=plan(train_limit=5000))["variance"]["steps"][0]
    assert step["overrides"] == [], "all rows are used: there are fewer than the limit"
