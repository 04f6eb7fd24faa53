"""From a large CSV to the first step of training: dltrain against pandas and scikit-learn, in wall time and memory.

Both read the file, split it 98/1/1 with the classes in proportion, fit a standard scaler on the training rows and
scale every part. dltrain also looks for rows that occur twice, identifiers and leaks, hashes the file, and takes the
first step of an epoch. Each runs in a process of its own, by turns, after one reading that warms the file cache;
imports count. Peak: VmHWM of the process.

    python benchmarks/reading.py [--rows 1000000] [--columns 100] [--times 5] [--folder FOLDER]
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
from pathlib import Path

import numpy as np

DLTRAIN = """
import json, sys, time
began = time.perf_counter()
from dltrain import config, experiment
from dltrain.engine.fit import fit
from dltrain.engine.state import State
ready = experiment.prepare(config.load([sys.argv[1] + "/dltrain.yaml"]))
prepared = time.perf_counter() - began
program = ready.plan.program()
with experiment.threads(ready.plan.threads):
    next(fit(program, ready.rows("train"), ready.rows("dev"), State.start(program)))
"""
PANDAS = """
import json, sys, time
began = time.perf_counter()
import pandas
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
table = pandas.read_csv(sys.argv[1] + "/table.csv", engine={engine!r})
y = table.pop("y")
train, rest, y_train, y_rest = train_test_split(table, y, test_size=0.02, random_state=1, stratify=y)
dev, test, y_dev, y_test = train_test_split(rest, y_rest, test_size=0.5, random_state=1, stratify=y_rest)
scaler = StandardScaler()
train = scaler.fit_transform(train)
dev, test = scaler.transform(dev), scaler.transform(test)
prepared = time.perf_counter() - began
"""
END = """
seconds = time.perf_counter() - began
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([prepared, seconds, int(peak) * 1024]))
"""


def write(folder: Path, rows: int, columns: int) -> None:
    """Normal numbers with six places, and two classes that a linear function separates but for noise."""
    import polars as pl

    draw = np.random.Generator(np.random.PCG64(0))
    w = draw.normal(size=columns)
    names = [f"x{j}" for j in range(columns)]
    with (folder / "table.csv").open("w") as file:
        file.write(",".join([*names, "y"]) + "\n")
        for start in range(0, rows, 50_000):
            X = draw.normal(loc=1.0, scale=3.0, size=(min(50_000, rows - start), columns))
            y = (X @ w + draw.normal(size=len(X)) * 5 > w.sum()).astype(np.int64)
            frame = pl.DataFrame(dict(zip(names, X.T, strict=True))).with_columns(y=y)
            file.write(frame.write_csv(include_header=False, float_precision=6))
    (folder / "dltrain.yaml").write_text(
        f"data: {{source: {folder / 'table.csv'}, target: y}}\nsplit: {{train: 0.98, dev: 0.01, test: 0.01}}\n"
        "architecture: {layers: [128, 64]}\ntraining: {batch_size: 1024, epochs: 1}\n"
    )


def run(python: str, code: str, folder: Path) -> tuple[float, float, float]:
    """Seconds until prepared, seconds in all, bytes at the peak."""
    done = subprocess.run([python, "-c", code + END, str(folder)], capture_output=True, text=True, check=True)
    prepared, seconds, peak = json.loads(done.stdout)
    return prepared, seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--other-python", default=sys.executable, help="one that has pandas and scikit-learn")
    args = parser.parse_args()
    contestants = {
        "dltrain": (sys.executable, DLTRAIN),
        "pandas (C) and scikit-learn": (args.other_python, PANDAS.format(engine="c")),
        "pandas (pyarrow) and scikit-learn": (args.other_python, PANDAS.format(engine="pyarrow")),
    }
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        write(folder, args.rows, args.columns)
        found: dict[str, list[tuple[float, float, float]]] = {each: [] for each in contestants}
        (folder / "table.csv").read_bytes()
        for _ in range(args.times):
            for each, (python, code) in contestants.items():
                found[each].append(run(python, code, folder))
    data = args.rows * args.columns * 4
    cores = len(os.sched_getaffinity(0))
    print(f"{args.rows:,} x {args.columns}, {time.strftime('%Y-%m-%d')}, {platform.machine()}, {cores} cores")
    ours = [seconds for _, seconds, _ in found["dltrain"]]
    for each, runs in found.items():
        prepared, seconds, peak = (statistics.median(column) for column in zip(*runs, strict=True))
        ratios = sorted(other / mine for mine, (_, other, _) in zip(ours, runs, strict=True))
        print(
            f"{each}: prepared after {prepared:.1f} s, all {seconds:.1f} s ({min(r[1] for r in runs):.1f} to "
            f"{max(r[1] for r in runs):.1f}), {statistics.median(ratios):.2f} times dltrain's "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}); peak {peak / 2**20:.0f} MB = {peak / data:.2f} times the data"
        )


if __name__ == "__main__":
    main()
