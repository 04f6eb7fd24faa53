"""Local optima, saddle points and plateaus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

OPTIMIZERS = ("gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamw")


def _path(shop: Workshop, cost: str, optimizer: str, rate: float, steps: int, *start: str) -> dict[str, Any]:
    begun = [word for one in start for word in ("--start", one)]
    words = ["--optimizer", optimizer, "--learning-rate", str(rate), "--steps", str(steps), "--every", "1"]
    return shop.call("minimize", cost, *begun, *words)


def _points(found: dict[str, Any]) -> np.ndarray:
    return np.array([(one["values"]["a"], one["values"]["b"], one["cost"]) for one in found["path"]])


def _surfaces(shop: Workshop) -> Iterator[Finding]:
    on = _path(shop, "saddle(a, b)", "gradient_descent", 0.1, 200, "a=1")
    yield Finding(
        "a gradient of 0 need not be a minimum: on a saddle's axis gradient descent ends at the saddle",
        f"it ends at a = {on['after']['values']['a']:.1g}, b = {on['after']['values']['b']:g} and is called a {on['ended']['kind']}",
        on["ended"]["kind"] == "saddle",
    )
    off = {kind: _path(shop, "saddle(a, b)", kind, 0.05, 1000, "a=1", "b=0.01") for kind in OPTIMIZERS}
    costs = {kind: found["after"]["cost"] for kind, found in off.items()}
    yield Finding(
        "off its axis nobody gets stuck",
        f"from b = 0.01 all six reach the minimum −0.25: costs {min(costs.values()):.4f} to {max(costs.values()):.4f}",
        max(costs.values()) < -0.249,
    )
    plateau = {kind: _path(shop, "plateau(a, b)", kind, 0.05, 500) for kind in OPTIMIZERS}
    ends = {kind: found["after"]["cost"] for kind, found in plateau.items()}
    said = ", ".join(f"{kind.replace('_', ' ')} {cost:.2g}" for kind, cost in ends.items())
    yield Finding(
        "a plateau slows learning down; RMSprop and Adam cross it",
        f"cost after 500 steps from 1: {said}",
        min(ends[kind] for kind in OPTIMIZERS[:3]) > 0.99 and max(ends[kind] for kind in OPTIMIZERS[3:]) < 0.1,
    )
    with shop.picture("saddle", 2, width=4) as (left, right):
        b, a = np.meshgrid(np.linspace(-1.7, 1.7, 80), np.linspace(-0.8, 1.2, 80))
        left.contour(b, a, a**2 - b**2 / 2 + b**4 / 4, levels=14, colors="#bbbbbb", linewidths=0.8)
        for n, kind in enumerate(("gradient_descent", "momentum", "rmsprop", "adam")):
            points = _points(off[kind])
            left.plot(points[:, 1], points[:, 0], label=kind.replace("_", " "), **{**LINES[n], "linewidth": 1.3})
            right.plot(np.arange(501), _points(plateau[kind])[:, 2], label=kind.replace("_", " "), **LINES[n])
        axis = _points(on)
        left.plot(axis[:, 1], axis[:, 0], color="black", linewidth=2.5, alpha=0.4, label="from b = 0: stays")
        left.plot([-1, 1], [0, 0], "k*", ms=9)
        left.plot(0, 0, "kx", ms=8, mew=2)
        left.set(xlabel="b", ylabel="a", title="a saddle (×) between two minima (★)")
        left.grid(False)
        left.legend(fontsize=7, loc="lower left")
        right.set(xlabel="step", ylabel="cost", title="a plateau", ylim=(-0.05, 1.25))
        right.legend(fontsize=7, loc="center right")


def _training(shop: Workshop) -> Iterator[Finding]:
    found = dict(zip(("gradient descent", "momentum", "RMSprop", "Adam"), shop.commands("lesson_plateau"), strict=True))
    named = [one for one in found["gradient descent"].record["health"] if one["id"] == "plateau"]
    words = named[0]["evidence"] if named else "not found"
    text = shop.told("explain", "plateau")[1]
    yield Finding("a plateau in training is named: cost flat, gradient small", words, bool(named))
    yield Finding(
        "and is not called a local optimum",
        "explain plateau: “a flat place is nearly always a saddle”",
        "nearly always a saddle" in " ".join(text.split()),
    )
    ends = {name: ran.column("train", "loss")[-1] for name, ran in found.items()}
    said = ", ".join(f"{name} {loss:.3f}" for name, loss in ends.items())
    yield Finding(
        "RMSprop and Adam leave it",
        f"training loss after 200 epochs: {said} (guessing: 2.303)",
        max(ends["RMSprop"], ends["Adam"]) < 1 < ends["gradient descent"],
    )
    with shop.picture("plateau", 2) as (left, right):
        for (name, ran), line in zip(found.items(), LINES, strict=False):
            left.plot(range(1, 201), ran.column("train", "loss"), label=name, **line)
            right.plot(range(1, 201), ran.column("grad_norm"), label=name, **line)
        left.set(xlabel="epoch", ylabel="mean L of the training set", title="the cost is flat …")
        right.set(xlabel="epoch", ylabel="‖gradient of J‖", yscale="log", title="… and the gradient small")
        left.legend()


LESSONS = [
    Lesson(
        section="2.7",
        title="Saddles and plateaus",
        where=("autodiff/ending.py", "autodiff/functions.py"),
        how=("sh configs/lesson_local_optima.sh",),
        show=_surfaces,
        pictures=(("saddle", "Paths off a saddle, and the cost of each optimizer on a plateau"),),
        slow=True,
    ),
    Lesson(
        section="2.7",
        title="A plateau in training",
        where=("diagnosis/health/curves.py", "diagnosis/health/catalogue.py"),
        how=("dltrain train configs/lesson_plateau.yaml", "dltrain explain plateau"),
        show=_training,
        pictures=(("plateau", "A network on a plateau: cost and gradient by epoch, with four optimizers"),),
        slow=True,
    ),
]
