"""Where the advice is tried: generated problems and real sets, each with configs that have something wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trust.problems import Draw, Kind, Problem
from benchmarks.trust.trainings import written
from dltrain.engine.streams import generator

GENERATED = 60
KINDS: tuple[Kind, ...] = ("binary", "multiclass", "regression")
DEV, FRESH = 1000, 30_000

FAULTS: dict[str, dict[str, Any]] = {
    "too small": {"layers": [2], "steps": 400},
    "too short": {"layers": [32], "steps": 30},
    "too slow": {"layers": [32], "steps": 200, "learning_rate": 1e-4},
    "too large for its data": {"layers": [64, 64], "steps": 400, "few": True},
    "regularized too much": {"layers": [32], "steps": 400, "keep_prob": 0.3, "lambd": 3.0},
}
"""What is wrong with a config of a real set."""

REAL: dict[str, dict[str, Any]] = {
    "digits": {"source": "digits", "target": "label"},
    "breast_cancer": {"source": "breast_cancer", "target": "diagnosis"},
    "titanic": {
        "source": "titanic/train.csv",
        "target": "Survived",
        "exclude": ["PassengerId", "Name", "Ticket", "Cabin"],
        "missing": "median",
    },
    "california": {"source": "california_housing/california_8features.csv", "target": "MedHouseVal", "limit": 4000},
    "pendigits": {"source": "pendigits/pendigits_train.csv", "target": "digit", "task": "multiclass", "limit": 4000},
    "adult": {
        "source": "adult/adult-train.csv",
        "target": "class",
        "columns": [f"c{i}" for i in range(14)] + ["class"],
        "missing_values": ["?"],
        "missing": "most_frequent",
        "limit": 4000,
    },
}


def config_of(fault: dict[str, Any], data: dict[str, Any], split: dict[str, Any]) -> dict[str, Any]:
    """The sections of a config with this fault."""
    declared: dict[str, Any] = {
        "data": data,
        "split": split,
        "architecture": {"layers": fault["layers"], "keep_prob": fault.get("keep_prob", 1.0)},
        "optimizer": {"kind": "adam", "learning_rate": fault.get("learning_rate", 0.003)},
        "training": {"epochs": None, "steps": fault["steps"], "batch_size": 32},
    }
    if "lambd" in fault:
        declared["regularizer"] = {"kind": "l2", "lambd": fault["lambd"]}
    return declared


def real(folder: Path, data: Path | None) -> Iterator[tuple[str, Path]]:
    """(name, config) of every real set that is there, once for each fault."""
    for name, source in REAL.items():
        inside = "/" in source["source"]
        if inside and (data is None or not (data / source["source"]).is_file()):
            continue
        declared = {**source, "source": str(data / source["source"])} if inside and data else source
        for fault, how in FAULTS.items():
            split: dict[str, Any] = {"train": 0.4, "dev": 0.3, "test": 0.3}
            if how.get("few"):
                split = {"train": 0.1, "dev": 0.4, "test": 0.5}
            label = f"{name}, {fault}"
            yield label, written(folder, label.replace(", ", "-").replace(" ", "_"), config_of(how, declared, split))


def generated(folder: Path, number: int) -> tuple[str, Path]:
    """Problem `number` with its Bayes error stated, and a network whose size, training and data vary at random."""
    seed = 4_000_000 + number
    random = generator(seed, Draw.DESIGN)  # type: ignore[arg-type]
    kind = KINDS[number % 3]
    problem = Problem(
        kind=kind,
        family="clusters" if kind != "regression" and random.random() < 0.5 else "regions",
        seed=seed,
        n_x=int(random.integers(2, 7)),
        classes=4 if kind == "multiclass" else 2,
        noise=float(random.choice([0.0, 0.05, 0.15])),
        wiggles=int(random.integers(3, 9)),
    )
    overfits = number % 5 < 2
    m = int(random.choice([60, 150] if overfits else [150, 500, 1500]))
    arrays = {}
    for part, what, n in (("train", Draw.TRAIN, m), ("dev", Draw.DEV, DEV), ("test", Draw.TEST, FRESH)):
        arrays[f"x_{part}"], arrays[f"y_{part}"] = problem.draw(n, what)
    name = f"generated_{number}"
    np.savez(folder / f"{name}.npz", **arrays)
    how = _overfitting(random) if overfits else _any(random)
    if random.random() < 0.25:
        how |= {"lambd": 1.0} if random.random() < 0.5 else {"keep_prob": 0.5}
    data = {
        "source": f"{name}.npz",
        "target": "y_train",
        "task": kind,
        "arrays": {part: [f"x_{part}", f"y_{part}"] for part in ("train", "dev", "test")},
    }
    declared = config_of(how, data, {})
    del declared["split"]
    scale = float(np.var(arrays["y_train"])) if kind == "regression" else 1.0
    declared["diagnosis"] = {"bayes_error": round(problem.bayes() / scale, 6)}
    return name, written(folder, name, declared)


def _overfitting(random: np.random.Generator) -> dict[str, Any]:
    """A network that learns its few examples by heart."""
    return {
        "layers": ([32], [64, 64])[random.integers(0, 2)],
        "steps": int(random.choice([400, 800])),
        "learning_rate": float(random.choice([0.003, 0.01])),
    }


def _any(random: np.random.Generator) -> dict[str, Any]:
    """From too small, too short and too slow to good enough."""
    return {
        "layers": ([2], [4], [16], [64, 64])[random.integers(0, 4)],
        "steps": int(random.choice([40, 200, 800])),
        "learning_rate": float(random.choice([0.0003, 0.003, 0.01])),
    }
