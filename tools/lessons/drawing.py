"""What several pictures have in common: decision regions, contours of a cost, paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats, Ints
from dltrain.trained import Run
from tools.lessons.workshop import Traced

MARKERS = ("o", "^", "s", "D", "v", "P")
FILLS = ("#f8e6da", "#b9cde4", "#efefef", "#e3cf8a", "#cfe3bd", "#a3a3bb")
POINTS = ("#8f2d06", "#123e70", "#3c3c3c", "#8a6a00", "#3f6b1b", "#3a3a66")


def square(low: tuple[float, float], high: tuple[float, float], cells: int = 160) -> tuple[Floats, Floats, Floats]:
    """x1, x2: (cells, cells) grids over the rectangle, and its points (cells², 2)."""
    x1, x2 = np.meshgrid(np.linspace(low[0], high[0], cells), np.linspace(low[1], high[1], cells))
    return x1, x2, np.column_stack([x1.ravel(), x2.ravel()])


def regions(
    axes: Any, run: Run, low: tuple[float, float], high: tuple[float, float], columns: Sequence[int] = (0, 1)
) -> None:
    """Where the run decides for each class; `columns` of x are its features."""
    x1, x2, found = square(low, high, 90)
    shares = run.predict_proba(found[:, list(columns)]).reshape(*x1.shape, -1)
    decided = shares.argmax(axis=2)
    fills = np.array([[int(fill[i : i + 2], 16) for i in (1, 3, 5)] for fill in FILLS], np.uint8)
    extent = (low[0], high[0], low[1], high[1])
    axes.imshow(fills[decided], origin="lower", extent=extent, interpolation="nearest", aspect="auto")
    for k in range(shares.shape[2] - (shares.shape[2] == 2)):
        others = np.delete(shares, k, axis=2).max(axis=2)
        if (decided == k).any():
            axes.contour(x1, x2, shares[:, :, k] - others, levels=[0.0], colors="black", linewidths=1.0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes.grid(False)


def points(axes: Any, X: Floats, y: Ints, classes: Sequence[str], size: float = 9) -> None:
    """Points of the plane, a marker a class."""
    for k, name in enumerate(classes):
        of = X[y == k]
        axes.scatter(
            of[:, 0],
            of[:, 1],
            s=size,
            marker=MARKERS[k],
            c="white" if k % 2 else POINTS[k],
            edgecolors=POINTS[k] if k % 2 else "white",
            linewidths=0.7 if k % 2 else 0.3,
            label=name,
            rasterized=True,
        )


def inputs(traced: Traced, theta: Floats) -> list[Floats]:
    """A of the hidden layers for the first training rows, under theta."""
    network = traced.network
    network.theta[...] = theta
    return network.activations(np.asarray(traced.rows("train").X[:512]))
