"""From errors to a verdict: the bias/variance table (section 1.2 of the notes, with intervals)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dltrain.diagnosis.estimates import Estimate, Measurement, estimate, from_json
from dltrain.diagnosis.gaps import Gap, Question, existence_rule, size_rule
from dltrain.errors import InputError, Problem, did_you_mean

PARTS = ("bayes", "train", "train_dev", "dev", "test")
GAPS = ("avoidable_bias", "variance", "mismatch", "test_gap")
ASSUMED_BAYES = Measurement(0.0, source="assumed")
ASSUMED = ("assumed", "estimated")
"""Sources of a Bayes error that the true one may lie above: a low avoidable bias is sure then, a high one is not."""


def diagnose(
    measurements: Mapping[str, Measurement], *, task: str, threshold: float, confidence: float
) -> dict[str, Any]:
    """The diagnosis of a network from its errors by part (bayes, train, train_dev, dev, test).

    Returns plain data: `errors`, `gaps`, `verdict`, `headline`, and the `task`, `threshold` and `confidence` that
    they rest on; null stands for a part or gap that was not measured. bayes, where missing, is assumed to be 0.
    Raises InputError with all that is wrong: no train error, values out of range.
    """
    _refuse_bad(measurements, task, threshold, confidence)
    given = {"bayes": ASSUMED_BAYES, **measurements}
    errors = {
        part: estimate(part, given[part], task=task, confidence=confidence) if part in given else None for part in PARTS
    }
    return _table(errors, task, threshold, confidence)


def from_errors(
    errors: Mapping[str, Mapping[str, Any] | None], *, task: str, threshold: float, confidence: float
) -> dict[str, Any]:
    """The same of errors as a diagnosis has them, {part: {value, low, high, n, ...}}; a Bayes error that is not there
    is assumed."""
    found: dict[str, Estimate | None] = {
        part: from_json(entry, task=task) if (entry := errors.get(part)) else None for part in PARTS
    }
    found["bayes"] = found["bayes"] or estimate("bayes", ASSUMED_BAYES, task=task, confidence=confidence)
    return _table(found, task, threshold, confidence)


def _table(errors: Mapping[str, Estimate | None], task: str, threshold: float, confidence: float) -> dict[str, Any]:
    gaps = _gaps(errors, task, threshold, confidence)
    verdict = {
        "bias": _verdict(gaps["avoidable_bias"]),
        "variance": _verdict(gaps["variance"]),
        "mismatch": _verdict(gaps["mismatch"]),
    }
    return {
        "errors": {part: found.to_json() if found else None for part, found in errors.items()},
        "gaps": {name: gap.to_json() if gap else None for name, gap in gaps.items()},
        "verdict": verdict,
        "headline": headline(gaps["avoidable_bias"], gaps["variance"], gaps["mismatch"]),
        "task": task,
        "threshold": threshold,
        "confidence": confidence,
    }


def with_test(diagnosis: Mapping[str, Any], error: Mapping[str, Any]) -> dict[str, Any]:
    """`diagnosis` with the test error, {value, low, high, n} as `evaluate` wrote it, and its gap to dev filled in."""
    task = diagnosis["task"]
    test = from_json(error, task=task)
    dev = diagnosis["errors"]["dev"]
    gap = None
    if dev is not None:
        question = _question("test_gap", "test", "dev", diagnosis["threshold"], diagnosis["confidence"])
        gap = question.answer(test, from_json(dev, task=task)).to_json()
    return {
        **diagnosis,
        "errors": {**diagnosis["errors"], "test": test.to_json()},
        "gaps": {**diagnosis["gaps"], "test_gap": gap},
    }


def with_bayes(diagnosis: Mapping[str, Any], bayes_error: float) -> dict[str, Any]:
    """`diagnosis` with this Bayes error stated: its avoidable bias, verdict and headline follow; nothing else changes.

    Raises InputError for a rate out of range.
    """
    task, confidence, threshold = diagnosis["task"], diagnosis["confidence"], diagnosis["threshold"]
    stated = Measurement(bayes_error, None, "stated")
    problems = _wrong_with("bayes", stated, task)
    if problems:
        raise InputError(*problems)
    bayes = estimate("bayes", stated, task=task, confidence=confidence)
    train = from_json(diagnosis["errors"]["train"], task=task)
    gaps = {name: Gap(**entry) if entry else None for name, entry in diagnosis["gaps"].items()}
    question = _question("avoidable_bias", "train", "bayes", threshold, confidence)
    gaps["avoidable_bias"] = question.answer(train, bayes)
    return {
        **diagnosis,
        "errors": {**diagnosis["errors"], "bayes": bayes.to_json()},
        "gaps": {name: gap.to_json() if gap else None for name, gap in gaps.items()},
        "verdict": {**diagnosis["verdict"], "bias": _verdict(gaps["avoidable_bias"])},
        "headline": headline(gaps["avoidable_bias"], gaps["variance"], gaps["mismatch"]),
    }


def error_entry(part: str, measurement: Measurement, *, task: str, confidence: float) -> dict[str, Any]:
    """One error by itself: `value, low, high, n, source, interval`. `part` is train, dev, test or a file's name."""
    return estimate(part, measurement, task=task, confidence=confidence).to_json()


def baseline_entry(measurement: Measurement, *, task: str, confidence: float) -> dict[str, Any]:
    """An entry of `baselines`: {value, low, high, n} on dev, and n_eff (and interval) where weights or groups make it
    another than n."""
    entry = error_entry("dev", measurement, task=task, confidence=confidence)
    keys = ("value", "low", "high", "n", "n_eff", *(["interval"] if entry["interval"] == "clustered" else []))
    return {key: entry[key] for key in keys if key in entry}


def findings(diagnosis: Mapping[str, Any]) -> list[str]:
    """What `--fail-on` may name: high-bias, high-variance, mismatch, undetermined (any of the three verdicts)."""
    verdict = diagnosis["verdict"]
    found = {
        "high-bias": verdict["bias"] == "high",
        "high-variance": verdict["variance"] == "high",
        "mismatch": verdict["mismatch"] == "high",
        "undetermined": "undetermined" in verdict.values(),
    }
    return [name for name, holds in found.items() if holds]


def headline(bias: Gap | None, variance: Gap | None, mismatch: Gap | None) -> str:
    """The verdict in words: `high variance`, `low bias and low variance`, `undetermined, leaning high bias`, ...

    What is known to be high stands first: `high bias, variance undetermined, leaning high`.
    """
    asked = {name: gap for name, gap in (("bias", bias), ("variance", variance)) if gap is not None}
    high = [f"high {name}" for name, gap in asked.items() if gap.verdict == "high"]
    open_questions = {name: gap for name, gap in asked.items() if gap.verdict == "undetermined"}
    if high:
        words = " and ".join(high)
        words += "".join(f", {name} undetermined, leaning {gap.point}" for name, gap in open_questions.items())
    elif open_questions:
        words = f"undetermined, leaning {_in_words({name: gap.point for name, gap in asked.items()})}"
    else:
        words = _in_words({name: gap.verdict for name, gap in asked.items()})
    return f"{words}, data mismatch" if mismatch is not None and mismatch.verdict == "high" else words


def _in_words(sides: Mapping[str, str]) -> str:
    high = [f"high {name}" for name, side in sides.items() if side == "high"]
    return " and ".join(high or [f"low {name}" for name in sides])


def _gaps(
    errors: Mapping[str, Estimate | None], task: str, threshold: float, confidence: float
) -> dict[str, Gap | None]:
    held_out = "train_dev" if errors["train_dev"] else "dev"
    pairs = [("train", "bayes"), (held_out, "train"), ("dev", "train_dev"), ("test", "dev")]
    gaps: dict[str, Gap | None] = {}
    for name, (a, b) in zip(GAPS, pairs, strict=True):
        of_a, of_b = errors[a], errors[b]
        question = _question(name, a, b, threshold, confidence)
        gaps[name] = question.answer(of_a, of_b) if of_a and of_b else None
    bias, bayes = gaps["avoidable_bias"], errors["bayes"]
    if bias and bayes and bayes.source in ASSUMED and task == "regression" and bias.verdict != "low":
        gaps["avoidable_bias"] = _left_open(bias)
    return gaps


def _question(name: str, a: str, b: str, threshold: float, confidence: float) -> Question:
    """mismatch and test_gap ask whether there is a gap at all, the others whether it is large."""
    rule = existence_rule if name in ("mismatch", "test_gap") else size_rule
    return Question(a, b, rule, threshold, confidence)


def _left_open(bias: Gap) -> Gap:
    """Noise in a target is the rule, so for regression a Bayes error of 0 is no more than a guess; only a bias that is
    low against it is low against any other."""
    settle = {"part": "bayes", "more": None, "if": "a Bayes error is stated"}
    return Gap(bias.value, bias.low, bias.high, "undetermined", bias.point, settle)


def _verdict(gap: Gap | None) -> str | None:
    return gap.verdict if gap else None


def _refuse_bad(measurements: Mapping[str, Measurement], task: str, threshold: float, confidence: float) -> None:
    problems = [
        Problem(f"{part} is no part of a diagnosis: expected one of {', '.join(PARTS)}{did_you_mean(part, PARTS)}")
        for part in measurements
        if part not in PARTS
    ]
    if "train" not in measurements:
        problems.append(Problem("a diagnosis needs the training error"))
    for part, measurement in measurements.items():
        problems += _wrong_with(part, measurement, task)
    if not (math.isfinite(threshold) and threshold > 0):
        problems.append(Problem(f"threshold is {threshold}, expected a number above 0", key="diagnosis.threshold"))
    if not 0 < confidence < 1:
        problems.append(
            Problem(f"confidence is {confidence}, expected a number between 0 and 1", key="diagnosis.confidence")
        )
    if problems:
        raise InputError(*problems)


def _wrong_with(part: str, measurement: Measurement, task: str) -> list[Problem]:
    value, n = measurement.value, measurement.n
    size = n if measurement.errors is None else len(measurement.errors)
    problems = []
    if not math.isfinite(value):
        problems.append(Problem(f"the {part} error is {value}, expected a number: did training diverge?"))
    elif value < 0 or (value > 1 and task != "regression"):
        problems.append(Problem(f"the {part} error is {value}, expected a rate from 0 to 1"))
    if size is not None and size < 1:
        problems.append(Problem(f"the {part} error is measured on {size} examples, expected 1 or more"))
    if measurement.weights is not None and not (measurement.weights > 0).any():
        problems.append(Problem(f"every {part} example has weight 0, expected one above 0: no error can be measured"))
    return problems
