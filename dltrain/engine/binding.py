"""theta seen layer by layer: views of its blocks, their start values, and what is regularized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltrain.engine.architecture import Architecture
from dltrain.engine.arrays import Floats
from dltrain.engine.layout import Layout
from dltrain.engine.regularizers import NoRegularizer, Regularizer
from dltrain.engine.streams import normals


@dataclass(frozen=True, slots=True)
class Bound:
    """Views of one layer: W, and either Wb, which is W with b as its last row, or gamma and beta of batch norm
    (`normalized`). What a layer does not have is an empty array."""

    normalized: bool
    W: Floats
    Wb: Floats
    gamma: Floats
    beta: Floats


def bind(layout: Layout, theta: Floats) -> list[Bound]:
    """The layers of a flat vector, in order."""
    bound = []
    for block in layout.blocks:
        if block.role != "weight":
            continue
        n_in, n_out = block.shape
        gamma, beta = layout.role("gamma", block.layer), layout.role("beta", block.layer)
        if gamma and beta:
            bound.append(Bound(True, block.view(theta), theta[:0], gamma.view(theta), beta.view(theta)))
        else:
            both = slice(block.slice.start, block.slice.stop + n_out)
            Wb = theta[both].reshape(n_in + 1, n_out)
            bound.append(Bound(False, block.view(theta), Wb, theta[:0], theta[:0]))
    return bound


def regularized(architecture: Architecture, layout: Layout) -> list[tuple[slice, Regularizer]]:
    """Where in theta each regularizer works: the weights, and b where it is included and there is one."""
    pairs: list[tuple[slice, Regularizer]] = []
    regularizers = [layer.regularizer for layer in architecture.layers] + [architecture.regularizer]
    for n, regularizer in enumerate(regularizers, start=1):
        if isinstance(regularizer, NoRegularizer):
            continue
        where, b = layout.block(f"W{n}").slice, layout.role("bias", n)
        if regularizer.include_bias and b:
            where = slice(where.start, b.slice.stop)
        pairs.append((where, regularizer))
    return pairs


def initialize(architecture: Architecture, seed: int, dtype: npt.DTypeLike = np.float32) -> tuple[Floats, Floats]:
    """theta and batch norm's averages at the start: W by the initializers, gamma 1, all else 0."""
    layout = architecture.layout()
    theta = np.zeros(layout.size, dtype)
    kinds = [layer.initializer for layer in architecture.layers] + [architecture.initializer]
    for block in layout.blocks:
        if block.role == "gamma":
            block.view(theta)[...] = 1
        elif block.role == "weight":
            sd = kinds[block.layer - 1].sd(*block.shape)
            block.view(theta)[...] = normals(block.shape, seed, block.layer, dtype) * sd
    return theta, np.zeros(architecture.stats_layout().size, dtype)
