"""Rules with fixed thresholds, of the kind that others use: no intervals, no "undetermined".

Each is given the same errors as the diagnosis, the Bayes error included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

Sides: TypeAlias = dict[str, str]
"""bias, variance, mismatch: high or low."""
Rule: TypeAlias = Callable[[Mapping[str, float]], Sides]

POINTS = 0.02


def side(high: bool) -> str:
    return "high" if high else "low"


def points(errors: Mapping[str, float]) -> Sides:
    """A gap above 2 points is high."""
    return {
        "bias": side(errors["train"] - errors["bayes"] > POINTS),
        "variance": side(errors["train_dev"] - errors["train"] > POINTS),
        "mismatch": side(errors["dev"] - errors["train_dev"] > POINTS),
    }


def ratios(errors: Mapping[str, float]) -> Sides:
    """An error above 1.2 times the one before it is high."""
    return {
        "bias": side(errors["train"] > 1.2 * errors["bayes"]),
        "variance": side(errors["train_dev"] > 1.2 * errors["train"]),
        "mismatch": side(errors["dev"] > 1.2 * errors["train_dev"]),
    }


def drops(errors: Mapping[str, float]) -> Sides:
    """A score that falls by more than a tenth of itself is high: the default of a common suite of model checks."""
    scores = {part: 1 - error for part, error in errors.items()}
    return {
        "bias": side(scores["train"] < 0.9 * scores["bayes"]),
        "variance": side(scores["train_dev"] < 0.9 * scores["train"]),
        "mismatch": side(scores["dev"] < 0.9 * scores["train_dev"]),
    }


RULES: dict[str, Rule] = {"gap > 2 points": points, "error ratio > 1.2": ratios, "score drop > 10 %": drops}
