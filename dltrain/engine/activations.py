"""g and g' of the hidden layers, in place. g' is computed from the output A = g(Z)."""

from __future__ import annotations

import numpy as np

from dltrain.engine.architecture import Activation
from dltrain.engine.arrays import Floats

SLOPE = 0.01
"""Of leaky ReLU below 0."""

KEEPS_ONE: frozenset[Activation] = frozenset({"relu", "leaky_relu", "linear"})
"""Activations with g(1) = 1, which leave a constant column of A as it is."""


def apply(kind: Activation, Z: Floats) -> None:
    """Z := g(Z)."""
    if kind == "relu":
        np.maximum(Z, 0, out=Z)
    elif kind == "leaky_relu":
        np.maximum(Z, SLOPE * Z, out=Z)
    elif kind == "tanh":
        np.tanh(Z, out=Z)
    elif kind == "sigmoid":  # (1 + tanh(z/2))/2 cannot overflow
        Z *= 0.5
        np.tanh(Z, out=Z)
        Z *= 0.5
        Z += 0.5


def backpropagate(kind: Activation, A: Floats, dA: Floats) -> None:
    """dA := dA * g'(Z), which is dZ, with A = g(Z)."""
    if kind == "relu":
        np.multiply(dA, A > 0, out=dA)
    elif kind == "leaky_relu":
        one = A.dtype.type(1)
        dA *= np.where(A > 0, one, A.dtype.type(SLOPE))
    elif kind == "tanh":
        dA *= 1 - A * A
    elif kind == "sigmoid":
        dA *= A
        dA *= 1 - A
