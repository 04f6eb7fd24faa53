"""The whole grid: every activation, output and regularizer, with and without batch norm, on a few random rows; and
every output with weights of examples, with and without batch norm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

import numpy as np

from dltrain.engine.architecture import Activation, Architecture, BatchNorm, Layer, Output, Program
from dltrain.engine.arrays import Floats, Targets
from dltrain.engine.initializers import Glorot, automatic
from dltrain.engine.optimizers import Adam
from dltrain.engine.regularizers import L1, L1L2, L2, NoRegularizer, Regularizer
from dltrain.engine.schedules import Constant
from dltrain.engine.streams import Purpose, generator
from dltrain.gradcheck.problems import NetworkProblem, check_program, moment, problem_of
from dltrain.gradcheck.result import Report

ROWS, N_X, N_Y = 7, 3, 3
NOMINAL_M = 8
"""Not ROWS, so that the m of λ/m and that of the mean loss cannot stand in for each other unseen."""
ROWS_PLACE = 8
"""Rows on which no block of the grid has a gradient so small (below 4e-4) that round-off hides its digits."""
AFTER_STEPS = 10
DEPTHS: tuple[tuple[int, ...], ...] = ((4, 3), (4,), (3, 4, 3), (3,))
"""Units of the hidden layers, taken in turn, so that deep networks and one hidden layer meet every setting."""
WEIGHTS = (2.0, 0.25, 1.0, 0.0, 1.5, 0.75, 1.5)
"""Of the ROWS, mean 1; one row is left out."""


@dataclass(frozen=True, slots=True)
class Case:
    """One network of the grid and its rows."""

    name: str
    program: Program
    X: Floats
    y: Targets
    weights: Floats | None = None


def regularizers() -> dict[str, Regularizer]:
    """Every kind, over the weights alone and over b too."""
    found: dict[str, Regularizer] = {"none": NoRegularizer()}
    for include_bias in (False, True):
        end = " with bias" if include_bias else ""
        found[f"l2{end}"] = L2(lambd=0.7, include_bias=include_bias)
        found[f"l1{end}"] = L1(lambd=0.3, include_bias=include_bias)
        found[f"l1_l2{end}"] = L1L2(lambd_l1=0.3, lambd_l2=0.7, include_bias=include_bias)
    return found


def default_cases(with_dropout: bool = False) -> Iterator[Case]:
    """Every activation x output x regularizer x batch norm on or off, each output x regularizer without a hidden
    layer (logistic, softmax and linear regression), and a few with weights."""
    settings = product(get_args(Activation), (False, True), get_args(Output), regularizers().items())
    for n, (activation, batch_norm, output, (kind, regularizer)) in enumerate(settings):
        # 7 regularizers and 4 depths have no common divisor: each depth meets each regularizer
        layers = _layers(DEPTHS[n % len(DEPTHS)], activation, batch_norm, regularizer, with_dropout)
        sizes = "-".join(str(layer.units) for layer in layers)
        name = f"{activation} {sizes}{', batch norm' if batch_norm else ''}, {output}, {kind}"
        yield _case(name, layers, output, regularizer, with_dropout)
    for output, (kind, regularizer) in product(get_args(Output), regularizers().items()):
        yield _case(f"no hidden layer, {output}, {kind}", (), output, regularizer, with_dropout)
    yield from _weighted_cases(with_dropout)


def _weighted_cases(with_dropout: bool) -> Iterator[Case]:
    """Each output with weights of examples, without a hidden layer and with two, batch norm on or off."""
    l2 = L2(lambd=0.7)
    for output, (units, batch_norm) in product(get_args(Output), (((), False), ((4, 3), False), ((4, 3), True))):
        layers = _layers(units, "tanh", batch_norm, l2, with_dropout)
        sizes = (
            f"tanh {'-'.join(map(str, units))}{', batch norm' if batch_norm else ''}" if units else "no hidden layer"
        )
        case = _case(f"{sizes}, {output}, l2, weights", layers, output, l2, with_dropout)
        yield replace(case, weights=np.array(WEIGHTS))


def _layers(
    units: tuple[int, ...], activation: Activation, batch_norm: bool, regularizer: Regularizer, with_dropout: bool
) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            units=n,
            activation=activation,
            keep_prob=0.8 if with_dropout else 1.0,
            batch_norm=BatchNorm() if batch_norm else None,
            initializer=automatic(activation),
            regularizer=regularizer,
        )
        for n in units
    )


def _case(name: str, layers: tuple[Layer, ...], output: Output, regularizer: Regularizer, with_dropout: bool) -> Case:
    architecture = Architecture(
        n_x=N_X,
        layers=layers,
        output=output,
        n_y=N_Y if output == "softmax" else 1,
        input_keep_prob=0.9 if with_dropout else 1.0,
        initializer=Glorot(),
        regularizer=regularizer,
    )
    program = Program(
        architecture=architecture,
        optimizer=Adam(learning_rate=0.01),
        schedule=Constant(),
        batch_size=NOMINAL_M,
        steps=AFTER_STEPS,
        dtype="float64",
    )
    return Case(name, program, *_rows(output))


def _rows(output: Output) -> tuple[Floats, Targets]:
    """X: (m, n_x) standard normal; y: (m,), every class present."""
    draws = generator(0, Purpose.GRADCHECK, ROWS_PLACE)
    X = draws.standard_normal((ROWS, N_X))
    if output == "linear":
        return X, draws.standard_normal(ROWS)
    return X, np.arange(ROWS, dtype=np.int64) % (N_Y if output == "softmax" else 2)


def default_problems(
    *, after_steps: int = AFTER_STEPS, with_dropout: bool = False
) -> Iterator[tuple[str, NetworkProblem]]:
    """The grid as problems, each at initialization and after some steps: (name, problem)."""
    for case in default_cases(with_dropout):
        for steps in dict.fromkeys((0, after_steps)):
            yield (
                f"{case.name}, {moment(steps)}",
                problem_of(case.program, case.X, case.y, steps=steps, with_dropout=with_dropout, weights=case.weights),
            )


def check_all(
    *,
    after_steps: int = AFTER_STEPS,
    with_dropout: bool = False,
    epsilon: float = 1e-7,
    one_sided: bool = False,
    samples: int | None = None,
    seed: int = 0,
) -> Iterator[tuple[str, Report]]:
    """Checks the whole grid; yields (name, report) as each is done, for progress. `count()` says how many."""
    for case in default_cases(with_dropout):
        reports = check_program(
            case.program,
            case.X,
            case.y,
            after_steps=after_steps,
            with_dropout=with_dropout,
            epsilon=epsilon,
            one_sided=one_sided,
            samples=samples,
            seed=seed,
            weights=case.weights,
        )
        for report in reports:
            yield case.name, report


def count(after_steps: int = AFTER_STEPS) -> int:
    """How many reports `check_all` yields."""
    return sum(1 for _ in default_cases()) * (2 if after_steps else 1)
