"""The output layer: Z to ŷ, the loss L of each example, and dZ = (ŷ − y)/m, the same for all three.

Z and ŷ lie as in the notes, (C, m): softmax then works along the first axis. Every loss is computed from the
logits, so that logits of ±10,000 give a finite cost in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dltrain.engine.architecture import Output
from dltrain.engine.arrays import Floats, Targets


def target_dtype(output: Output, dtype: np.dtype[np.floating]) -> np.dtype[Any]:
    """Softmax takes class numbers, the others take numbers of the network's own type."""
    return np.dtype(np.int64) if output == "softmax" else np.dtype(dtype)


def activate(output: Output, Z: Floats) -> None:
    """Z: (C, m) := ŷ. softmax e^z/Σe^z, sigmoid 1/(1 + e^−z), linear z."""
    if output == "softmax":
        Z -= Z.max(axis=0)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=0)
    elif output == "sigmoid":
        Z *= 0.5
        np.tanh(Z, out=Z)
        Z *= 0.5
        Z += 0.5


def losses(output: Output, Z: Floats, y: Targets) -> Floats:
    """L of each example, (m,), from the logits Z: (C, m), which become ŷ.

    softmax −log ŷ_y, sigmoid −y log ŷ − (1 − y) log(1 − ŷ), linear ½(ŷ − y)² (section 3.5 of the notes).
    """
    if output == "softmax":
        Z -= Z.max(axis=0)
        chosen = Z[y, np.arange(Z.shape[1])]
        np.exp(Z, out=Z)
        total = Z.sum(axis=0)
        Z /= total
        return np.asarray(np.log(total) - chosen)
    z = Z[0]
    if output == "sigmoid":  # max(z, 0) − zy + log(1 + e^−|z|)
        loss = np.log1p(np.exp(-np.abs(z)))
        loss += np.maximum(z, 0)
        loss -= z * y
        activate(output, Z)
        return np.asarray(loss)
    return np.asarray(0.5 * (z - y) ** 2)


def gradient(output: Output, Yhat: Floats, y: Targets, weights: Floats | None = None) -> None:
    """ŷ: (C, m) := dZ = (ŷ − y)/m, the gradient of the mean loss; of (1/m) Σ wL with `weights`: (m,)."""
    m = Yhat.shape[1]
    if output == "softmax":
        Yhat[y, np.arange(m)] -= 1
    else:
        Yhat[0] -= y
    Yhat *= 1 / m if weights is None else weights / m


def decide(output: Output, Yhat: Floats) -> Targets:
    """What ŷ: (C, m) says: the class number (the first of equals), or the value itself. Returns (m,)."""
    if output == "softmax":
        return np.asarray(Yhat.argmax(axis=0))
    return np.asarray(Yhat[0] > 0.5, np.int64) if output == "sigmoid" else Yhat[0].copy()
