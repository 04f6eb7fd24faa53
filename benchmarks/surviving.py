"""What surviving costs: training with checkpoints, metrics and signals at their defaults, and without; and the screen
for NaN and infinity at each step, with and without.

784-[256, 128]-10, batch 64, Adam, random rows in memory, one BLAS thread, CPU time. One epoch of each by turns; the
median of the pairs' ratios with the upper end of its 95 % interval. A save comes every five minutes: its wall time is
measured apart and its share of them added.

    python benchmarks/surviving.py [--rows 3200] [--pairs 300]
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from dltrain import runs
from dltrain.config.records import Checkpoints
from dltrain.engine.architecture import Architecture, Layer, Program
from dltrain.engine.fit import Rows, Step, _Trainer, fit
from dltrain.engine.initializers import He, Xavier
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.schedules import Constant
from dltrain.engine.state import State
from dltrain.saving import Interrupts, Saver

N_X, UNITS, CLASSES, BATCH = 784, (256, 128), 10, 64
EVERY_SECONDS = 300


def program(epochs: int) -> Program:
    none = NoRegularizer()
    layers = tuple(
        Layer(units=n, activation="relu", keep_prob=1.0, batch_norm=None, initializer=He(), regularizer=none)
        for n in UNITS
    )
    architecture = Architecture(
        n_x=N_X,
        layers=layers,
        output="softmax",
        n_y=CLASSES,
        input_keep_prob=1.0,
        initializer=Xavier(),
        regularizer=none,
    )
    return Program(architecture=architecture, optimizer=Adam(), schedule=Constant(), batch_size=BATCH, epochs=epochs)


def plain(given: Program, data: Rows) -> Iterator[float]:
    """CPU seconds of each epoch, its measurement included."""
    events, began = fit(given, data, None, State.start(given)), time.process_time()
    for event in events:
        if not isinstance(event, Step):
            event.record()
            yield time.process_time() - began
            began = time.process_time()


def surviving(given: Program, data: Rows, folder: runs.RunFolder, saves: list[float]) -> Iterator[float]:
    """The same, looking after signals and time at each step, and writing and saving as `train` does."""
    state = State.start(given)
    saver = Saver(folder, given, Checkpoints(), Interrupts(), {})
    saver.save(state)
    began = time.process_time()
    for event in fit(given, data, None, state):
        if isinstance(event, Step):
            saver.after_step(state)
            continue
        folder.append_metrics(event.record())
        saver.after_epoch(state)
        yield time.process_time() - began
        wall = time.perf_counter()
        saver.save(state)
        saves.append(time.perf_counter() - wall)
        began = time.process_time()


def unscreened(given: Program, data: Rows) -> Iterator[float]:
    """Without the screens of theta and batch norm; the gradient's norm is a line of metrics anyway."""
    screen: Callable[..., bool] = _Trainer.usable
    events = fit(given, data, None, State.start(given))
    while True:
        _Trainer.usable = lambda self, vector: True  # type: ignore[method-assign]
        began = time.process_time()
        for event in events:
            if not isinstance(event, Step):
                break
        else:
            return
        event.record()
        seconds = time.process_time() - began
        _Trainer.usable = screen  # type: ignore[method-assign]
        yield seconds


def compare(name: str, on: Iterator[float], off: Iterator[float], pairs: int, more: Callable[[], float]) -> None:
    """Prints the median extra cost of `on`, and the upper end of its 95 % interval (order statistics)."""
    next(on), next(off)
    ratios = sorted(next(on) / next(off) - 1 for _ in range(pairs))
    upper = ratios[min(pairs - 1, math.ceil(pairs / 2 + 0.98 * math.sqrt(pairs)))]
    extra = more()
    print(f"{name}: {100 * (statistics.median(ratios) + extra):.2f} %, at most {100 * (upper + extra):.2f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3200)
    parser.add_argument("--pairs", type=int, default=300)
    asked = parser.parse_args()
    draws = np.random.Generator(np.random.Philox(1))
    data = Rows(draws.standard_normal((asked.rows, N_X), dtype=np.float32), draws.integers(0, CLASSES, asked.rows))
    given, saves = program(asked.pairs + 2), []
    with (
        threadpool_limits(1),
        tempfile.TemporaryDirectory() as place,
        runs.create(Path(place), None, "cost", {}) as folder,
    ):
        on = surviving(given, data, folder, saves)
        compare("surviving", on, plain(given, data), asked.pairs, lambda: statistics.median(saves) / EVERY_SECONDS)
        print(f"a save: {1000 * statistics.median(saves):.1f} ms")
        compare("screening", plain(given, data), unscreened(given, data), asked.pairs, lambda: 0.0)


if __name__ == "__main__":
    main()
