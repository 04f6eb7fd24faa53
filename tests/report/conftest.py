"""Plain data as a run would leave it, without a run."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

MakeMetrics = Callable[..., list[dict[str, Any]]]

DIAGNOSIS: dict[str, Any] = {
    "run": "runs/digits-20261122T134600Z-a1b2c3",
    "task": "multiclass",
    "threshold": 0.02,
    "confidence": 0.95,
    "errors": {
        "bayes": {"value": 0.0, "low": 0.0, "high": 0.0, "n": None, "source": "assumed", "interval": "exact"},
        "train": {"value": 0.001, "low": 0.001, "high": 0.001, "n": 1078, "source": "measured", "interval": "exact"},
        "train_dev": None,
        "dev": {
            "value": 0.0279,
            "low": 0.0151,
            "high": 0.0505,
            "n": 359,
            "source": "measured",
            "interval": "wilson",
            "selected": True,
        },
        "test": None,
    },
    "gaps": {
        "avoidable_bias": {
            "value": 0.001,
            "low": 0.001,
            "high": 0.001,
            "verdict": "low",
            "point": "low",
            "settle": None,
        },
        "variance": {
            "value": 0.0269,
            "low": 0.0141,
            "high": 0.0495,
            "verdict": "undetermined",
            "point": "high",
            "settle": {"part": "dev", "more": 1620, "if": "the rate stays as observed"},
        },
        "mismatch": None,
        "test_gap": None,
    },
    "verdict": {"bias": "low", "variance": "undetermined", "mismatch": None},
    "headline": "undetermined, leaning high variance",
    "baselines": {
        "majority": {"value": 0.9, "low": 0.864, "high": 0.927, "n": 359},
        "linear": {"value": 0.0418, "low": 0.0255, "high": 0.0678, "n": 359},
    },
    "advice": [
        {"action": "add L2 regularization", "why": "variance leans high", "overrides": ["regularizer.lambd=0.7"]},
        {"action": "look once at the test part", "why": "to know", "overrides": [], "command": "dltrain evaluate RUN"},
        {"action": "collect more data", "why": "it may help", "overrides": []},
        {"action": "a fourth", "why": "never shown", "overrides": ["seed=2"]},
    ],
}


@pytest.fixture
def diagnosis() -> dict[str, Any]:
    return copy.deepcopy(DIAGNOSIS)


@pytest.fixture
def regression() -> dict[str, Any]:
    found = copy.deepcopy(DIAGNOSIS)
    found["task"] = "regression"
    found["errors"]["train"] |= {"value": 0.182, "low": 0.182, "high": 0.182, "rmse": 49210.0}
    found["errors"]["dev"] |= {"value": 0.214, "low": 0.196, "high": 0.236, "rmse": 53100.0}
    found["baselines"] = {"mean": {"value": 1.002, "low": 0.96, "high": 1.05, "n": 359}}
    return found


@pytest.fixture
def make_metrics() -> MakeMetrics:
    return metrics_of


def metrics_of(epochs: int, *, dev: bool = True, layers: int = 2) -> list[dict[str, Any]]:
    """Curves that fall, in the shape of metrics.jsonl."""
    records = []
    for epoch in range(1, epochs + 1):
        fall = math.exp(-epoch / 5)
        layer = {
            "activation_norm": 2.0,
            "gradient_norm": fall,
            "update_ratio": fall / 100,
            "dead": 0.1,
            "saturated": 0.0,
        }
        records.append(
            {
                "epoch": epoch,
                "step": 17 * epoch,
                "learning_rate": 0.001,
                "cost": 2 * fall + 0.1,
                "penalty": 0.02,
                "train": {"loss": 2 * fall, "error": 0.5 * fall},
                "dev": {"loss": 2 * fall + 0.05, "error": 0.5 * fall + 0.02} if dev else None,
                "grad_norm": fall,
                "layers": [dict(layer) for _ in range(layers)],
            }
        )
    return records


PREDICTIONS: dict[str, Any] = {
    "rows": [11, 12, 13, 14, 15],
    "y": [0, 1, 2, 0, 1],
    "predicted": [0, 2, 2, 1, 1],
    "probability": [[0.9, 0.1, 0.0], [0.1, 0.3, 0.6], [0.0, 0.1, 0.9], [0.05, 0.9, 0.05], [0.2, 0.7, 0.1]],
}


@pytest.fixture
def predictions() -> dict[str, Any]:
    return copy.deepcopy(PREDICTIONS)
