"""The notes' pairs of errors (section 1.2), typed by hand: train, dev, Bayes and the headline each must have."""

from __future__ import annotations

from dltrain.diagnosis import Measurement, diagnose

PAIRS: tuple[tuple[float, float, float | None, str], ...] = (
    (0.01, 0.11, None, "high variance"),
    (0.15, 0.16, None, "high bias"),
    (0.15, 0.30, None, "high bias and high variance"),
    (0.005, 0.01, None, "low bias and low variance"),
    (0.15, 0.16, 0.15, "low bias and low variance"),
)


def measure() -> list[dict[str, object]]:
    """What the diagnosis says of each pair."""
    rows = []
    for train, dev, bayes, expected in PAIRS:
        parts = {"train": Measurement(train, None, "typed"), "dev": Measurement(dev, None, "typed")}
        if bayes is not None:
            parts["bayes"] = Measurement(bayes, None, "stated")
        found = diagnose(parts, task="multiclass", threshold=0.02, confidence=0.95)["headline"]
        rows.append({"train": train, "dev": dev, "bayes": bayes, "headline": found, "expected": expected})
    return rows
