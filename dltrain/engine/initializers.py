"""How weights start: normal draws whose variance suits the layer (section 1.8 of the notes). b starts at 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from annotated_types import Gt

from dltrain.engine.arrays import RECORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Zeros:
    """Every weight 0. The units of a layer then stay equal: for lessons, and for networks without layers."""

    __pydantic_config__ = RECORD
    kind: Literal["zeros"] = "zeros"
    """zeros: every weight starts at 0."""

    def sd(self, n_in: int, n_out: int) -> float:
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Standard deviation `scale` whatever the size of the layer: what section 1.8 warns about in deep networks."""

    __pydantic_config__ = RECORD
    kind: Literal["random"] = "random"
    """random: normal draws of one small standard deviation."""
    scale: Annotated[float, Gt(0)] = 0.01
    """Standard deviation of the draws."""

    def sd(self, n_in: int, n_out: int) -> float:
        return self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class He:
    """Variance scale/n_in, 2 for ReLU (He et al. 2015)."""

    __pydantic_config__ = RECORD
    kind: Literal["he"] = "he"
    """he: variance scale/n_in, for ReLU."""
    scale: Annotated[float, Gt(0)] = 2.0
    """Numerator of the variance: a hyperparameter, if not a very effective one."""

    def sd(self, n_in: int, n_out: int) -> float:
        return math.sqrt(self.scale / n_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class Xavier:
    """Variance scale/n_in with scale 1: the notes' Xavier, which the field calls LeCun initialization."""

    __pydantic_config__ = RECORD
    kind: Literal["xavier"] = "xavier"
    """xavier: variance scale/n_in, for tanh (the field's LeCun initialization)."""
    scale: Annotated[float, Gt(0)] = 1.0
    """Numerator of the variance."""

    def sd(self, n_in: int, n_out: int) -> float:
        return math.sqrt(self.scale / n_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glorot:
    """Variance scale * 2/(n_in + n_out) (Glorot and Bengio 2010; the second formula for tanh in the notes)."""

    __pydantic_config__ = RECORD
    kind: Literal["glorot"] = "glorot"
    """glorot: variance scale * 2/(n_in + n_out)."""
    scale: Annotated[float, Gt(0)] = 1.0
    """Factor of the variance."""

    def sd(self, n_in: int, n_out: int) -> float:
        return math.sqrt(self.scale * 2 / (n_in + n_out))


Initializer: TypeAlias = Zeros | Random | He | Xavier | Glorot


def automatic(activation: str) -> Initializer:
    """He for the ReLU kinds, Xavier for the others."""
    return He() if activation in ("relu", "leaky_relu") else Xavier()
