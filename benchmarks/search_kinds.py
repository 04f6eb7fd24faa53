"""Where random, grid, coarse-to-fine and tpe searches end on the same space and budget, over ten seeds.

Digits, a hidden layer, the learning rate and the units on log scales: 60 trials each, 64 for the grid. Each seed draws
the trials and starts every network anew; the rows stay. `best` is the lowest dev error of the search, which luck of the
draw lowers; `fresh` that of its winner trained again with three seeds that the search did not see. Means with Student's
t intervals over the seeds, and the differences of coarse_to_fine to the others in pairs.

    python benchmarks/search_kinds.py [--seeds 10] [--workers 2] [--trials 60]
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import t

KINDS = ("coarse_to_fine", "random", "grid", "tpe")
CONFIG = """\
name: kinds
data: {source: digits, target: label}
architecture: {layers: [64]}
training: {epochs: 15}
search:
  winner_seeds: 3
  space:
    optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 1.0}
    architecture.layers.0.units: {kind: log_int, low: 4, high: 256}
"""


def search(folder: Path, kind: str, seed: int, trials: int, workers: int) -> tuple[float, float]:
    """The lowest dev error of a search, and that of its winner with fresh seeds."""
    budget = "search.points=8" if kind == "grid" else f"search.trials={trials}"
    words = ["search", str(folder / "config.yaml"), "--json", "--workers", str(workers), "--runs-dir", str(folder)]
    told = subprocess.run(
        [sys.executable, "-m", "dltrain", *words, f"search.kind={kind}", budget, f"seed={seed}"],
        capture_output=True,
        text=True,
    )
    if told.returncode:
        raise SystemExit(told.stderr)
    found = json.loads(told.stdout)
    return float(found["best"]["objective"]), float(found["winner"]["errors"]["dev"]["value"])


def interval(values: list[float]) -> str:
    """Mean and Student's t interval, in percent."""
    x = 100 * np.array(values)
    half = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else float("nan")
    return f"{x.mean():.2f} ({x.mean() - half:.2f} to {x.mean() + half:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=60)
    args = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for seed in range(1, args.seeds + 1):
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as name:
                (Path(name) / "config.yaml").write_text(CONFIG)
                found[kind].append(search(Path(name), kind, seed, args.trials, args.workers))
            print(
                f"seed {seed}, {kind}: best {100 * found[kind][-1][0]:.2f}, fresh {100 * found[kind][-1][1]:.2f}",
                flush=True,
            )
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {args.seeds} seeds; percent, mean (95 % interval)")
    print("| kind | best dev error | fresh | best, less coarse_to_fine's | fresh, less coarse_to_fine's |")
    print("|---|---|---|---|---|")
    ours = found[KINDS[0]]
    for kind, pairs in found.items():
        cells = [interval([pair[place] for pair in pairs]) for place in (0, 1)]
        for place in (0, 1) if kind != KINDS[0] else ():
            cells.append(interval([other[place] - mine[place] for mine, other in zip(ours, pairs, strict=True)]))
        print("| " + " | ".join([kind, *cells, *[""] * (4 - len(cells))]) + " |")


if __name__ == "__main__":
    main()
