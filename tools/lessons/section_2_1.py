"""Batch, stochastic and mini-batch gradient descent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from dltrain.engine.fit import batch_bounds
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.section_1_7 import NAME as BOWL
from tools.lessons.section_1_7 import _newton, network_cost
from tools.lessons.workshop import Traced, Workshop

SIZES = ("full", "64", "1")
LABELS = {"full": "batch (1,600)", "64": "mini-batch (64)", "1": "stochastic (1)"}


def _show(shop: Workshop) -> Iterator[Finding]:
    batches = len(batch_bounds(5_000_000, 1000, False)) - 1
    yield Finding(
        "m = 5,000,000 in mini-batches of 1,000 is 5,000 batches", f"{batches:,} batches an epoch", batches == 5000
    )
    traced, seconds = {}, {}
    for size in SIZES:
        began = time.process_time()
        traced[size] = shop.trace("lesson_batches", f"training.batch_size={size}")
        seconds[size] = (time.process_time() - began) / len(traced[size].epochs)
    rises = {size: _rises([step.cost for step in one.steps]) for size, one in traced.items()}
    yield Finding(
        "the cost falls at every step of batch gradient descent, and wavers with mini-batches",
        f"it rose in {rises['full']:.0%} of the steps with the full batch, in {rises['64']:.0%} with 64, in {rises['1']:.0%} with 1",
        rises["full"] == 0 and rises["64"] > 0.2,
    )
    losses = {size: [epoch.train.loss for epoch in one.epochs] for size, one in traced.items()}
    yield Finding(
        "batch gradient descent takes too long: mini-batches get further in as many epochs",
        f"loss after 20 epochs: {_said({size: f'{loss[-1]:.3f}' for size, loss in losses.items()})}",
        losses["64"][-1] < losses["full"][-1] / 2,
    )
    swing = {size: max(0.0, max(np.diff(loss) / loss[:-1])) for size, loss in losses.items()}
    yield Finding(
        "stochastic gradient descent is extremely noisy and does not settle",
        f"largest rise of the loss from one epoch to the next: {_said({size: f'{one:.0%}' for size, one in swing.items()})}",
        swing["1"] > 5 * swing["64"] and swing["full"] == 0,
    )
    yield Finding(
        "with one example a step the speed of vectorization is lost",
        f"processor time of an epoch: {_said({size: f'{1000 * one:.0f} ms' for size, one in seconds.items()})}",
        seconds["1"] > 5 * seconds["64"] > 5 * seconds["full"] * 0.5,
    )
    yield from _advised(shop)
    with shop.picture("batches", 2) as (left, right):
        _curves(left, traced)
        for size, line in zip(SIZES, LINES, strict=False):
            right.plot(range(1, 21), losses[size], label=LABELS[size], **line)
        right.set(
            xlabel="epoch",
            ylabel="mean L of the training set",
            yscale="log",
            title="after each epoch",
            xticks=range(0, 21, 5),
        )
        right.legend()
    yield from _paths(shop)


def _curves(axes: Any, traced: dict[str, Traced]) -> None:
    """J of the batch at each step, over the epochs that the steps take part in."""
    for size, line in list(zip(SIZES, LINES, strict=False))[:2]:
        costs = [step.cost for step in traced[size].steps][: 200 if size == "64" else 8]
        an_epoch = len(traced[size].steps) / 20
        slim = {**line, "linestyle": "-", "linewidth": 0.9} if size == "64" else line
        axes.plot(np.arange(1, len(costs) + 1) / an_epoch, costs, label=LABELS[size], **slim)
    axes.set(xlabel="epoch", ylabel="J of the batch", title="step by step", ylim=(0, None))
    axes.legend()


def _rises(costs: list[float]) -> float:
    return float(np.mean(np.diff(costs) > 0))


def _said(found: dict[str, str]) -> str:
    return ", ".join(f"{text} with {size}" for size, text in found.items())


def _advised(shop: Workshop) -> Iterator[Finding]:
    found = []
    for rows, size in ((1500, 64), (3000, 100), (3000, 128)):
        file = shop.folder / f"{rows}.csv"
        file.write_text("x,y\n" + "".join(f"{n % 97},{n % 2}\n" for n in range(rows + 100)))
        words = [f"split.train={rows}", "split.dev=100", "split.test=0", f"training.batch_size={size}"]
        found.append(shop.call("check", f"data.source={file}", "data.target=y", *words))
    notes = [next((note for note in one["notes"] if "batch" in note), "no note") for one in found]
    yield Finding(
        "a small training set: batch gradient descent; a large one: 2^n, usually 64 to 1024",
        f"check at m = 1500 and 64: “{notes[0]}”; at m = 3000 and 100: “{notes[1]}”; at m = 3000 and 128: {notes[2]}",
        "batch_size=full" in notes[0] and "power of two" in notes[1] and notes[2] == "no note",
    )
    training = found[2]["training"]
    yield Finding(
        "make sure that a batch fits in memory",
        f"check: a batch of 128 takes {training['batch MB']} MB, fits: {training['batch fits in memory']}",
        training["batch fits in memory"] == "yes",
    )


def _paths(shop: Workshop) -> Iterator[Finding]:
    """On the bowl of section 1.7, scaled, at a rate of 1."""
    ends = {}
    with shop.picture("batch_paths", 3, width=2.7, height=2.7) as axes:
        for one, (size, epochs) in zip(axes, (("full", 60), ("64", 12), ("1", 1)), strict=True):
            words = [f"training.batch_size={size}", f"training.epochs={epochs}", "optimizer.learning_rate=1"]
            traced = shop.trace(BOWL, *words, thetas=True)
            rows = traced.rows("train")
            best, _ = _newton(np.asarray(rows.X, float), np.asarray(rows.y, float))
            path = traced.thetas[:, :2]
            lengths = np.linalg.norm(np.diff(traced.thetas, axis=0), axis=1)
            ends[size] = float(lengths.sum() / np.linalg.norm(traced.thetas[-1] - traced.thetas[0]))
            _contours(one, traced, best, path)
            one.set(title=f"{size} a step: {len(path) - 1} steps")
    yield Finding(
        "the smaller the batch, the noisier the path",
        f"length of the path over the distance that it covers: {_said({size: f'{end:.2f}' for size, end in ends.items()})}",
        ends["1"] > ends["64"] > ends["full"],
    )


def _contours(axes: Any, traced: Traced, best: np.ndarray, path: np.ndarray) -> None:
    rows = traced.rows("train")
    w1, w2 = np.meshgrid(np.linspace(-2, 9, 40), np.linspace(-3, 6, 40))
    network = traced.network
    J = np.empty_like(w1)
    for place in np.ndindex(*w1.shape):
        J[place] = network_cost(network, np.array([w1[place], w2[place], best[2]]), rows.X, rows.y)
    least = network_cost(network, best, rows.X, rows.y)
    axes.contour(w1, w2, J, levels=least + np.geomspace(0.003, 2, 9), colors="#9b9b9b", linewidths=0.8)
    axes.plot(path[:, 0], path[:, 1], color="#c2410c", linewidth=0.9)
    axes.plot(*best[:2], "k*", ms=8)
    axes.plot(*path[0], "ks", ms=4)
    axes.set(xlabel="w1", ylabel="w2", xlim=(-2, 9), ylim=(-3, 6))
    axes.grid(False)


LESSONS = [
    Lesson(
        section="2.1",
        title="Mini-batches",
        where=("engine/fit.py", "engine/visiting.py", "config/advice.py"),
        how=(
            "dltrain train configs/lesson_batches.yaml",
            "dltrain check configs/digits.yaml",
            "dltrain train configs/mnist.yaml",
        ),
        show=_show,
        pictures=(
            ("batches", "The cost of batch, mini-batch and stochastic gradient descent, by step and by epoch"),
            ("batch_paths", "Their paths on the contours of a cost (the star is the minimum, the square the start)"),
        ),
        slow=True,
    ),
]
