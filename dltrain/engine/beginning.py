"""What a network is like before its first step: the numbers that initialization and input scale decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltrain.engine.architecture import Program
from dltrain.engine.arrays import Floats, Targets
from dltrain.engine.fit import Rows
from dltrain.engine.health import SAMPLE, by_layer
from dltrain.engine.layout import Layout
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.engine.visiting import visits

NO_PENALTY = 10**18
"""An m for λ/m so large that no regularizer weighs anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first `examples` training rows of the first epoch, in training mode without dropout and regularizer."""

    examples: int
    loss: float
    """The data term of J."""
    chance: float
    """That of the best constant prediction: the entropy of the classes' shares, ½ Var(y) for regression."""
    gradient_norms: tuple[float, ...]
    """‖dW, db‖ of each layer."""
    weight_norms: tuple[float, ...]
    """‖W, b‖ of each layer."""
    twins: tuple[float, ...]
    """Of each hidden layer, the share of units that equal another, here and still at the end of training."""
    input_rms: float
    """√(mean of x²) of the input in which it is largest."""


@np.errstate(all="ignore")  # what overflows is a finding
def begin(program: Program, train: Rows, trained: Floats) -> Beginning:
    """Measures the network as `program` initializes it. The rows are drawn as the first epoch visits them;
    `trained` is theta at the end."""
    state = State.start(program)
    g = np.zeros_like(state.theta)
    network = Network(program.architecture, state.theta, state.stats, g, program.seed)
    m = min(len(train), SAMPLE)
    order = visits(train.X, program.seed)
    order.begin(0)
    ws = network.workspace(m)
    rows = order.gather(0, m, ws.X)
    factors = train.loss_weights()
    weights = None if factors is None else factors[rows].astype(state.theta.dtype)
    input_rms = float(np.sqrt(np.einsum("ij,ij->j", ws.X, ws.X, dtype=np.float64).max() / m))
    loss, _ = network.gradient_of(ws, train.y[rows], NO_PENALTY, 0, dropout=False, weights=weights)
    return Beginning(
        examples=m,
        loss=loss,
        chance=chance(program.architecture.output, train.y[rows], weights),
        gradient_norms=tuple(by_layer(network.layout, g).tolist()),
        weight_norms=tuple(by_layer(network.layout, state.theta).tolist()),
        twins=twins(network.layout, state.theta, trained),
        input_rms=input_rms,
    )


def chance(output: str, y: Targets, weights: Floats | None = None) -> float:
    """The least mean of wL that a constant prediction has: −Σ p log p over the classes' shares, or ½ Var(y).

    y: (m,) class numbers or standardized values; weights: (m,) of their losses.
    """
    w = np.ones(len(y)) if weights is None else weights.astype(np.float64)
    if not w.any():
        return 0.0
    if output == "linear":
        return float(np.average((y - np.average(y, weights=w)) ** 2, weights=w) * w.mean() / 2)
    shares = np.bincount(y.astype(np.int64), weights=w) / w.sum()
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum() * w.mean())


def twins(layout: Layout, theta: Floats, later: Floats) -> tuple[float, ...]:
    """Of each hidden layer, the share of units whose incoming weights equal another's in theta and `later` alike:
    they compute the same and get the same gradient, so that the layer is one unit wide."""
    shares = []
    for block in [block for block in layout.blocks if block.role == "weight"][:-1]:
        both = np.vstack([block.view(theta), block.view(later)])
        _, sizes = np.unique(both, axis=1, return_counts=True)
        shares.append(float(sizes[sizes > 1].sum() / both.shape[1]))
    return tuple(shares)
