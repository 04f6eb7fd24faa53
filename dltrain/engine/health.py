"""How each layer is doing at the end of an epoch: the `layers` of a metrics line."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from dltrain.engine.arrays import Floats, Table
from dltrain.engine.layout import Layout
from dltrain.engine.network import Network

SAMPLE = 1024
"""Training rows whose activations are looked at: the first ones."""


class LayerHealth(TypedDict):
    """One layer. `activation_norm` is √(mean over the examples of ‖a‖²), `gradient_norm` ‖dW, db‖ and
    `update_ratio` ‖Δθ‖/‖θ‖ of the epoch's last step. `dead` is the share of ReLU units that are 0 for every
    example looked at, `saturated` the share of tanh or sigmoid values within 1 % of their range's ends; null
    where it does not apply."""

    activation_norm: float | None
    gradient_norm: float
    update_ratio: float
    dead: float | None
    saturated: float | None


def by_layer(layout: Layout, vector: Floats) -> Floats:
    """The Euclidean norm of each layer's stretch of a flat vector, (L,) float64."""
    last = max(block.layer for block in layout.blocks)
    squares = np.zeros(last)
    for block in layout.blocks:
        stretch = vector[block.slice].astype(np.float64)
        squares[block.layer - 1] += float(np.dot(stretch, stretch))
    return np.sqrt(squares)


def examine(network: Network, X: Floats | Table, gradient_norms: Floats, update_ratios: Floats) -> list[LayerHealth]:
    """The health of each layer, from the clean activations of the first rows of X."""
    records: list[LayerHealth] = []
    seen = network.activations(X[:SAMPLE])
    for n, (gradient_norm, ratio) in enumerate(zip(gradient_norms, update_ratios, strict=True)):
        record = LayerHealth(
            activation_norm=None,
            gradient_norm=float(gradient_norm),
            update_ratio=float(ratio),
            dead=None,
            saturated=None,
        )
        if n < len(seen):
            A, kind = seen[n], network.architecture.layers[n].activation
            record["activation_norm"] = float(np.sqrt(np.einsum("ij,ij->", A, A, dtype=np.float64) / len(A)))
            if kind == "relu":
                record["dead"] = float((A <= 0).all(axis=0).mean())
            elif kind in ("tanh", "sigmoid"):
                low, high = (-0.98, 0.98) if kind == "tanh" else (0.01, 0.99)
                record["saturated"] = float(((A < low) | (A > high)).mean())
        records.append(record)
    return records
