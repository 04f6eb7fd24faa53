"""Problems made by a known rule: their Bayes error can be computed, and fresh examples never run out.

Labels are drawn given the inputs, so the posterior P(y | x) is known; for regression y = f(x) + noise. A Shift
changes fresh examples as a different source of data would.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Literal

import numpy as np

from dltrain.engine.streams import generator

Kind = Literal["binary", "multiclass", "regression"]
Family = Literal["clusters", "regions"]
ShiftKind = Literal["moved", "scaled", "turned", "blurred", "blanked", "clipped", "swapped", "relabelled"]

COMPONENTS = 3
"""Gaussians that make up a class of the family `clusters`."""
CHUNK = 1 << 16
FRESH = 1 << 20
"""Examples that a truth is measured on."""


class Draw(IntEnum):
    """What a stream is for. From 1000 on: none is a purpose of the package's own streams."""

    RULE = 1001
    TRAIN = 1002
    TRAIN_DEV = 1003
    DEV = 1004
    TEST = 1005
    TRUTH = 1006
    SHIFTED_TRUTH = 1007
    DESIGN = 1008
    EXPERT = 1009
    SAMPLE = 1010
    REPEAT = 1011


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How another source differs. `strength` 0 changes nothing."""

    kind: ShiftKind
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """clusters: each class a mixture of Gaussians. regions: classes, or a surface, cut by a random tanh network.

    `noise` is the share of labels that are replaced by another class; for regression the share of Var(y).
    """

    kind: Kind
    family: Family
    seed: int
    n_x: int = 4
    classes: int = 2
    noise: float = 0.0
    wiggles: int = 4
    """Hidden units of the rule of `regions`."""
    spread: float = 2.0
    """Standard deviation of the clusters' means; within a cluster it is 1."""
    tails: Literal["normal", "laplace", "uneven"] = "normal"
    """Of a regression's noise."""

    def draw(self, n: int, what: Draw, place: int = 0, shift: Shift | None = None) -> tuple[np.ndarray, np.ndarray]:
        """X: (n, n_x) float32 and y: (n,), class numbers or values; the same for the same arguments."""
        random = generator(self.seed, what, place)  # type: ignore[arg-type]
        X = random.standard_normal((n, self.n_x), dtype=np.float32)
        if self.family == "clusters":
            component = random.integers(0, self.classes * COMPONENTS, n)
            X += rule(self).means[component]
            y = component // COMPONENTS
        else:
            y = rule(self).answer(X)
        y = self._noisy(X, y, random)
        return (X, y) if shift is None else shifted(X, y, self, shift, random)

    def _noisy(self, X: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
        if self.kind == "regression":
            return math.sqrt(1 - self.noise) * y + math.sqrt(self.noise) * self._unit_noise(X, random)
        return replaced(y, self.noise, self.classes, random)

    def _unit_noise(self, X: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Variance 1: normal, Laplace, or normal with a spread that grows with |x0|."""
        if self.tails == "laplace":
            return random.laplace(0, math.sqrt(0.5), len(X))
        noise = random.standard_normal(len(X))
        return noise * X[:, 0] if self.tails == "uneven" else noise

    def bayes(self) -> float:
        """The lowest possible error: E[1 − max P(y | x)], for regression the noise's variance (not yet divided by
        Var_train(y)). Exact for regions, from FRESH examples' posteriors for clusters."""
        if self.family == "regions":
            return self.noise
        means = rule(self).means
        total = 0.0
        for place, n in chunks(FRESH):
            X, _ = self.draw(n, Draw.REPEAT, place)
            total += float((1 - self._posterior(X, means).max(axis=1)).sum(dtype=np.float64))
        return total / FRESH

    def _posterior(self, X: np.ndarray, means: np.ndarray) -> np.ndarray:
        """(n, C): of equally likely components, then mixed by the replaced labels."""
        logits = X @ means.T - (means**2).sum(axis=1) / 2
        logits -= logits.max(axis=1, keepdims=True)
        density = np.exp(logits).reshape(len(X), self.classes, COMPONENTS).sum(axis=2)
        clean = density / density.sum(axis=1, keepdims=True)
        return (1 - self.noise) * clean + self.noise * (1 - clean) / (self.classes - 1)


def chunks(total: int) -> Iterator[tuple[int, int]]:
    """(place, n) of portions that make up `total`."""
    for place, start in enumerate(range(0, total, CHUNK)):
        yield place, min(CHUNK, total - start)


def replaced(y: np.ndarray, share: float, classes: int, random: np.random.Generator) -> np.ndarray:
    """y with a share of its labels replaced by another class, each as likely."""
    if not share:
        return y
    flips = random.random(len(y)) < share
    return np.where(flips, (y + random.integers(1, classes, len(y))) % classes, y)


@dataclass(frozen=True, slots=True)
class Rule:
    """What does not change from draw to draw."""

    means: np.ndarray
    """(classes × COMPONENTS, n_x) of clusters."""
    A: np.ndarray
    b: np.ndarray
    B: np.ndarray
    center: np.ndarray
    scale: float
    regression: bool

    def answer(self, X: np.ndarray) -> np.ndarray:
        """The class (n,) whose output is largest, or the surface's height, of mean 0 and variance 1."""
        out = np.tanh(X @ self.A + self.b) @ self.B - self.center
        return out[:, 0].astype(np.float64) / self.scale if self.regression else out.argmax(axis=1)


@lru_cache(maxsize=8)
def rule(problem: Problem) -> Rule:
    """The rule of a problem: a function of its fields alone."""
    random = generator(problem.seed, Draw.RULE)  # type: ignore[arg-type]
    outputs = 1 if problem.kind == "regression" else problem.classes

    def normals(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, dtype=np.float32)

    means = problem.spread * normals(problem.classes * COMPONENTS, problem.n_x) / math.sqrt(problem.n_x / 2)
    A, b, B = normals(problem.n_x, problem.wiggles), normals(problem.wiggles), normals(problem.wiggles, outputs)
    heights = np.tanh(normals(1 << 14, problem.n_x) @ A + b) @ B
    center = np.median(heights, axis=0) if outputs > 1 else heights.mean(axis=0)
    return Rule(means, A, b, B, center.astype(np.float32), float(heights.std()), problem.kind == "regression")


def shifted(
    X: np.ndarray, y: np.ndarray, problem: Problem, shift: Shift, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Fresh examples as another source would give them: the inputs change and the labels stay, or the other way."""
    s = np.float32(shift.strength)
    if shift.kind == "relabelled":
        if problem.kind == "regression":
            return X, y + shift.strength * random.standard_normal(len(y))
        return X, replaced(y, shift.strength, problem.classes, random)
    X = X.copy()
    if shift.kind == "moved":
        X[:, 0] += s
    elif shift.kind == "scaled":
        X *= 1 + s
    elif shift.kind == "turned":
        X[:, :2] = X[:, :2] @ np.array([[np.cos(s), -np.sin(s)], [np.sin(s), np.cos(s)]], dtype=np.float32)
    elif shift.kind == "blurred":
        X += s * random.standard_normal(X.shape, dtype=np.float32)
    elif shift.kind == "blanked":
        X[random.random(X.shape) < s] = 0
    elif shift.kind == "clipped":
        np.clip(X, -1 / s, 1 / s, out=X)
    elif shift.kind == "swapped":
        some = random.random(len(X)) < s
        X[some] = X[some][:, ::-1]
    return X, y
