"""Normalizing inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.network import Network
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Traced, Workshop

NAME = "lesson_normalize"
RAW = "data.normalize=none"
GOAL = 0.3
"""A cost that both can reach."""
PATIENCE = 20_000
NAMES = ("mean radius", "mean smoothness")


def _show(shop: Workshop) -> Iterator[Finding]:
    ready = shop.ready(NAME)
    X = np.asarray(ready.data.parts["train"].X)
    preparation = ready.data.preparation
    dev = np.asarray(ready.data.parts["dev"].X)
    yield Finding(
        "subtract the mean, divide by the standard deviation: the training set's, for every part",
        f"training set: mean {np.abs(X.mean(axis=0)).max():.0e}, variance {X.var(axis=0).min():.6f}; dev by the same μ and σ: mean "
        f"{dev.mean(axis=0)[0]:.2f}, variance {dev.var(axis=0)[0]:.2f}",
        bool(
            np.allclose(X.mean(axis=0), 0)
            and np.allclose(X.var(axis=0), 1)
            and not np.allclose(dev.mean(axis=0), 0, atol=1e-3)
        ),
    )
    scaled, raw = _curvatures(shop), _curvatures(shop, RAW)
    yield Finding(
        "unscaled, the cost is a long and narrow bowl",
        f"curvatures of J at its minimum: {_list(scaled)} scaled, {_list(raw)} unscaled; the largest over the smallest {scaled[0] / scaled[-1]:.3g} and {raw[0] / raw[-1]:.2g}",
        raw[0] / raw[-1] > 100 * scaled[0] / scaled[-1],
    )
    rates = {name: _largest_rate(shop, *words) for name, words in (("scaled", ()), ("unscaled", (RAW,)))}
    yield Finding(
        "scaled, the learning rate can be larger",
        f"the largest α (of 2^(k/2)) with which J falls at each of 300 steps: {rates['scaled']:.3g} scaled, {rates['unscaled']:.2g} unscaled",
        rates["scaled"] > 10 * rates["unscaled"],
    )
    fast = _steps_to(shop, rates["scaled"])
    slow = _steps_to(shop, rates["unscaled"], RAW)
    yield Finding(
        "and training is faster",
        f"steps to a cost of {GOAL} at that α: {fast[0]:,} scaled, {'over ' if slow[0] >= PATIENCE else ''}{slow[0]:,} unscaled (J then {slow[1]:.3f})",
        10 * fast[0] < slow[0],
    )
    with shop.picture("scaling", 3, width=2.7, height=2.6) as axes:
        given = X * np.array(preparation.sigma) + np.array(preparation.mu)
        forms = ((given, "as they are"), (given - given.mean(axis=0), "mean 0"), (X, "mean 0, variance 1"))
        for one, (points, title) in zip(axes, forms, strict=True):
            one.plot(points[:, 0], points[:, 1], ".", ms=3, color="#2563a8", rasterized=True)
            one.axhline(0, color="black", linewidth=0.8)
            one.axvline(0, color="black", linewidth=0.8)
            one.set(title=title, xlabel=NAMES[0], ylabel=NAMES[1])
            if points is not X:
                one.set(ylim=(-15, 30), xlim=(-15, 30))
    with shop.picture("contours", 2, width=3.6) as (left, right):
        _contours(left, shop, f"scaled, α = {rates['scaled']:.3g}", rates["scaled"], 40)
        _contours(right, shop, f"unscaled, α = {rates['unscaled']:.2g}", rates["unscaled"], 2000, RAW)


def _trace(shop: Workshop, rate: float, steps: int, *words: str, thetas: bool = False) -> Traced:
    given = (*words, f"optimizer.learning_rate={rate}", f"training.epochs={steps}")
    return shop.trace(NAME, *given, thetas=thetas)


def _curvatures(shop: Workshop, *words: str) -> Floats:
    """Eigenvalues of the matrix of second derivatives of J, the largest first, at its minimum by Newton's method."""
    ready = shop.ready(NAME, *words)
    rows = ready.rows("train")
    assert rows is not None
    return _newton(np.asarray(rows.X, float), np.asarray(rows.y, float))[1]


def _newton(X: Floats, y: Floats) -> tuple[Floats, Floats]:
    """θ of least J, and the curvatures there."""
    A = np.column_stack([X, np.ones(len(X))])
    theta = np.zeros(A.shape[1])
    hessian = np.eye(len(theta))
    for _ in range(50):
        p = 1 / (1 + np.exp(-A @ theta))
        hessian = (A * (p * (1 - p))[:, None]).T @ A / len(A)
        theta = theta - np.linalg.solve(hessian, A.T @ (p - y) / len(A))
    return theta, np.linalg.eigvalsh(hessian)[::-1]


def _largest_rate(shop: Workshop, *words: str) -> float:
    """Of 2^(k/2), the largest with which J falls at each of 300 steps. It falls with all smaller ones."""
    rate = 2.0**-12
    while _falls([step.cost for step in _trace(shop, rate * 2**0.5, 300, *words).steps]):
        rate *= 2**0.5
    return rate


def _falls(costs: list[float]) -> bool:
    return all(later <= earlier for earlier, later in zip(costs, costs[1:], strict=False))


def _steps_to(shop: Workshop, rate: float, *words: str) -> tuple[int, float]:
    """Steps until J ≤ GOAL (or PATIENCE), and J then."""
    costs = [step.cost for step in _trace(shop, rate, 200 if not words else PATIENCE, *words).steps]
    for number, cost in enumerate(costs):
        if cost <= GOAL:
            return number, cost
    return len(costs), costs[-1]


def _contours(axes: Any, shop: Workshop, title: str, rate: float, steps: int, *words: str) -> None:
    """J over w1 and w2, b at its best, and the way of gradient descent."""
    traced = _trace(shop, rate, steps, *words, thetas=True)
    rows = traced.rows("train")
    best, _ = _newton(np.asarray(rows.X, float), np.asarray(rows.y, float))
    path = traced.thetas[:, :2]
    low, high = np.minimum(path.min(axis=0), best[:2]), np.maximum(path.max(axis=0), best[:2])
    margin = 0.25 * (high - low) + 1e-9
    w1, w2 = np.meshgrid(
        np.linspace(low[0] - margin[0], high[0] + margin[0], 50),
        np.linspace(low[1] - margin[1], high[1] + margin[1], 50),
    )
    network = Network(traced.ready.plan.program().architecture, best.copy(), np.zeros(0))
    J = np.empty_like(w1)
    for place in np.ndindex(*w1.shape):
        network.theta[:2] = w1[place], w2[place]
        J[place] = network.cost(np.asarray(rows.X), rows.y, len(rows))[0]
    least = network_cost(network, best, rows.X, rows.y)
    levels = least + np.geomspace(0.003, max(0.3, float(J.max() - least)), 9)
    axes.contour(w1, w2, J, levels=levels, colors="#9b9b9b", linewidths=0.8)
    axes.plot(
        path[:, 0],
        path[:, 1],
        label=f"gradient descent, {steps:,} steps",
        **{**LINES[1], "linestyle": "-", "linewidth": 1.0},
    )
    axes.plot(*best[:2], "k*", ms=9, label="minimum")
    axes.plot(*path[0], "ks", ms=4, label="start")
    axes.set(title=title, xlabel=f"w of {NAMES[0]}", ylabel=f"w of {NAMES[1]}")
    axes.grid(False)
    axes.legend(loc="best")


def network_cost(network: Network, theta: Floats, X: Any, y: Any) -> float:
    network.theta[...] = theta
    return network.cost(np.asarray(X), y, len(y))[0]


def _list(values: Floats) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


LESSONS = [
    Lesson(
        section="1.7",
        title="Normalizing inputs",
        where=("data/fitting/", "diagnosis/health/curves.py"),
        how=("dltrain train configs/lesson_normalize.yaml",),
        show=_show,
        pictures=(
            ("scaling", "Two inputs as they are, with mean 0, and with variance 1 as well"),
            ("contours", "Contours of J and the way of gradient descent, with scaled and unscaled inputs"),
        ),
        slow=True,
    ),
]
