"""The notes' table, the words of the headline, and the shape of the diagnosis."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.diagnosis import Measurement, baseline_entry, diagnose, error_entry, findings, with_test
from dltrain.diagnosis.gaps import Gap, existence_rule, size_rule
from dltrain.diagnosis.table import headline
from dltrain.errors import InputError


def typed(**values: float) -> dict[str, Any]:
    measurements = {part: Measurement(value, source="typed") for part, value in values.items()}
    return diagnose(measurements, task="binary", threshold=0.02, confidence=0.95)


@pytest.mark.parametrize(
    ("train", "dev", "bayes", "words"),
    [
        (0.01, 0.11, None, "high variance"),
        (0.15, 0.16, None, "high bias"),
        (0.15, 0.30, None, "high bias and high variance"),
        (0.005, 0.01, None, "low bias and low variance"),
        (0.15, 0.16, 0.15, "low bias and low variance"),
    ],
)
@pytest.mark.parametrize("n", [None, 100_000])
def test_the_notes_table(train: float, dev: float, bayes: float | None, words: str, n: int | None) -> None:
    """Section 1.2 of the notes, whose Bayes error is close to 0; with sizes and without."""
    measurements = {"train": Measurement(train, source="typed"), "dev": Measurement(dev, n=n, source="typed")}
    if bayes is not None:
        measurements["bayes"] = Measurement(bayes, source="stated")
    diagnosis = diagnose(measurements, task="binary", threshold=0.02, confidence=0.95)
    assert diagnosis["headline"] == words
    assert diagnosis["errors"]["bayes"]["source"] == ("assumed" if bayes is None else "stated")
    assert diagnosis["verdict"]["mismatch"] is None


def test_the_shape_and_order_of_a_diagnosis() -> None:
    diagnosis = typed(dev=0.11, train=0.01)
    assert list(diagnosis) == ["errors", "gaps", "verdict", "headline", "task", "threshold", "confidence"]
    assert list(diagnosis["errors"]) == ["bayes", "train", "train_dev", "dev", "test"]
    assert list(diagnosis["gaps"]) == ["avoidable_bias", "variance", "mismatch", "test_gap"]
    assert list(diagnosis["errors"]["dev"]) == ["value", "low", "high", "n", "source", "interval"]
    assert list(diagnosis["gaps"]["variance"]) == ["value", "low", "high", "verdict", "point", "settle"]
    assert diagnosis["errors"]["test"] is None and diagnosis["gaps"]["test_gap"] is None
    assert diagnosis["verdict"] == {"bias": "low", "variance": "high", "mismatch": None}


def test_train_and_bayes_are_exact_and_dev_has_wilsons_interval() -> None:
    measurements = {"train": Measurement(0.01, n=341), "dev": Measurement(0.0, n=114, selected=True)}
    errors = diagnose(measurements, task="binary", threshold=0.02, confidence=0.95)["errors"]
    assert (errors["train"]["low"], errors["train"]["high"], errors["train"]["interval"]) == (0.01, 0.01, "exact")
    assert errors["train"]["n"] == 341
    assert "selected" not in errors["train"]
    assert errors["dev"]["high"] == pytest.approx(0.0326, abs=5e-5)
    assert (errors["dev"]["low"], errors["dev"]["interval"], errors["dev"]["selected"]) == (0.0, "wilson", True)


def test_variance_and_mismatch_with_a_train_dev_part() -> None:
    diagnosis = typed(train=0.01, train_dev=0.02, dev=0.12)
    assert diagnosis["gaps"]["variance"]["value"] == pytest.approx(0.01)
    assert diagnosis["gaps"]["mismatch"]["value"] == pytest.approx(0.10)
    assert diagnosis["headline"] == "low bias and low variance, data mismatch"
    assert findings(diagnosis) == ["mismatch"]


def test_a_mismatch_is_a_gap_that_is_there_however_small() -> None:
    sizes = {"train": 0.01, "train_dev": 0.01, "dev": 0.018}
    measurements = {part: Measurement(value, n=20_000) for part, value in sizes.items()}
    diagnosis = diagnose(measurements, task="binary", threshold=0.02, confidence=0.95)
    assert diagnosis["gaps"]["mismatch"]["low"] > 0
    assert diagnosis["verdict"] == {"bias": "low", "variance": "low", "mismatch": "high"}


def gap(verdict: str, point: str = "high") -> Gap:
    return Gap(0.0, None, None, verdict, point if verdict == "undetermined" else verdict, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bias", "variance", "words"),
    [
        (gap("low"), gap("undetermined"), "undetermined, leaning high variance"),
        (gap("low"), gap("undetermined", "low"), "undetermined, leaning low bias and low variance"),
        (gap("undetermined"), gap("low"), "undetermined, leaning high bias"),
        (gap("undetermined"), gap("undetermined"), "undetermined, leaning high bias and high variance"),
        (gap("undetermined", "low"), gap("undetermined"), "undetermined, leaning high variance"),
        (gap("high"), gap("undetermined"), "high bias, variance undetermined, leaning high"),
        (gap("undetermined", "low"), gap("high"), "high variance, bias undetermined, leaning low"),
        (gap("high"), None, "high bias"),
        (gap("low"), None, "low bias"),
    ],
)
def test_the_headline_in_words(bias: Gap, variance: Gap | None, words: str) -> None:
    assert headline(bias, variance, None) == words
    assert headline(bias, variance, gap("high")) == f"{words}, data mismatch"
    assert headline(bias, variance, gap("undetermined")) == words


def test_regression_with_an_assumed_bayes_error_stays_open(rng: np.random.Generator) -> None:
    errors = rng.standard_normal(5000) ** 2 * 0.3
    measured = {"train": Measurement(0.29), "dev": Measurement(float(errors.mean()), errors=errors)}
    options: dict[str, Any] = {"task": "regression", "threshold": 0.05, "confidence": 0.95}
    diagnosis = diagnose(measured, **options)
    assert diagnosis["verdict"]["bias"] == "undetermined"
    assert diagnosis["gaps"]["avoidable_bias"]["settle"] == {
        "part": "bayes",
        "more": None,
        "if": "a Bayes error is stated",
    }
    assert diagnosis["headline"] == "undetermined, leaning high bias"
    assert diagnosis["errors"]["dev"]["interval"] == "bca"
    assert diagnosis["errors"]["dev"]["n"] == 5000
    stated = diagnose({**measured, "bayes": Measurement(0.28, source="stated")}, **options)
    assert stated["verdict"]["bias"] == "low"


def test_the_test_part_is_filled_in_later() -> None:
    measurements = {"train": Measurement(0.01, n=1000), "dev": Measurement(0.02, n=5000)}
    diagnosis = diagnose(measurements, task="binary", threshold=0.02, confidence=0.95)
    entry = error_entry("test", Measurement(0.05, n=5000), task="binary", confidence=0.95)
    filled = with_test(diagnosis, {key: entry[key] for key in ("value", "low", "high", "n")})
    at_once = diagnose(
        {**measurements, "test": Measurement(0.05, n=5000)}, task="binary", threshold=0.02, confidence=0.95
    )
    assert filled == at_once
    assert list(filled["errors"]) == list(at_once["errors"])
    assert filled["gaps"]["test_gap"]["verdict"] == "high"
    assert filled["headline"] == diagnosis["headline"] == "low bias and low variance"
    assert diagnosis["errors"]["test"] is None


def test_baseline_entries_hold_four_keys() -> None:
    entry = baseline_entry(Measurement(0.4, n=360), task="binary", confidence=0.95)
    assert list(entry) == ["value", "low", "high", "n"]
    assert entry["low"] < 0.4 < entry["high"]


def test_findings_are_what_fail_on_names() -> None:
    assert findings(typed(train=0.15, dev=0.30)) == ["high-bias", "high-variance"]
    assert findings(typed(train=0.005, dev=0.01)) == []
    small = {"train": Measurement(0.0, n=300), "dev": Measurement(0.0, n=60)}
    assert findings(diagnose(small, task="binary", threshold=0.02, confidence=0.95)) == ["undetermined"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    bad = {
        "dve": Measurement(0.1),
        "dev": Measurement(1.5),
        "test": Measurement(math.nan),
        "train_dev": Measurement(0.1, n=0),
    }
    with pytest.raises(InputError) as refusal:
        diagnose(bad, task="binary", threshold=0.0, confidence=1.0)
    lines = [problem.line() for problem in refusal.value.problems]
    assert len(lines) == 7
    assert any("did you mean dev?" in line for line in lines)


rates = st.floats(0, 1)
sizes = st.none() | st.integers(1, 10**6)


@settings(max_examples=200)
@given(
    values=st.fixed_dictionaries(
        {"train": st.tuples(rates, sizes)},
        optional={part: st.tuples(rates, sizes) for part in ("bayes", "train_dev", "dev", "test")},
    ),
    task=st.sampled_from(["binary", "multiclass", "regression"]),
    threshold=st.floats(1e-3, 1),
    confidence=st.floats(0.1, 0.999),
)
def test_any_rates_give_a_diagnosis(
    values: dict[str, tuple[float, int | None]], task: str, threshold: float, confidence: float
) -> None:
    measurements = {part: Measurement(value, n=n) for part, (value, n) in values.items()}
    diagnosis = diagnose(measurements, task=task, threshold=threshold, confidence=confidence)
    assert json.loads(json.dumps(diagnosis, allow_nan=False)) == diagnosis
    for entry in [*diagnosis["errors"].values(), *diagnosis["gaps"].values()]:
        assert entry is None or entry["low"] is None or entry["low"] <= entry["value"] <= entry["high"]
    for name, entry in diagnosis["gaps"].items():
        open_bias = name == "avoidable_bias" and task == "regression" and "bayes" not in values
        if entry and entry["low"] is not None and not open_bias:
            rule = size_rule if name in ("avoidable_bias", "variance") else existence_rule
            assert entry["verdict"] == rule(entry["low"], entry["high"], threshold)
        if entry and entry["verdict"] != "undetermined":
            assert entry["point"] == entry["verdict"] and entry["settle"] is None
    assert diagnosis["headline"]


@settings(max_examples=40, deadline=None)
@given(
    errors=st.lists(st.floats(0, 1e6), min_size=1, max_size=50),
    train=st.floats(0, 1e6),
    threshold=st.floats(1e-3, 1e3),
)
def test_any_regression_errors_give_a_diagnosis(errors: list[float], train: float, threshold: float) -> None:
    x = np.array(errors)
    measurements = {"train": Measurement(train), "dev": Measurement(float(x.mean()), errors=x)}
    diagnosis = diagnose(measurements, task="regression", threshold=threshold, confidence=0.95)
    assert json.loads(json.dumps(diagnosis, allow_nan=False)) == diagnosis
    dev = diagnosis["errors"]["dev"]
    assert dev["low"] <= dev["value"] <= dev["high"]
    assert diagnosis["verdict"]["bias"] == ("low" if round(train, 12) <= threshold else "undetermined")


def test_a_bias_that_is_low_against_no_error_is_low_against_any() -> None:
    """For regression an assumed or estimated Bayes error never makes it high."""
    for source in ("assumed", "estimated"):
        for train, verdict in ((0.015, "low"), (0.5, "undetermined")):
            given = {"bayes": Measurement(0.0, source=source), "train": Measurement(train)}
            found = diagnose(given, task="regression", threshold=0.02, confidence=0.95)
            assert found["verdict"]["bias"] == verdict


def test_numbers_typed_by_hand_need_no_numpy() -> None:
    """Start-up is a feature: `diagnose --train-error 1% --dev-error 11%` answers at once."""
    script = """
import sys
from dltrain.diagnosis import Measurement, diagnose
diagnose({"train": Measurement(0.01), "dev": Measurement(0.11, n=100)}, task="binary", threshold=0.02, confidence=0.95)
print("numpy" in sys.modules, "scipy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
