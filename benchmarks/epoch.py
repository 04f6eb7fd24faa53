"""An epoch of 784-[256, 128]-10 at batch 64 with Adam, beside PyTorch eager with tensors indexed by hand.

Both train on the same random rows in memory, reshuffled each epoch; an alternation is one epoch of each, after a
warm-up epoch; measuring dev or training errors is left out of both.

    python benchmarks/epoch.py [--rows 60000] [--epochs 15] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from dltrain.engine.architecture import Architecture, Layer, Program
from dltrain.engine.fit import Rows, Step, fit
from dltrain.engine.initializers import He, Xavier
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.schedules import Constant
from dltrain.engine.state import State

N_X, UNITS, CLASSES, BATCH = 784, (256, 128), 10, 64


def ours(X: np.ndarray, y: np.ndarray, epochs: int) -> Callable[[], float]:
    """A function that trains one epoch and returns its seconds, from the first step to the last."""
    layers = tuple(
        Layer(units=u, activation="relu", keep_prob=1.0, batch_norm=None, initializer=He(), regularizer=NoRegularizer())
        for u in UNITS
    )
    architecture = Architecture(
        n_x=N_X,
        layers=layers,
        output="softmax",
        n_y=CLASSES,
        input_keep_prob=1.0,
        initializer=Xavier(),
        regularizer=NoRegularizer(),
    )
    program = Program(
        architecture=architecture, optimizer=Adam(), schedule=Constant(), batch_size=BATCH, epochs=epochs + 1
    )
    events = fit(program, Rows(X, y), None, State.start(program))
    batches = -(-len(X) // BATCH)

    def epoch() -> float:
        began = time.perf_counter()
        for _ in range(batches):
            assert isinstance(next(events), Step)
        seconds = time.perf_counter() - began
        next(events)  # the measurement at the epoch's end
        return seconds

    return epoch


def theirs(X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The same in PyTorch eager, as one would write it without a DataLoader."""
    torch.manual_seed(0)
    sizes = (N_X, *UNITS, CLASSES)
    modules: list[torch.nn.Module] = []
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        modules += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(network.parameters())
    loss = torch.nn.CrossEntropyLoss()
    rows, labels = torch.from_numpy(X), torch.from_numpy(y)

    def epoch() -> float:
        began = time.perf_counter()
        order = torch.randperm(len(rows))
        for start in range(0, len(rows), BATCH):
            chosen = order[start : start + BATCH]
            optimizer.zero_grad()
            cost = loss(network(rows[chosen]), labels[chosen])
            cost.backward()
            optimizer.step()
        return time.perf_counter() - began

    return epoch


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def compare(rows: int, epochs: int, threads: int) -> None:
    generator = np.random.Generator(np.random.Philox(0))
    X = generator.standard_normal((rows, N_X)).astype(np.float32)
    y = generator.integers(0, CLASSES, rows)
    torch.set_num_threads(threads)
    with threadpool_limits(limits=threads, user_api="blas"):
        runners = {"dltrain": ours(X, y, epochs), "PyTorch": theirs(X, y)}
        for runner in runners.values():
            runner()
        times: dict[str, list[float]] = {name: [] for name in runners}
        for turn in range(epochs):
            names = list(runners) if turn % 2 == 0 else list(runners)[::-1]
            for name in names:
                times[name].append(runners[name]())
    steps = -(-rows // BATCH)
    for name, seconds in times.items():
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"{threads} threads  {name:8}  epoch {middle:6.3f} s  ({low:.3f} to {high:.3f})"
              f"  {1000 * middle / steps:6.3f} ms a step")  # fmt: skip
    ratios = sorted(b / a for a, b in zip(times["dltrain"], times["PyTorch"], strict=True))
    print(f"{threads} threads  PyTorch / dltrain: median {statistics.median(ratios):.2f}"
          f"  ({ratios[0]:.2f} to {ratios[-1]:.2f}, {epochs} pairs)")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print(f"{processor()}; Python {platform.python_version()}, NumPy {np.__version__}, PyTorch {torch.__version__}")
    for number in options.threads:
        compare(options.rows, options.epochs, number)
