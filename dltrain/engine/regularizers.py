"""What is added to the mean loss to keep weights small (section 1.4 of the notes).

`penalty` and `add_gradient` see a flat stretch of theta: the weights of a layer and, with `include_bias`,
its b. In λ/m, m is the nominal batch size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge

from dltrain.engine.arrays import RECORD, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRegularizer:
    """Nothing is added."""

    __pydantic_config__ = RECORD
    kind: Literal["none"] = "none"
    """none: nothing is added to the mean loss."""

    @property
    def include_bias(self) -> bool:
        return False

    def penalty(self, w: Floats, m: int) -> float:
        return 0.0

    def add_gradient(self, w: Floats, dw: Floats, m: int) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class L2:
    """λ/(2m) Σ w², with gradient (λ/m) w: weight decay for gradient descent."""

    __pydantic_config__ = RECORD
    kind: Literal["l2"] = "l2"
    """l2: λ/(2m) Σ w² is added to the mean loss."""
    lambd: Annotated[float, Ge(0)]
    """λ, the strength. Divided by the nominal batch size m."""
    include_bias: bool = False
    """Whether b is penalized too; it makes little difference."""

    def penalty(self, w: Floats, m: int) -> float:
        return self.lambd / (2 * m) * float(np.dot(w, w))

    def add_gradient(self, w: Floats, dw: Floats, m: int) -> None:
        dw += w * (self.lambd / m)


@dataclass(frozen=True, slots=True, kw_only=True)
class L1:
    """λ/(2m) Σ |w|, with subgradient (λ/(2m)) sign(w), 0 at 0. Weights become sparse."""

    __pydantic_config__ = RECORD
    kind: Literal["l1"] = "l1"
    """l1: λ/(2m) Σ |w| is added to the mean loss."""
    lambd: Annotated[float, Ge(0)]
    """λ, the strength. Divided by twice the nominal batch size m."""
    include_bias: bool = False
    """Whether b is penalized too."""

    def penalty(self, w: Floats, m: int) -> float:
        return self.lambd / (2 * m) * float(np.abs(w).sum())

    def add_gradient(self, w: Floats, dw: Floats, m: int) -> None:
        dw += np.sign(w) * (self.lambd / (2 * m))


@dataclass(frozen=True, slots=True, kw_only=True)
class L1L2:
    """λ1/(2m) Σ |w| + λ2/(2m) Σ w² (the elastic net)."""

    __pydantic_config__ = RECORD
    kind: Literal["l1_l2"] = "l1_l2"
    """l1_l2: both penalties are added."""
    lambd_l1: Annotated[float, Ge(0)]
    """λ of the L1 part."""
    lambd_l2: Annotated[float, Ge(0)]
    """λ of the L2 part."""
    include_bias: bool = False
    """Whether b is penalized too."""

    def penalty(self, w: Floats, m: int) -> float:
        return L1(lambd=self.lambd_l1).penalty(w, m) + L2(lambd=self.lambd_l2).penalty(w, m)

    def add_gradient(self, w: Floats, dw: Floats, m: int) -> None:
        L1(lambd=self.lambd_l1).add_gradient(w, dw, m)
        L2(lambd=self.lambd_l2).add_gradient(w, dw, m)


Regularizer: TypeAlias = NoRegularizer | L2 | L1 | L1L2
