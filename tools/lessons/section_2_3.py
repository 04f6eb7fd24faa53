"""Momentum, RMSprop and Adam (sections 2.3 to 2.5) on an elongated bowl and on real data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.fit import Diverged
from dltrain.engine.optimizers import Adam, Momentum, Optimizer, RMSprop
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

BOWL = "(w1**2 + 40*w2**2)/2"
RATES = {"gradient_descent": 0.045, "momentum": 0.045, "nesterov": 0.045, "rmsprop": 0.3, "adam": 0.3}
STEPS = 60
CELLS = (
    "data.source=breast_cancer",
    "data.target=diagnosis",
    "data.normalize=minmax",
    "architecture.layers=[16,16]",
    "architecture.activation=tanh",
    "training.epochs=30",
    "training.batch_size=32",
)
TRIED = {
    "gradient_descent": (0.01, 0.03, 0.1, 0.3, 1),
    "momentum": (0.01, 0.03, 0.1, 0.3, 1),
    "rmsprop": (0.0003, 0.001, 0.003, 0.01, 0.03),
    "adam": (0.0003, 0.001, 0.003, 0.01, 0.03),
}


def _path(shop: Workshop, optimizer: str, rate: float | None = None, steps: int = STEPS) -> tuple[Floats, Floats]:
    """(steps + 1, 2) points and their costs."""
    words = ["--start", "w1=-10", "--start", "w2=1.5", "--steps", str(steps), "--every", "1"]
    if optimizer == "rmsprop":  # its window of 1,000 gradients is as long as these ways, and starts from 0
        words.append("optimizer.beta2=0.9")
    found = shop.call(
        "minimize", BOWL, *words, "--optimizer", optimizer, "--learning-rate", str(rate or RATES[optimizer])
    )
    points = [(one["values"]["w1"], one["values"]["w2"]) for one in found["path"]]
    return np.array(points), np.array([one["cost"] for one in found["path"]])


def _draw(shop: Workshop, name: str, optimizers: tuple[str, ...]) -> None:
    with shop.picture(name, width=8, height=2.4) as axes:
        w1, w2 = np.meshgrid(np.linspace(-11, 3, 80), np.linspace(-2, 2, 80))
        axes.contour(w1, w2, (w1**2 + 40 * w2**2) / 2, levels=[0.5, 2, 8, 20, 40, 70], colors="#bbbbbb", linewidths=0.8)
        for n, optimizer in enumerate(optimizers):
            points, _ = _path(shop, optimizer)
            line = {**LINES[n], "linewidth": 1.2}
            axes.plot(
                points[:, 0],
                points[:, 1],
                marker="os^D"[n],
                ms=2.6,
                label=f"{optimizer.replace('_', ' ')}, α = {RATES[optimizer]}"
                + (", β₂ = 0.9" if optimizer == "rmsprop" else ""),
                **line,
            )
        axes.plot(0, 0, "k*", ms=10, label="minimum")
        axes.set(xlabel="w1", ylabel="w2", title=f"{STEPS} steps")
        axes.grid(False)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7.5)


def _turns(values: Floats) -> int:
    """How often the path crosses the axis."""
    signs = np.sign(values[np.abs(values) > 1e-3])
    return int((signs[1:] != signs[:-1]).sum())


def _by_hand(optimizer: Optimizer, slots: dict[str, float], rule: Any) -> float:
    """The largest difference between the engine's theta and the notes' formulas written out, over 20 steps."""
    theta, mine = np.array([1.0, -2.0]), np.array([1.0, -2.0])
    state = {name: np.zeros(2) for name in optimizer.slots}
    memory = {name: np.zeros(2) for name in slots}
    worst = 0.0
    for t in range(1, 21):
        optimizer.update(theta, theta * np.array([1.0, 9.0]), state, 0.05, t, [])
        mine = rule(mine, mine * np.array([1.0, 9.0]), memory, t)
        worst = max(worst, float(np.abs(theta - mine).max()))
    return worst


def _momentum(shop: Workshop) -> Iterator[Finding]:
    def rule(theta: Floats, g: Floats, memory: dict[str, Floats], t: int) -> Floats:
        memory["v"] = 0.9 * memory["v"] + 0.1 * g
        return theta - 0.05 * memory["v"]

    off = _by_hand(Momentum(learning_rate=0.05, beta=0.9), {"v": 0}, rule)
    yield Finding(
        "v := βv + (1 − β)dw, w := w − αv, without bias correction",
        f"the engine differs from the formulas by {off:.0e} over 20 steps",
        off < 1e-14,
    )
    (plain, _), (damped, _) = _path(shop, "gradient_descent"), _path(shop, "momentum")
    turns = [_turns(points[:, 1]) for points in (plain, damped)]
    travel = [float(np.abs(np.diff(points[:, 1])).sum()) for points in (plain, damped)]
    yield Finding(
        "it damps out the oscillation",
        f"w2 changes sign {turns[0]} times in {STEPS} steps of gradient descent, {turns[1]} times with momentum, and goes up and down {travel[0]:.1f} and {travel[1]:.1f} in all",
        turns[1] < turns[0] / 2 and travel[1] < travel[0],
    )
    rates = {kind: _largest(shop, kind) for kind in ("gradient_descent", "momentum")}
    best = {kind: _fewest(shop, kind, rates[kind]) for kind in rates}
    yield Finding(
        "so that α can be larger and fewer steps are needed",
        f"largest α that converges: {rates['gradient_descent']:.3g} and {rates['momentum']:.3g}; steps to a cost of 0.01 at the best α: {best['gradient_descent']} and {best['momentum']}",
        rates["momentum"] > rates["gradient_descent"] and best["momentum"] < best["gradient_descent"],
    )
    _draw(shop, "momentum", ("gradient_descent", "momentum", "nesterov"))


def _largest(shop: Workshop, kind: str) -> float:
    """Of 2^(k/2)/100, the largest α whose cost after 200 steps is below the first."""
    rate = 0.01
    while True:
        try:
            _, costs = _path(shop, kind, rate * 2**0.5, 200)
        except AssertionError:  # diverged: exit code 3
            return rate
        if not costs[-1] < costs[0]:
            return rate
        rate *= 2**0.5


def _fewest(shop: Workshop, kind: str, largest: float) -> int:
    """The least number of steps to a cost of 0.01, over rates up to the largest."""
    found = []
    for k in range(8):
        _, costs = _path(shop, kind, largest * 2 ** (-k / 4), 200)
        reached = np.flatnonzero(np.maximum.accumulate(costs[::-1])[::-1] < 0.01)
        found.append(int(reached[0]) if reached.size else 200)
    return min(found)


def _rmsprop(shop: Workshop) -> Iterator[Finding]:
    def rule(theta: Floats, g: Floats, memory: dict[str, Floats], t: int) -> Floats:
        memory["s"] = 0.999 * memory["s"] + 0.001 * g**2
        return theta - 0.05 * g / (np.sqrt(memory["s"]) + 1e-8)

    off = _by_hand(RMSprop(learning_rate=0.05, beta2=0.999), {"s": 0}, rule)
    yield Finding(
        "s := β₂s + (1 − β₂)dw², w := w − α dw/(√s + ε)",
        f"the engine differs from the formulas by {off:.0e} over 20 steps",
        off < 1e-14,
    )
    points, _ = _path(shop, "rmsprop", 0.01, 20)
    first = np.abs(np.diff(points, axis=0)[0])
    plain = np.abs(np.diff(_path(shop, "gradient_descent", 0.01, 20)[0], axis=0)[0])
    yield Finding(
        "steep and flat directions move alike",
        f"first step: {first[0]:.3f} along w1 and {first[1]:.3f} along w2; gradient descent {plain[0]:.3f} and {plain[1]:.3f}",
        0.5 < first[0] / first[1] < 2 and plain[1] / plain[0] > 3,
    )
    turns = _turns(_path(shop, "rmsprop")[0][:, 1]), _turns(_path(shop, "gradient_descent")[0][:, 1])
    yield Finding(
        "less oscillation across the bowl",
        f"w2 changes sign {turns[0]} times; with gradient descent {turns[1]} times",
        turns[0] < turns[1] / 2,
    )
    _draw(shop, "rmsprop", ("gradient_descent", "rmsprop"))


def _adam(shop: Workshop) -> Iterator[Finding]:
    def rule(theta: Floats, g: Floats, memory: dict[str, Floats], t: int) -> Floats:
        memory["v"] = 0.9 * memory["v"] + 0.1 * g
        memory["s"] = 0.999 * memory["s"] + 0.001 * g**2
        v, s = memory["v"] / (1 - 0.9**t), memory["s"] / (1 - 0.999**t)
        return theta - 0.05 * v / (np.sqrt(s) + 1e-8)

    off = _by_hand(Adam(learning_rate=0.05), {"v": 0, "s": 0}, rule)
    yield Finding(
        "momentum and RMSprop bound together, bias corrected, β₁ 0.9, β₂ 0.999, ε 1e-8",
        f"the engine differs from the formulas by {off:.0e} over 20 steps",
        off < 1e-14,
    )
    costs = {kind: _path(shop, kind)[1][-1] for kind in RATES}
    said = ", ".join(f"{kind.replace('_', ' ')} {cost:.2g}" for kind, cost in costs.items())
    yield Finding(f"on the bowl: cost after {STEPS} steps", said, costs["adam"] < 70 and costs["momentum"] < 70)
    digits, cells = _tuned(shop, ()), _tuned(shop, CELLS)
    for name, best in (("digits", digits), ("cells", cells)):
        said = ", ".join(
            f"{kind.replace('_', ' ')} {_end(curve):.3f} (α {rate:g})" for kind, (rate, curve) in best.items()
        )
        for kind in ("momentum", "rmsprop", "adam"):
            yield Finding(
                f"on {name} {kind} gets further than gradient descent, each at its best of five α",
                f"training loss, mean of the last five epochs: {said}",
                _end(best[kind][1]) < _end(best["gradient_descent"][1]),
            )
    _draw(shop, "adam", ("gradient_descent", "momentum", "rmsprop", "adam"))
    with shop.picture("optimizers", 2) as axes:
        for one, (name, best) in zip(axes, (("digits", digits), ("cells", cells)), strict=True):
            for (kind, (rate, curve)), line in zip(best.items(), LINES, strict=False):
                one.plot(range(1, len(curve) + 1), curve, label=f"{kind.replace('_', ' ')}, α = {rate:g}", **line)
            one.set(
                xlabel="epoch",
                ylabel="mean L of the training set",
                yscale="log",
                title=f"{name}, each at its best of five rates",
            )
            one.legend()


def _end(losses: list[float]) -> float:
    """The mean of the last five epochs: single ones jump."""
    return float(np.mean(losses[-5:]))


def _tuned(shop: Workshop, words: tuple[str, ...]) -> dict[str, tuple[float, list[float]]]:
    """Of each optimizer the rate, of five, with the least training loss at the end (`_end`), and its losses."""
    best = {}
    for kind, rates in TRIED.items():
        found = {}
        for rate in rates:
            given = (*words, f"optimizer.kind={kind}", f"optimizer.learning_rate={rate}")
            with suppress(Diverged):
                found[rate] = [epoch.train.loss for epoch in shop.trace("lesson_optimizers", *given).epochs]
        rate = min(found, key=lambda one: _end(found[one]))
        best[kind] = rate, found[rate]
    return best


LESSONS = [
    Lesson(
        section="2.3",
        title="Momentum",
        where=("engine/optimizers.py",),
        how=("sh configs/lesson_bowl.sh",),
        show=_momentum,
        pictures=(("momentum", "Paths of gradient descent, momentum and Nesterov's momentum on an elongated bowl"),),
        slow=True,
    ),
    Lesson(
        section="2.4",
        title="RMSprop",
        where=("engine/optimizers.py",),
        how=("sh configs/lesson_bowl.sh",),
        show=_rmsprop,
        pictures=(("rmsprop", "Paths of gradient descent and RMSprop on an elongated bowl"),),
    ),
    Lesson(
        section="2.5",
        title="Adam",
        where=("engine/optimizers.py",),
        how=("sh configs/lesson_bowl.sh", "dltrain train configs/lesson_optimizers.yaml"),
        show=_adam,
        pictures=(
            ("adam", "Paths of four optimizers on an elongated bowl"),
            ("optimizers", "Training loss of four optimizers on real data, each at its best of five learning rates"),
        ),
        slow=True,
    ),
]
