"""Writes the sets of points in the plane that lessons train on, drawn from formulas. Nobody measured them.

    python tools/planes.py        writes configs/wave.csv, configs/wave_app.csv and configs/ring.csv

wave: x1 and x2 uniform on [−2, 2], P(above | x) = 1/(1 + e^(−4(x2 − sin 1.6 x1))): the classes overlap along a wave.
wave_app: the same rule, x1 uniform on [1, 4]: what users send, half of it beyond what the training set has seen.
ring: six classes, normal with standard deviation 0.5 round six points on a circle of radius 1.5.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

ROWS = {"wave": 2600, "wave_app": 4000, "ring": 1200}
CLASSES = "abcdef"


def chance_above(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    """P(above | x)."""
    return 1 / (1 + np.exp(-4 * (x2 - np.sin(1.6 * x1))))


def wave_error(low: float = -2, high: float = 2, cells: int = 2000) -> float:
    """The Bayes error of wave: the mean of min(P, 1 − P) over its square, by the midpoint rule."""
    x1 = low + (np.arange(cells) + 0.5) * (high - low) / cells
    x2 = -2 + (np.arange(cells) + 0.5) * 4 / cells
    p = chance_above(*np.meshgrid(x1, x2))
    return float(np.minimum(p, 1 - p).mean())


def ring_error(cells: int = 1500) -> float:
    """The Bayes error of ring: 1 − ∫ max over the classes of P(class) p(x | class)."""
    side = np.linspace(-5, 5, cells)
    x1, x2 = np.meshgrid(side, side)
    densities = [np.exp(-((x1 - a) ** 2 + (x2 - b) ** 2) / 0.5) / (0.5 * math.pi) for a, b in centres()]
    return float(1 - np.max(densities, axis=0).sum() / len(CLASSES) * (side[1] - side[0]) ** 2)


def centres() -> list[tuple[float, float]]:
    """Of the classes of ring."""
    angles = [2 * math.pi * k / len(CLASSES) for k in range(len(CLASSES))]
    return [(1.5 * math.cos(angle), 1.5 * math.sin(angle)) for angle in angles]


def table(name: str) -> str:
    """The file's text: a row a point."""
    rng = np.random.Generator(np.random.Philox(key=sorted(ROWS).index(name)))
    n = ROWS[name]
    if name == "ring":
        k = rng.integers(0, len(CLASSES), n)
        x = np.array(centres())[k] + rng.normal(0, 0.5, (n, 2))
        labels = [CLASSES[one] for one in k]
    else:
        low, high = (-2, 2) if name == "wave" else (1, 4)
        x = np.column_stack([rng.uniform(low, high, n), rng.uniform(-2, 2, n)])
        labels = ["above" if above else "below" for above in rng.random(n) < chance_above(x[:, 0], x[:, 1])]
    rows = [f"{a:.3f},{b:.3f},{label}" for (a, b), label in zip(x.tolist(), labels, strict=True)]
    return "\n".join(["x1,x2,class", *rows]) + "\n"


if __name__ == "__main__":
    for name in ROWS:
        Path(__file__).parents[1].joinpath(f"configs/{name}.csv").write_text(table(name), encoding="utf-8")
