"""A finished search as its study.json has it, made by hand."""

from __future__ import annotations

from typing import Any

RATE, BETA, UNITS, KIND = "optimizer.learning_rate", "optimizer.beta1", "architecture.layers.0.units", "optimizer.kind"
SPACE: dict[str, Any] = {
    RATE: {"kind": "log_uniform", "low": 1e-4, "high": 1.0, "when": None},
    BETA: {"kind": "one_minus_log_uniform", "low": 0.9, "high": 0.999, "when": {KIND: ["adam"]}},
    UNITS: {"kind": "int", "low": 16, "high": 256, "when": None},
    KIND: {"kind": "choice", "values": ["adam", "momentum"], "when": None},
}


def entry(value: float) -> dict[str, Any]:
    return {"value": value, "low": value / 2, "high": 2 * value, "n": 359}


def trial(number: int, error: float | None, round_: int, state: str = "finished", **overrides: Any) -> dict[str, Any]:
    errors = {} if error is None else {"train": entry(error / 2), "dev": entry(error)}
    found = {"trial": number, "state": state, "overrides": {**overrides, "seed": 1}, "errors": errors}
    more = {"epochs": 5} if state == "pruned" else {"cause": "at step 3"} if error is None else {}
    return {**found, "round": round_, "point": number, "objective": error, **more}


TRIALS = [
    trial(0, 0.30, 1, **{RATE: 0.0002, UNITS: 20, KIND: "momentum"}),
    trial(1, 0.05, 1, **{RATE: 0.5, UNITS: 200, KIND: "adam", BETA: 0.95}),
    trial(2, None, 1, "diverged", **{RATE: 1.0, UNITS: 256, KIND: "momentum"}),
    trial(3, 0.02, 2, **{RATE: 0.93, UNITS: 120, KIND: "adam", BETA: 0.99}),
    trial(4, 0.04, 2, "pruned", **{RATE: 0.4, UNITS: 16, KIND: "adam", BETA: 0.999}),
    trial(5, 0.03, 2, **{RATE: 0.8, UNITS: 90, KIND: "adam", BETA: 0.9}),
]
WHOLE = {RATE: [1e-4, 1.0], BETA: [0.9, 0.999], UNITS: [16, 256], KIND: ["adam", "momentum"]}
NARROW = {RATE: [0.3, 1.0], BETA: [0.94, 0.995], UNITS: [80, 220], KIND: ["adam"]}
SEEDS: dict[str, Any] = {"interval": "t", "of": "training randomness only", "sd": 0.002, "source": "measured"}


def record(**more: Any) -> dict[str, Any]:
    """Of a coarse-to-fine search of 6 points in 2 rounds, one diverged and one pruned."""
    gap = {"value": 0.012, "low": 0.004, "high": 0.03, "verdict": "undetermined", "point": "low", "settle": None}
    errors = {
        "bayes": {"value": 0.0, "low": 0.0, "high": 0.0, "n": None, "source": "assumed", "interval": "exact"},
        "train": {**SEEDS, "value": 0.011, "low": 0.008, "high": 0.014, "n": 3},
        "dev": {**SEEDS, "value": 0.023, "low": 0.018, "high": 0.028, "n": 3, "selected": True},
    }
    winner = {
        "overrides": {key: value for key, value in TRIALS[3]["overrides"].items() if key != "seed"},
        "seeds": [2, 3, 4],
        "errors": errors,
        "gaps": {"avoidable_bias": {**gap, "verdict": "low"}, "variance": gap, "mismatch": None, "test_gap": None},
        "verdict": {"bias": "low", "variance": "undetermined", "mismatch": None},
        "headline": "undetermined, leaning low bias and low variance",
        "task": "multiclass",
        "threshold": 0.02,
        "confidence": 0.95,
        "baselines": {},
        "advice": [
            {"action": "add L2", "why": "to see", "overrides": ["regularizer.kind=l2", "regularizer.lambd=0.7"]}
        ],
        "trials": [],
    }
    summary = {
        "errors": errors,
        "headline": "best of 6 points: dev 2.3% [1.8%, 2.8%] over 3 fresh seeds; the search itself saw 2%",
        "best": {
            "trial": 3,
            "point": 3,
            "overrides": winner["overrides"],
            "objective": 0.02,
            "low": 0.01,
            "high": 0.04,
        },
        "winner": winner,
        "luck": {"value": 0.004, "note": "about 0.4 points of its dev error are luck of the search"},
        "importance": [
            {"path": RATE, "share": 0.6, "low": 0.4, "high": 0.8},
            {"path": UNITS, "share": 0.2, "low": 0.0, "high": 0.3},
            {"path": BETA, "share": 0.08, "low": 0.0, "high": 0.2},
            {"path": KIND, "share": 0.02, "low": 0.0, "high": 0.1},
        ],
        "importance_rest": {
            "together": {"share": 0.04, "low": 0.0, "high": 0.1},
            "unexplained": {"share": 0.06, "low": 0.0, "high": 0.2},
            "trials": 6,
            "note": None,
        },
        "edges": [
            {
                "path": RATE,
                "value": 0.93,
                "end": "high",
                "low": 1e-4,
                "high": 1.0,
                "suggestion": f"search.space.{RATE}.high=3.0",
            }
        ],
        "boxes": [WHOLE, NARROW],
        "rounds": [
            {"round": 1, "first": 0, "points": 3, "best": 1, "objective": 0.05, "box": WHOLE},
            {"round": 2, "first": 3, "points": 3, "best": 3, "objective": 0.02, "box": NARROW},
        ],
        "trials": TRIALS,
        "notes": ["1 point diverged: the worst there is"],
    }
    study = {"kind": "search", "method": "coarse_to_fine", "trials": 6, "seeds": 1, "objective": "dev.error"}
    found = {"id": "one", "state": "finished", "created": "2026-11-22T20:00:00Z", "task": "multiclass"}
    return {**found, "study": {**study, "space": SPACE}, "summary": summary, **more}
