"""Six real sets without a config, beside scikit-learn's MLP on the same prepared rows: test error and time.

Each set is trained by `dltrain train DATAFILE --target ...`, as a user would, with the config that this writes, and
measured on its test part. scikit-learn trains MLPClassifier or MLPRegressor with the same hidden layers, its own
defaults else (and the same with its early stopping), on the arrays that dltrain prepared: train and dev together,
since it has no use for dev. Seeds 1 to `--seeds`; medians, least and greatest. Both with the same number of threads.

    DLTRAIN_TEST_DATA=FOLDER python benchmarks/real_sets.py [--seeds 3] [adult pendigits ...]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from dltrain import data
from dltrain.config import load, resolve

ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,"
    "capital_gain,capital_loss,hours_per_week,native_country,income"
)


@dataclass(frozen=True)
class RealSet:
    """A set as it lies: its file, the other arguments of `train`, and what its test error must not exceed."""

    file: str
    arguments: tuple[str, ...]
    most: float | None
    test: str | None = None


SETS = {
    "adult": RealSet(
        "adult/adult-train.csv", ("--target", "income", "--columns", ADULT), 0.150, "adult/adult-test.csv"
    ),
    "titanic": RealSet("titanic/train.csv", ("--target", "Survived"), None),
    "california": RealSet("california_housing/california_8features.csv", ("--target", "MedHouseVal"), 0.225),
    "housing": RealSet("california_housing/housing.csv", ("--target", "median_house_value"), None),
    "bike_sharing": RealSet("bike_sharing/hour.csv", ("--target", "cnt"), None),
    "pendigits": RealSet("pendigits/pendigits_train.csv", ("--target", "digit"), 0.04, "pendigits/pendigits_test.csv"),
    "mnist": RealSet("mnist/mnist.npz", ("--target", "y_train"), 0.018),
}
"""Errors of regression are 1 − R² of the test part (mean square over its own variance)."""


@dataclass(frozen=True)
class Measured:
    """Test error and seconds of a training."""

    error: float
    seconds: float


def ours(one: RealSet, folder: Path, runs: Path, seed: int) -> tuple[Measured, Path]:
    """By the command, from the raw file to the finished run; start of the process included."""
    test = ("--test", str(folder / one.test)) if one.test else ()
    command = [sys.executable, "-m", "dltrain", "train", str(folder / one.file), *one.arguments, *test, f"seed={seed}"]
    began = time.perf_counter()
    done = subprocess.run([*command, "-q", "--runs-dir", str(runs)], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    run = done.stdout.strip().splitlines()[-1]
    found = subprocess.run(
        [sys.executable, "-m", "dltrain", "evaluate", run, "--json", "--runs-dir", str(runs)],
        check=True,
        capture_output=True,
        text=True,
    )
    metrics = json.loads(found.stdout)
    r2 = (metrics.get("metrics") or {}).get("r2")
    return Measured(metrics["error"]["value"] if r2 is None else 1 - r2, seconds), Path(run)


def theirs(run: Path, seed: int, early_stopping: bool) -> Measured:
    """scikit-learn's MLP with the run's hidden layers on the run's prepared rows; preparation not counted."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    loaded = load([run / "config.resolved.yaml"])
    prepared = data.prepare(loaded.experiment)
    plan = resolve(loaded.experiment, prepared.facts)
    known = [prepared.parts[part] for part in ("train", "dev")]
    X, y = np.vstack([part.X for part in known]), np.concatenate([part.y for part in known])
    test = prepared.parts["test"]
    units = tuple(layer.units for layer in plan.experiment.architecture.layers)
    kind = MLPRegressor if prepared.facts.task == "regression" else MLPClassifier
    network = kind(units, random_state=seed, early_stopping=early_stopping)
    with threadpool_limits(plan.threads, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        network.fit(X, y)
        seconds = time.perf_counter() - began
    predicted = network.predict(test.X)
    if prepared.facts.task != "regression":
        return Measured(float(np.mean(predicted != test.y)), seconds)
    return Measured(float(np.mean((predicted - test.y) ** 2) / np.var(test.y)), seconds)


def spread(values: Sequence[float], show: Callable[[float], str]) -> str:
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


def row(name: str, found: dict[str, list[Measured]], most: float | None) -> str:
    cells = [name]
    for measured in found.values():
        cells += [
            spread([one.error for one in measured], lambda error: f"{100 * error:.2f} %"),
            spread([one.seconds for one in measured], lambda seconds: f"{seconds:.1f} s"),
        ]
    return f"| {' | '.join(cells)} | {'' if most is None else f'{100 * most:g} %'} |"


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("sets", nargs="*", choices=[*SETS, []])
    options.add_argument("--seeds", type=int, default=3)
    asked: Any = options.parse_args()
    folder = Path(os.environ["DLTRAIN_TEST_DATA"])
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}")
    print("| set | dltrain | | scikit-learn's MLP | | with its early stopping | | at most |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as runs:
        for name in asked.sets or SETS:
            found: dict[str, list[Measured]] = {"dltrain": [], "MLP": [], "stopped": []}
            for seed in range(1, asked.seeds + 1):
                measured, run = ours(SETS[name], folder, Path(runs), seed)
                found["dltrain"].append(measured)
                found["MLP"].append(theirs(run, seed, False))
                found["stopped"].append(theirs(run, seed, True))
            print(row(name, found, SETS[name].most), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
