"""How theta moves along its gradient (sections 2.3 to 2.5 of the notes).

Each record holds the hyperparameters; `slots` names the vectors it remembers between steps, all zero at
first; `update` moves theta in place, in stretches that fit a processor's cache. `weights` says where the
weights lie, `t` counts steps from 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Lt

from dltrain.engine.arrays import RECORD, Floats

Slots: TypeAlias = Mapping[str, Floats]
LearningRate = Annotated[float, Gt(0)]
Beta = Annotated[float, Ge(0), Lt(1)]
Epsilon = Annotated[float, Gt(0)]
ClipNorm = Annotated[float, Gt(0)] | None

STRETCH = 32768
"""Numbers updated at a time: theta, gradient, two slots and scratch of this length stay in cache."""


def _stretches(*vectors: Floats) -> Iterator[tuple[Floats, ...]]:
    size = vectors[0].size
    if size <= 2 * STRETCH:
        yield vectors
        return
    for start in range(0, size, STRETCH):
        yield tuple(vector[start : start + STRETCH] for vector in vectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientDescent:
    """θ := θ − α g."""

    __pydantic_config__ = RECORD
    kind: Literal["gradient_descent"] = "gradient_descent"
    """gradient_descent: θ := θ − α g."""
    learning_rate: LearningRate = 0.01
    """α0, the step size; the schedule may change it."""
    clip_norm: ClipNorm = None
    """Largest allowed norm of the gradient of J; null never clips."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ()

    def update(self, theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, weights: Sequence[slice]) -> None:
        for th, d in _stretches(theta, g):
            th -= alpha * d


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum:
    """v := βv + (1 − β)g, θ := θ − αv. v starts at 0, with no bias correction.

    The notes' form: its steps are (1 − β) times those of frameworks that use v := βv + g.
    """

    __pydantic_config__ = RECORD
    kind: Literal["momentum"] = "momentum"
    """momentum: v := βv + (1 − β)g, θ := θ − αv."""
    learning_rate: LearningRate = 0.01
    """α0, the step size; (1 − beta) times a step of the form without (1 − β)."""
    beta: Beta = 0.9
    """β: v averages over about 1/(1 − β) gradients."""
    clip_norm: ClipNorm = None
    """Largest allowed norm of the gradient of J; null never clips."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v",)

    def update(self, theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, weights: Sequence[slice]) -> None:
        for th, d, v in _stretches(theta, g, slots["v"]):
            v *= self.beta
            v += (1 - self.beta) * d
            th -= alpha * v


@dataclass(frozen=True, slots=True, kw_only=True)
class Nesterov:
    """v := βv + (1 − β)g, θ := θ − α(βv + (1 − β)g) (Nesterov 1983, Sutskever et al. 2013)."""

    __pydantic_config__ = RECORD
    kind: Literal["nesterov"] = "nesterov"
    """nesterov: v := βv + (1 − β)g, θ := θ − α(βv + (1 − β)g)."""
    learning_rate: LearningRate = 0.01
    """α0, the step size."""
    beta: Beta = 0.9
    """β: v averages over about 1/(1 − β) gradients."""
    clip_norm: ClipNorm = None
    """Largest allowed norm of the gradient of J; null never clips."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v",)

    def update(self, theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, weights: Sequence[slice]) -> None:
        for th, d, v in _stretches(theta, g, slots["v"]):
            fresh = (1 - self.beta) * d
            v *= self.beta
            v += fresh
            th -= alpha * (self.beta * v + fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSprop:
    """s := β2 s + (1 − β2)g², θ := θ − α g/(√s + ε). s starts at 0, with no bias correction."""

    __pydantic_config__ = RECORD
    kind: Literal["rmsprop"] = "rmsprop"
    """rmsprop: s := β2 s + (1 − β2)g², θ := θ − α g/(√s + ε)."""
    learning_rate: LearningRate = 0.001
    """α0, the step size."""
    beta2: Beta = 0.999
    """β2: s averages over about 1/(1 − β2) squared gradients."""
    epsilon: Epsilon = 1e-8
    """ε, outside the root."""
    clip_norm: ClipNorm = None
    """Largest allowed norm of the gradient of J; null never clips."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("s",)

    def update(self, theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, weights: Sequence[slice]) -> None:
        for th, d, s in _stretches(theta, g, slots["s"]):
            s *= self.beta2
            s += (1 - self.beta2) * (d * d)
            root = np.sqrt(s)
            root += self.epsilon
            th -= alpha * (d / root)


def _adam(
    theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, beta1: float, beta2: float, epsilon: float
) -> None:
    """One step of Adam, both moments bias corrected.

    The slots hold v/(1 − β1) and s/(1 − β2), which saves two products; α and ε absorb these factors and the
    corrections, so that θ moves by α v̂/(√ŝ + ε). The corrected values are never fed back.
    """
    root = math.sqrt((1 - beta2**t) / (1 - beta2))
    rate = alpha * (1 - beta1) / (1 - beta1**t) * root
    shift = epsilon * root
    scratch = np.empty_like(theta, shape=min(theta.size, 2 * STRETCH))
    for th, d, v, s in _stretches(theta, g, slots["v"], slots["s"]):
        work = scratch[: th.size]
        v *= beta1
        v += d
        s *= beta2
        np.multiply(d, d, out=work)
        s += work
        np.sqrt(s, out=work)
        work += shift
        np.divide(v, work, out=work)
        work *= rate
        th -= work


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    """v := β1 v + (1 − β1)g, s := β2 s + (1 − β2)g², θ := θ − α v̂/(√ŝ + ε), v̂ = v/(1 − β1^t), ŝ = s/(1 − β2^t)
    (Kingma and Ba 2015)."""

    __pydantic_config__ = RECORD
    kind: Literal["adam"] = "adam"
    """adam: momentum and RMSprop together, both bias corrected."""
    learning_rate: LearningRate = 0.001
    """α0, the step size; the one to tune."""
    beta1: Beta = 0.9
    """β1: v averages over about 1/(1 − β1) gradients."""
    beta2: Beta = 0.999
    """β2: s averages over about 1/(1 − β2) squared gradients."""
    epsilon: Epsilon = 1e-8
    """ε, outside the root."""
    clip_norm: ClipNorm = None
    """Largest allowed norm of the gradient of J; null never clips."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v", "s")

    def update(self, theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, weights: Sequence[slice]) -> None:
        _adam(theta, g, slots, alpha, t, self.beta1, self.beta2, self.epsilon)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """θ := θ − α weight_decay θ on W, then Adam's step: weight decay that does not pass through the moments
    (Loshchilov and Hutter 2019)."""

    __pydantic_config__ = RECORD
    kind: Literal["adamw"] = "adamw"
    """adamw: Adam with weight decay outside the moments."""
    learning_rate: LearningRate = 0.001
    """α0, the step size."""
    beta1: Beta = 0.9
    """β1: v averages over about 1/(1 − β1) gradients."""
    beta2: Beta = 0.999
    """β2: s averages over about 1/(1 − β2) squared gradients."""
    epsilon: Epsilon = 1e-8
    """ε, outside the root."""
    weight_decay: Annotated[float, Ge(0)] = 0.01
    """Share of W, times α, that each step takes away."""
    clip_norm: ClipNorm = None
    """Largest allowed norm of the gradient of J; null never clips."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v", "s")

    def update(self, theta: Floats, g: Floats, slots: Slots, alpha: float, t: int, weights: Sequence[slice]) -> None:
        for where in weights:
            theta[where] *= 1 - alpha * self.weight_decay
        _adam(theta, g, slots, alpha, t, self.beta1, self.beta2, self.epsilon)


Optimizer: TypeAlias = GradientDescent | Momentum | Nesterov | RMSprop | Adam | AdamW
