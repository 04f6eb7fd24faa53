"""The gradient check of one problem at one theta (section 1.9 of the notes)."""

from __future__ import annotations

import math

import numpy as np

from dltrain.engine.arrays import Floats, Ints
from dltrain.errors import InputError
from dltrain.gradcheck.compare import EPSILONS, Comparison, compare
from dltrain.gradcheck.culprit import find_culprit
from dltrain.gradcheck.numeric import approximate, choose
from dltrain.gradcheck.problem import Problem
from dltrain.gradcheck.result import BlockResult, Report


def check(
    problem: Problem,
    *,
    epsilon: float = 1e-7,
    one_sided: bool = False,
    samples: int | None = None,
    seed: int = 0,
    at: str = "initialization",
) -> Report:
    """Compares the problem's gradient with numeric ones, block by block.

    A block whose difference round-off explains at ε is measured again over ε from 1e-4 to 1e-7, and its best
    counts. `samples` limits the coordinates, drawn by `seed`; every block keeps at least one. Raises InputError
    for options out of range, and for a cost that is not finite or not the same twice.
    """
    _require_options(epsilon, samples)
    theta = np.array(problem.theta, np.float64)
    J = _settled_cost(problem, theta)
    gradient = np.array(problem.gradient(theta.copy()), np.float64)
    coordinates = choose(problem.blocks, samples, seed)
    blocks = _measure(problem, gradient, J, coordinates, epsilon, one_sided)
    faulty = [block.name for block in blocks if block.band == "not good"]
    culprit = find_culprit(problem, gradient, faulty, coordinates) if faulty else None
    return Report(at, epsilon, one_sided, J, blocks, samples, culprit)


def _measure(
    problem: Problem, gradient: Floats, J: float, coordinates: Ints, epsilon: float, one_sided: bool
) -> tuple[BlockResult, ...]:
    wheres = dict(problem.blocks)
    found: dict[str, list[Comparison]] = {name: [] for name in wheres}

    def measure(names: list[str], at: float) -> None:
        among = np.concatenate([_within(coordinates, wheres[name]) for name in names])
        approximation = approximate(problem, among, at, one_sided)
        for name in names:
            found[name].append(compare(approximation.within(wheres[name]), gradient, J))

    measure(list(wheres), epsilon)
    hidden = [name for name, (first,) in found.items() if first.at_round_off]
    for wider in EPSILONS:
        if hidden and wider != epsilon:
            measure(hidden, wider)
    return tuple(
        BlockResult(name, where.stop - where.start, tuple(found[name]), one_sided) for name, where in wheres.items()
    )


def _within(coordinates: Ints, where: slice) -> Ints:
    first, last = np.searchsorted(coordinates, (where.start, where.stop))
    return coordinates[first:last]


def _settled_cost(problem: Problem, theta: Floats) -> float:
    J, again = float(problem.cost(theta.copy())), float(problem.cost(theta.copy()))
    if not math.isfinite(J):
        raise InputError(f"the cost at theta is {J}; a gradient can only be checked where the cost is finite")
    if J != again:
        raise InputError(
            f"the cost came out as {J!r} and then as {again!r} at the same theta; "
            "switch dropout off, or freeze its masks, for the check"
        )
    return J


def _require_options(epsilon: float, samples: int | None) -> None:
    wrong = []
    if not 0 < epsilon <= 0.1:
        wrong.append(f"epsilon is {epsilon:g}, expected a number above 0 and up to 0.1; 1e-7 is usual")
    if samples is not None and samples < 1:
        wrong.append(f"samples is {samples}, expected at least 1; leave it out to check every parameter")
    if wrong:
        raise InputError(*wrong)
