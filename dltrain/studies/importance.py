"""Which hyperparameter mattered: shares of the variance of the trials' ranks, over the whole space.

ranks ≈ Σ_j f_j(place of the value on its own scale) + Σ_ij f_ij + noise, with every f a smooth random function of
mean 0 (a Gaussian process with additive ANOVA kernels: Durrande et al. 2013). Its share is the variance of f over the
space as declared, not over the places where the trials happen to lie: rounds that zoom in would else make what they
settled look unimportant. Ranks, since errors spread over decades and a diverged trial has none but the last place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain.engine.streams import Purpose, generator

Values: TypeAlias = npt.NDArray[np.float64]

WAVES = 5
"""Cosines on each scale."""
PAIR_WAVES = 2
FEW_DIMENSIONS = 4
"""Up to so many dimensions, pairs are products of two waves each; of more, of the first wave."""
STEPS, STEPS_AGAIN = 60, 15
DRAWS = 200
AT_ONCE = 1 << 20
"""Numbers of the fits made at a time."""
LEAST_NOISE = 1e-3
PLACE = 5
"""Of the bootstrap's stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One hyperparameter as the trials have it."""

    path: str
    places: Values
    """(n,): of each trial, from 0 to 1 on the hyperparameter's own scale; NaN where it was not varied."""
    levels: int | None = None
    """How many values there are, if they are whole numbers or a choice."""
    ordered: bool = True
    """False for a choice."""
    active: float = 1.0
    """Share of the space in which it is varied at all (`when`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of the variance, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Shares that sum to 1: of each hyperparameter alone, of pairs together, and what neither explains."""

    alone: dict[str, Share]
    together: Share
    unexplained: Share


def importance(axes: Sequence[Axis], scores: Sequence[float], confidence: float) -> Importance:
    """The shares of `axes` in the ranks of `scores`: (n,), lower is better, infinite for a diverged trial.

    The variances are fitted by maximum likelihood (the MM algorithm of Zhou, Hu, Qiao and Lange 2019). Intervals: the
    same of random halves of the trials, whose spread is that of the whole (a bootstrap with repeats would take a
    repeated trial for one without noise).
    """
    model = _model(axes)
    y = ranks(np.asarray(scores, dtype=np.float64))
    n = len(y)
    parts = int(model.component.max()) + 2
    (found,), (sizes,) = _fit(model, y, np.ones((1, n)), np.full(parts, 1 / parts), STEPS)
    random = generator(0, Purpose.BOOTSTRAP, PLACE)
    halves = np.tile(np.arange(n) < (n + 1) // 2, (DRAWS, 1)).astype(np.float64)
    drawn, _ = _fits(model, y, random.permuted(halves, axis=1), 0.9 * sizes + 0.1 / parts, STEPS_AGAIN)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    shares = [
        Share(value=float(v), low=float(min(a, v)), high=float(max(b, v)))
        for v, a, b in zip(found, low, high, strict=True)
    ]
    alone = {axis.path: share for axis, share in zip(axes, shares, strict=False)}
    together = shares[len(axes)] if len(axes) > 1 else Share(value=0.0, low=0.0, high=0.0)
    return Importance(alone=alone, together=together, unexplained=shares[-1])


def ranks(scores: Values) -> Values:
    """Ranks of mean 0 and variance 1, equal ones sharing their mean: (n,); zeros where all are equal."""
    _, place, times = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    rank = ((2 * last - times + 1) / 2)[place]
    centred: Values = rank - rank.mean()
    sd = float(centred.std())
    return centred / sd if sd else centred


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """Functions that are orthonormal over the space, by component."""

    columns: Values
    """(n, p)"""
    component: npt.NDArray[np.int64]
    """(p,): which hyperparameter, or the pairs."""
    prior: Values
    """(p,): variance of each weight; sums to 1 over a component."""
    likely: Values
    """(p,): share of the space in which the function is not 0."""


def _model(axes: Sequence[Axis]) -> _Model:
    waves = [_waves(axis) for axis in axes]
    columns = [columns for columns, _ in waves]
    component = [np.full(columns.shape[1], j) for j, (columns, _) in enumerate(waves)]
    prior = [prior for _, prior in waves]
    likely = [np.full(columns.shape[1], axes[j].active) for j, (columns, _) in enumerate(waves)]
    most = PAIR_WAVES if len(axes) <= FEW_DIMENSIONS else 1
    pairs = [(i, j) for i in range(len(axes)) for j in range(i)]
    for i, j in pairs:
        a, b = waves[i][0][:, :most], waves[j][0][:, :most]
        weights = np.outer(waves[i][1][:most], waves[j][1][:most]).ravel()
        columns.append((a[:, :, None] * b[:, None, :]).reshape(len(a), -1))
        component.append(np.full(weights.size, len(axes)))
        prior.append(weights / (weights.sum() * len(pairs)))
        likely.append(np.full(weights.size, min(axes[i].active, axes[j].active)))
    return _Model(np.hstack(columns), np.concatenate(component), np.concatenate(prior), np.concatenate(likely))


def _waves(axis: Axis) -> tuple[Values, Values]:
    """(n, k) functions of mean 0 and variance 1 on the scale, and what share of its variance each is expected to have:
    cosines √2 cos(πku), k^−4 (smooth); contrasts of the values of a choice, alike."""
    inside = np.isfinite(axis.places)
    places = np.where(inside, axis.places, 0.0)
    if axis.ordered:
        k = np.arange(1, min(WAVES, max(1, (axis.levels or WAVES + 1) - 1)) + 1)
        found, prior = math.sqrt(2) * np.cos(np.pi * places[:, None] * k), k**-4.0
    else:
        levels = axis.levels or 2
        value = np.minimum((places * levels).astype(np.int64), levels - 1)
        found, prior = _contrasts(levels)[value], np.ones(max(1, levels - 1))
    return found * inside[:, None], prior / prior.sum()


def _contrasts(levels: int) -> Values:
    """(levels, levels − 1) columns of mean 0 and variance 1, uncorrelated: cosines at the middles of equal parts; one
    column of zeros for a single value."""
    if levels < 2:
        return np.zeros((levels, 1))
    middles = (np.arange(levels) + 0.5) / levels
    columns: Values = math.sqrt(2) * np.cos(np.pi * middles[:, None] * np.arange(1, levels))
    return columns


def _fits(model: _Model, y: Values, counts: Values, begin: Values, steps: int) -> tuple[Values, Values]:
    """`_fit` of every row of counts: (draws, n), a few at a time."""
    n, p = model.columns.shape
    at_once = max(1, AT_ONCE // (p * max(n, p)))
    found = [_fit(model, y, counts[i : i + at_once], begin, steps) for i in range(0, len(counts), at_once)]
    return np.concatenate([shares for shares, _ in found]), np.concatenate([sizes for _, sizes in found])


def _fit(model: _Model, y: Values, counts: Values, begin: Values, steps: int) -> tuple[Values, Values]:
    """Shares, the last unexplained, of the trials with counts: (draws, n); and the variances fitted: both (draws,
    components + 1).

    V = σ² + Σ_j s_j B_j B_jᵀ; s_j ← s_j √(yᵀV⁻¹B_jB_jᵀV⁻¹y / tr(V⁻¹B_jB_jᵀ)), in the space of the weights, whose number
    does not grow with the trials. What counts is each weight's square as expected under the fit.
    """
    n = counts.sum(axis=1)
    G, b, yy = _moments(model, y, counts, n)
    belongs = np.eye(int(model.component.max()) + 1)[model.component]
    s = np.broadcast_to(begin, (len(counts), begin.size)).copy()
    for _ in range(steps):
        P, q = _posterior(model, G, b, s)
        noise = s[:, -1:]
        Gq = np.einsum("dij,dj->di", G, q)
        spread = (np.einsum("dii->di", G) - np.einsum("dij,dij->di", G @ P, G)) / noise
        up = (model.prior * ((b - Gq) / noise) ** 2) @ belongs
        down = (model.prior * np.maximum(spread, 0)) @ belongs
        rest = (yy - ((2 * b - Gq) * q).sum(axis=1)) / noise[:, 0] ** 2
        freedom = (n - 1 - (P * G).sum(axis=(1, 2))) / noise[:, 0]
        over = np.maximum(np.column_stack([down, freedom]), 1e-12)
        s = np.maximum(s * np.sqrt(np.column_stack([up, np.maximum(rest, 0.0)]) / over), 1e-6)
        s[:, -1] = np.maximum(s[:, -1], LEAST_NOISE)
    P, q = _posterior(model, G, b, s)
    squares = (q * q + s[:, -1:] * np.einsum("dii->di", P)) * model.likely
    found = np.column_stack([squares @ belongs, s[:, -1]])
    found[yy == 0] = np.append(np.zeros(belongs.shape[1]), 1.0)
    return found / found.sum(axis=1, keepdims=True), s


def _moments(model: _Model, y: Values, counts: Values, n: Values) -> tuple[Values, Values, Values]:
    """BᵀB: (draws, p, p), Bᵀy: (draws, p) and yᵀy: (draws,) of the trials counted, columns and y centred, y scaled to
    yᵀy = n; all 0 where y is constant."""
    B = model.columns - (counts @ model.columns / n[:, None])[:, None, :]
    centred = y - (counts @ y / n)[:, None]
    squares = (counts * centred * centred).sum(axis=1)
    scale = np.sqrt(np.divide(n, squares, out=np.zeros_like(n), where=squares > 0))
    weighted = (B * counts[:, :, None]).swapaxes(1, 2)
    return weighted @ B, (weighted @ (centred * scale[:, None])[:, :, None])[:, :, 0], np.where(squares > 0, n, 0.0)


def _posterior(model: _Model, G: Values, b: Values, s: Values) -> tuple[Values, Values]:
    """P = T (σ² + TGT)⁻¹ T, T the weights' standard deviations, and q = P b, their expectation; σ² P is their
    covariance. (draws, p, p) and (draws, p)."""
    T = np.sqrt(s[:, model.component] * model.prior)
    A = T[:, :, None] * G * T[:, None, :]
    diagonal = np.arange(T.shape[1])
    A[:, diagonal, diagonal] += s[:, -1:]
    P: Values = T[:, :, None] * np.linalg.inv(A) * T[:, None, :]
    return P, np.einsum("dij,dj->di", P, b)


def in_words(found: Importance, n: int) -> str | None:
    """What the shares leave open, None where nothing."""
    ranked = sorted(found.alone, key=lambda path: -found.alone[path].value)
    if not ranked:
        return None
    first = found.alone[ranked[0]]
    if first.low < 0.05 and found.together.low < 0.05:
        return f"{n} trials are too few to tell which hyperparameter matters: none stands out from chance"
    if len(ranked) > 1 and first.low < found.alone[ranked[1]].high:
        return f"{n} trials are too few to tell {ranked[0]} and {ranked[1]} apart: their intervals overlap"
    if first.high - first.low > 0.5:
        return f"{n} trials give wide intervals: read the order, not the shares"
    return None
