"""Trials per hour of a random search: dltrain beside scikit-learn and Optuna with PyTorch, as whole processes.

10,000 x 20, two classes, 8,000 to train on and 2,000 in dev, [64, 64], batch 64, Adam, 20 epochs; the learning rate and
the L2 strength are drawn on log scales. scikit-learn: RandomizedSearchCV over MLPClassifier, one predefined dev split,
no refit. Optuna: its random sampler, as many processes as workers over one journal, PyTorch eager with one thread,
batches indexed by hand. Each by turns, imports and all; the median of the paired ratios with their least and greatest.
dltrain also with one worker, and with trials of one step, which leaves what a trial costs beside its training.

    python benchmarks/search_rate.py [--trials 24] [--times 5] [--other-python PYTHON]
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

ROWS, TRAINING, COLUMNS, EPOCHS, BATCH = 10_000, 8_000, 20, 20, 64
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

SKLEARN = """
import sys
import numpy as np
from scipy.stats import loguniform
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
folder, trials, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
found = np.load(folder + "/rows.npz")
network = MLPClassifier((64, 64), batch_size=64, max_iter=20, tol=0.0, n_iter_no_change=1000, random_state=1)
space = {"learning_rate_init": loguniform(1e-4, 1e-1), "alpha": loguniform(1e-4, 1e1)}
split = PredefinedSplit(np.repeat([-1, 0], [8000, 2000]))
search = RandomizedSearchCV(network, space, n_iter=trials, cv=split, refit=False, n_jobs=workers, random_state=1)
import warnings
warnings.simplefilter("ignore")
import os
os.environ["PYTHONWARNINGS"] = "ignore"
X = found["X"]
search.fit((X - X[:8000].mean(0)) / X[:8000].std(0), found["y"])
print(1 - search.best_score_)
"""

OPTUNA = """
import subprocess, sys
folder, trials, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if len(sys.argv) == 4:
    import optuna
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(folder + "/journal"))
    import os
    study = optuna.create_study(storage=storage, study_name=str(os.getpid()))
    code = open(folder + "/driver.py").read()
    words = [sys.executable, "-c", code, folder, str(trials // workers), "1", study.study_name]
    for one in [subprocess.Popen(words) for _ in range(workers)]:
        assert one.wait() == 0
    print(study.best_value)
    sys.exit()
import numpy as np, optuna, torch
torch.set_num_threads(1)
optuna.logging.set_verbosity(optuna.logging.ERROR)
found = np.load(folder + "/rows.npz")
X, y = torch.tensor(found["X"]), torch.tensor(found["y"])
X = (X - X[:8000].mean(0)) / X[:8000].std(0, unbiased=False)
def objective(trial):
    rate, alpha = trial.suggest_float("rate", 1e-4, 1e-1, log=True), trial.suggest_float("alpha", 1e-4, 1e1, log=True)
    torch.manual_seed(trial.number)
    relu, linear = torch.nn.ReLU, torch.nn.Linear
    network = torch.nn.Sequential(linear(20, 64), relu(), linear(64, 64), relu(), linear(64, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=alpha / 8000)
    cost = torch.nn.BCEWithLogitsLoss()
    target = y.float()[:, None]
    for _ in range(20):
        order = torch.randperm(8000)
        for start in range(0, 8000, 64):
            rows = order[start:start + 64]
            optimizer.zero_grad()
            cost(network(X[rows]), target[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return float(((network(X[8000:]) > 0).squeeze(1) != y[8000:].bool()).float().mean())
storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(folder + "/journal"))
study = optuna.load_study(study_name=sys.argv[4], storage=storage, sampler=optuna.samplers.RandomSampler())
study.optimize(objective, n_trials=trials)
"""


def write(folder: Path) -> None:
    """Two classes that two rings of products tell apart, with a tenth of the labels turned round."""
    draw = np.random.Generator(np.random.PCG64(0))
    X = draw.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + 0.5 * X[:, 4] > 0) ^ (draw.random(ROWS) < 0.1)
    np.savez(folder / "rows.npz", X=X, y=y.astype(np.int64))
    np.savez(folder / "train.npz", X=X[:TRAINING], y=y[:TRAINING].astype(np.int64))
    np.savez(folder / "dev.npz", X=X[TRAINING:], y=y[TRAINING:].astype(np.int64))
    (folder / "driver.py").write_text(OPTUNA)
    (folder / "config.yaml").write_text(
        "name: rate\n"
        "data: {source: train.npz, target: y}\n"
        "split: {by: files, files: {train: train.npz, dev: dev.npz}}\n"
        "architecture: {layers: [64, 64]}\n"
        "regularizer: {kind: l2, lambd: 1}\n"
        f"training: {{epochs: {EPOCHS}, batch_size: {BATCH}}}\n"
        "search:\n"
        "  kind: random\n"
        "  winner_seeds: 0\n"
        "  space:\n"
        "    optimizer.learning_rate: {kind: log_uniform, low: 1.0e-4, high: 1.0e-1}\n"
        "    regularizer.lambd: {kind: log_uniform, low: 1.0e-4, high: 10}\n"
    )


def seconds(words: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **SINGLE})
    if done.returncode:
        raise SystemExit(f"{words[:4]} left with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - began


def dltrain(folder: Path, trials: int, workers: int, *more: str) -> float:
    config, place = str(folder / "config.yaml"), tempfile.mkdtemp(dir=folder)
    words = [sys.executable, "-m", "dltrain", "search", config, "-q", "--workers", str(workers), "--runs-dir", place]
    return seconds([*words, f"search.trials={trials}", *more])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--other-python", default=sys.executable, help="one with scikit-learn, Optuna and PyTorch")
    args = parser.parse_args()
    trials, other = args.trials, args.other_python
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        contestants = {
            "dltrain, 2 workers": lambda: dltrain(folder, trials, 2),
            "dltrain, 1 worker": lambda: dltrain(folder, trials, 1),
            "dltrain, 2 workers, trials of one step": lambda: dltrain(
                folder, trials, 2, "training.steps=1", "training.epochs=null"
            ),
            "scikit-learn, 2 workers": lambda: seconds([other, "-c", SKLEARN, name, str(trials), "2"]),
            "Optuna and PyTorch, 2 workers": lambda: seconds([other, "-c", OPTUNA, name, str(trials), "2"]),
        }
        found: dict[str, list[float]] = {each: [] for each in contestants}
        for _ in range(args.times):
            for each, run in contestants.items():
                found[each].append(run())
    report(found, trials)


def report(found: dict[str, list[float]], trials: int) -> None:
    print(f"{trials} trials, {time.strftime('%Y-%m-%d')}, {platform.machine()}, {len(os.sched_getaffinity(0))} cores")
    ours = next(iter(found.values()))
    for each, times in found.items():
        ratios = sorted(other / mine for mine, other in zip(ours, times, strict=True))
        middle = statistics.median(times)
        print(
            f"{each}: {3600 * trials / middle:,.0f} trials an hour, {middle / trials:.2f} s each ({min(times):.1f} to "
            f"{max(times):.1f} s in all), {statistics.median(ratios):.2f} times the first "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
