"""Learning-rate decay. (The plateau schedule has a module of its own.)"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.section_1_7 import _newton, network_cost
from tools.lessons.workshop import Traced, Workshop

A0, EPOCHS = 2.0, 40
FORMULAS: dict[str, Callable[[float], float]] = {
    "constant": lambda e: A0,
    "inverse_time": lambda e: A0 / (1 + 0.5 * e),
    "exponential": lambda e: A0 * 0.9**e,
    "inverse_sqrt": lambda e: A0 / math.sqrt(e),
    "staircase": lambda e: A0 * 0.5 ** ((e - 1) // 5),
    "manual": lambda e: A0 if e < 21 else 0.3 if e < 31 else 0.05,
    "cosine": lambda e: A0 * (1 + math.cos(math.pi * (e - 1) / EPOCHS)) / 2,
}
WORDS = {
    "constant": "constant",
    "inverse_time": "α₀/(1 + 0.5·epoch)",
    "exponential": "0.9^epoch·α₀",
    "inverse_sqrt": "α₀/√epoch",
    "staircase": "discrete staircase: half every 5",
    "manual": "manual",
    "cosine": "cosine",
}


def _show(shop: Workshop) -> Iterator[Finding]:
    asked = shop.asked("lesson_decay")
    traced = {
        name: shop.trace("lesson_decay", *words, thetas=True) for name, words in zip(FORMULAS, asked, strict=True)
    }
    rates = {name: [epoch.learning_rate for epoch in one.epochs] for name, one in traced.items()}
    off = {
        name: max(abs(rate - FORMULAS[name](e)) for e, rate in enumerate(found, start=1))
        for name, found in rates.items()
    }
    for name, words in WORDS.items():
        if name != "constant":
            yield Finding(
                f"α = {words}" if "α" in words else words,
                f"off by {off[name]:.0e} in {EPOCHS} epochs; α in epoch 1, 10, 40: {_rates(rates[name])}",
                off[name] < 1e-12,
            )
    yield _notes()
    yield _by_step(shop)
    ends = {name: _excess(one) for name, one in traced.items()}
    said = ", ".join(f"{name.replace('_', ' ')} {end:.1e}" for name, end in ends.items())
    decaying = [end for name, end in ends.items() if name != "constant"]
    yield Finding(
        "it cures the oscillation of mini-batches round the minimum",
        f"J above its minimum, mean of the last epoch's steps: {said}",
        max(decaying) < ends["constant"] / 2,
    )
    with shop.picture("decay", 2, width=4.3) as (left, right):
        _draw_rates(left, rates)
        _draw_paths(right, traced)


def _rates(rates: list[float]) -> str:
    return ", ".join(f"{rates[e - 1]:.3g}" for e in (1, 10, 40))


def _notes() -> Finding:
    """α₀ = 0.2 and decay rate 1: the table that goes with the formula."""
    from dltrain.engine.schedules import InverseTime, learning_rate

    found = [learning_rate(InverseTime(decay_rate=1), 0.2, e, 4) for e in (1, 2, 3, 4)]
    right = all(abs(a - b) < 5e-4 for a, b in zip(found, (0.1, 0.067, 0.05, 0.04), strict=True))
    return Finding("α₀ 0.2, decay rate 1: 0.1, 0.067, 0.05, 0.04", ", ".join(f"{one:.3f}" for one in found), right)


def _by_step(shop: Workshop) -> Finding:
    """Per step: the last step of each epoch has the rate of the formula at that step."""
    one = shop.trace(
        "lesson_decay",
        "schedule.kind=inverse_time",
        "schedule.decay_rate=0.5",
        "schedule.per=step",
        "training.epochs=3",
    )
    off = max(abs(epoch.learning_rate - A0 / (1 + 0.5 * epoch.step)) for epoch in one.epochs)
    steps = [epoch.step for epoch in one.epochs]
    return Finding("e may count steps instead of epochs", f"off by {off:.0e} at steps {steps}", off < 1e-12)


def _excess(traced: Traced) -> float:
    """J of the whole training set minus its minimum, mean over the steps of the last epoch."""
    rows = traced.rows("train")
    best, _ = _newton(np.asarray(rows.X, float), np.asarray(rows.y, float))
    network = traced.network
    least = network_cost(network, best, rows.X, rows.y)
    last = len(traced.steps) // EPOCHS
    return float(np.mean([network_cost(network, theta, rows.X, rows.y) - least for theta in traced.thetas[-last:]]))


def _draw_rates(axes: Any, rates: dict[str, list[float]]) -> None:
    for n, (name, found) in enumerate(list(rates.items())):
        line = LINES[n] if n < len(LINES) else {"color": "black", "linewidth": 0.8, "marker": ".", "ms": 3}
        axes.plot(range(1, EPOCHS + 1), found, label=name.replace("_", " "), **line)
    axes.set(xlabel="epoch", ylabel="α", title="learning rate, α₀ = 2")
    axes.legend(fontsize=7, loc="upper right", bbox_to_anchor=(1, 0.97))


def _draw_paths(axes: Any, traced: dict[str, Traced]) -> None:
    """The last ten epochs round the minimum, at a constant and at a decaying rate."""
    one = traced["constant"]
    rows = one.rows("train")
    best, _ = _newton(np.asarray(rows.X, float), np.asarray(rows.y, float))
    last = 10 * len(one.steps) // EPOCHS
    around = one.thetas[-last:, :2]
    half = float(np.abs(around - best[:2]).max()) * 1.1
    w1, w2 = np.meshgrid(best[0] + np.linspace(-half, half, 40), best[1] + np.linspace(-half, half, 40))
    network = one.network
    J = np.empty_like(w1)
    for place in np.ndindex(*w1.shape):
        J[place] = network_cost(network, np.array([w1[place], w2[place], best[2]]), rows.X, rows.y)
    axes.contour(w1, w2, J, levels=8, colors="#bbbbbb", linewidths=0.8)
    axes.plot(around[:, 0], around[:, 1], color="#c2410c", linewidth=0.6, label="constant α")
    settled = traced["exponential"].thetas[-last:, :2]
    axes.plot(settled[:, 0], settled[:, 1], color="black", linewidth=3.5, label="0.9^epoch·α₀")
    axes.plot(*best[:2], "w*", mec="black", ms=8, label="minimum")
    axes.set(xlabel="w of mean radius", ylabel="w of mean smoothness", title="the last ten epochs' steps")
    axes.grid(False)
    axes.legend()


LESSONS = [
    Lesson(
        section="2.6",
        title="Learning-rate decay",
        where=("engine/schedules.py",),
        how=("dltrain train configs/lesson_decay.yaml schedule.kind=exponential", "dltrain explain schedule"),
        show=_show,
        pictures=(
            ("decay", "The learning rate under each schedule, and the last steps with a constant and a decaying one"),
        ),
        slow=True,
    ),
]
