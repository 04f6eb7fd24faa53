"""The engine's network as a problem: J and its gradient over theta, for one batch, in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dltrain.engine.architecture import Architecture, Program
from dltrain.engine.arrays import Bools, Floats, Targets
from dltrain.engine.fit import Diverged, Rows, fit
from dltrain.engine.layout import Block
from dltrain.engine.losses import target_dtype
from dltrain.engine.network import Network
from dltrain.engine.regularizers import L1, L1L2, L2, Regularizer
from dltrain.engine.state import State
from dltrain.errors import InputError, Problem
from dltrain.gradcheck.check import check
from dltrain.gradcheck.problem import Details, Place
from dltrain.gradcheck.result import Report

_NO_KINKS: Bools = np.empty(0, np.bool_)


class NetworkProblem:
    """J of a network on one batch, regularization included, dropout off or its masks frozen.

    X: (m, n_x), y: (m,); `nominal_m` is the m of λ/m; `weights`: (m,) multiply L. Batch norm uses the batch's own
    mu and sigma².
    """

    def __init__(
        self,
        architecture: Architecture,
        theta: Floats,
        X: Floats,
        y: Targets,
        nominal_m: int,
        *,
        with_dropout: bool = False,
        seed: int = 0,
        weights: Floats | None = None,
    ) -> None:
        self.theta: Floats = np.array(theta, np.float64)
        self._X = np.asarray(X, np.float64)
        self._y = np.asarray(y).astype(target_dtype(architecture.output, np.dtype(np.float64)))
        self._nominal_m, self._dropout, self._weights = nominal_m, with_dropout, weights
        self._g = np.zeros_like(self.theta)
        stats = np.zeros(architecture.stats_layout().size)
        self._network = Network(architecture, self.theta.copy(), stats, self._g, seed)
        layout = self._network.layout
        self.blocks = [(block.name, block.slice) for block in layout.blocks]
        places = {block.name: _place(block, architecture, nominal_m) for block in layout.blocks}
        self.details = Details(places=places, known=True, quantities=_quantities(architecture, len(X), with_dropout))
        kinds = {layer.activation for layer in architecture.layers}
        self._l1 = [block.slice for block in layout.blocks if places[block.name].l1]
        self._has_kinks = bool(self._l1 or kinds & {"relu", "leaky_relu"})

    def cost(self, theta: Floats) -> float:
        """J, from the theta given; the frozen masks are those of step 0."""
        self._network.theta[...] = theta
        return self._network.cost(self._X, self._y, self._nominal_m, 0, self._dropout, self._weights)[0]

    def gradient(self, theta: Floats) -> Floats:
        """(n,): what backward propagation gives."""
        self._network.theta[...] = theta
        self._network.gradient(self._X, self._y, self._nominal_m, 0, self._dropout, self._weights)
        return self._g.copy()

    def sides(self, theta: Floats) -> Bools:
        """The side of 0 of every hidden pre-activation of a ReLU kind, and of every parameter under L1."""
        if not self._has_kinks:
            return _NO_KINKS
        hidden = [active.ravel() for active in self._network.active()]
        parameters = [theta[where] > 0 for where in self._l1]
        return np.concatenate([*hidden, *parameters])


def _place(block: Block, architecture: Architecture, nominal_m: int) -> Place:
    hidden = architecture.layers
    regularizer = hidden[block.layer - 1].regularizer if block.layer <= len(hidden) else architecture.regularizer
    l2, l1 = 0.0, 0.0
    if block.role == "weight" or (block.role == "bias" and regularizer.include_bias):
        l2, l1 = _strengths(regularizer)
    return Place(layer=block.layer, role=block.role, shape=block.shape, l2=l2 / nominal_m, l1=l1 / (2 * nominal_m))


def _strengths(regularizer: Regularizer) -> tuple[float, float]:
    """λ of the L2 and of the L1 part."""
    if isinstance(regularizer, L2):
        return regularizer.lambd, 0.0
    if isinstance(regularizer, L1):
        return 0.0, regularizer.lambd
    if isinstance(regularizer, L1L2):
        return regularizer.lambd_l2, regularizer.lambd_l1
    return 0.0, 0.0


def _quantities(architecture: Architecture, m: int, with_dropout: bool) -> dict[str, float]:
    found = {"m": float(m)}
    if with_dropout:
        found["input_keep_prob"] = architecture.input_keep_prob
        found |= {f"keep_prob of layer {n}": layer.keep_prob for n, layer in enumerate(architecture.layers, start=1)}
    return found


def check_program(
    program: Program,
    X: Floats,
    y: Targets,
    *,
    after_steps: int = 10,
    with_dropout: bool = False,
    epsilon: float = 1e-7,
    one_sided: bool = False,
    samples: int | None = None,
    seed: int = 0,
    weights: Floats | None = None,
) -> list[Report]:
    """Checks a program's network at its random initialization, and again after `after_steps` training steps
    with its own optimizer (none for 0), on the rows X: (m, n_x), y: (m,), whose L `weights`: (m,) multiply.

    Raises InputError for options out of range, and where the cost is not finite or training diverges.
    """
    if after_steps < 0:
        raise InputError(f"after_steps is {after_steps}, expected 0 or more")
    _require_rows(program, X)
    reports = []
    for steps in dict.fromkeys((0, after_steps)):
        problem = problem_of(program, X, y, steps=steps, with_dropout=with_dropout, weights=weights)
        at = moment(steps)
        reports.append(check(problem, epsilon=epsilon, one_sided=one_sided, samples=samples, seed=seed, at=at))
    return reports


def moment(steps: int) -> str:
    """`initialization`, or `after N steps`."""
    return f"after {steps} step{'s' if steps > 1 else ''}" if steps else "initialization"


def problem_of(
    program: Program,
    X: Floats,
    y: Targets,
    *,
    steps: int = 0,
    with_dropout: bool = False,
    weights: Floats | None = None,
) -> NetworkProblem:
    """The program's network on the batch X, y, at the theta that `steps` steps on these rows lead to."""
    theta = _trained(program, X, y, steps, weights)
    return NetworkProblem(
        program.architecture,
        theta,
        X,
        y,
        program.batch_size,
        with_dropout=with_dropout,
        seed=program.seed,
        weights=weights,
    )


def suggested_samples(program: Program) -> int | None:
    """How many coordinates take seconds, not hours: all (None) of a small network, 1,000 of a larger one."""
    return None if program.architecture.layout().size <= 2000 else 1000


def _trained(program: Program, X: Floats, y: Targets, steps: int, weights: Floats | None) -> Floats:
    plain = replace(program, dtype="float64", epochs=None, steps=steps, early_stopping=None, parameter_average=None)
    state = State.start(plain)
    if steps:
        y = np.asarray(y).astype(target_dtype(program.architecture.output, np.dtype(np.float64)))
        try:
            for _ in fit(plain, Rows(np.asarray(X, np.float64), y, weights), None, state):
                pass
        except Diverged as diverged:
            raise InputError(
                Problem(f"{diverged}; use fewer steps before the check, or a lower rate", "optimizer.learning_rate")
            ) from None
    return state.theta


def _require_rows(program: Program, X: Floats) -> None:
    batch_norm = any(layer.batch_norm for layer in program.architecture.layers)
    least = 2 if batch_norm else 1
    if len(X) < least:
        why = ", because of batch norm" if batch_norm else ""
        raise InputError(f"{len(X)} rows to check the gradient on, expected at least {least}{why}")
