"""Regularization: L2 and L1, in logistic regression and in networks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.network import Network
from dltrain.engine.optimizers import Adam, AdamW, GradientDescent, Optimizer
from dltrain.engine.regularizers import L2, NoRegularizer, Regularizer
from dltrain.engine.state import State
from tools.lessons import drawing
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop

NEAR = 0.01
LAMBDS = ("0", "0.2", "1", "5")


def _logistic(shop: Workshop) -> Iterator[Finding]:
    plain, l2, with_b, l1 = shop.commands("lesson_regularization")
    w = {name: np.abs(ran.weights()[0].ravel()) for name, ran in (("none", plain), ("l2", l2), ("l1", l1))}
    squares = {name: float((one**2).sum()) for name, one in w.items()}
    zeros = {name: float((one < NEAR).mean()) for name, one in w.items()}
    yield Finding(
        "L2 makes the weights small",
        f"‖w‖² {squares['none']:.1f} without, {squares['l2']:.2f} with L2",
        squares["l2"] < squares["none"] / 2,
    )
    yield Finding(
        "L1 makes w sparse",
        f"|w| < {NEAR}: {zeros['l1']:.0%} of the weights with L1, {zeros['l2']:.0%} with L2, {zeros['none']:.0%} without",
        zeros["l1"] > 0.4 > zeros["l2"],
    )
    yield _bias("logistic regression", l2, with_b)
    with shop.picture("sparse", width=5.6) as axes:
        for (name, label), marker in zip((("none", "none"), ("l2", "L2"), ("l1", "L1")), drawing.MARKERS, strict=False):
            axes.plot(
                np.arange(1, 31),
                np.sort(w[name])[::-1],
                marker,
                ms=4,
                color=drawing.POINTS[drawing.MARKERS.index(marker)],
                label=f"{label}: dev error {_named(name, plain, l2, l1).error('dev'):.1%}",
            )
        axes.axhline(NEAR, color="black", linewidth=0.8, linestyle=":", label=f"{NEAR}")
        below = int((w["l1"] < 1e-5).sum())
        axes.text(8, 1.6e-5, f"L1: {below} weights lie below, at 0 but for rounding", fontsize=8)
        axes.set(yscale="log", ylim=(1e-5, None), xlabel="rank of the weight", ylabel="|w|")
        axes.legend(loc="center right")


def _bias(where: str, without: Ran, with_b: Ran) -> Finding:
    """Holds where the sign test on the dev rows on which the two disagree finds nothing at 5 %."""
    rows = without.ready.rows("dev")
    assert rows is not None
    wrong = [_decided(ran) != rows.y for ran in (without, with_b)]
    only = [int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum())]
    n, k = sum(only), min(only)
    chance = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    return Finding(
        f"whether b is regularized makes little difference in {where}",
        f"dev error {without.error('dev'):.1%} without b, {with_b.error('dev'):.1%} with; only one of the two is right on {n} of {len(rows)} rows, p = {chance:.2g}",
        chance > 0.05 and n < 0.03 * len(rows),
    )


def _named(name: str, *rans: Ran) -> Ran:
    return rans[("none", "l2", "l1").index(name)]


def _decided(ran: Ran) -> Floats:
    rows = ran.ready.rows("dev")
    assert rows is not None
    return np.asarray(rows.measured_by(ran.run.network).predicted)


def _networks(shop: Workshop) -> Iterator[Finding]:
    *found, line = shop.commands("lesson_l2_network")
    norms = [float(np.mean([np.linalg.norm(W, axis=0).mean() for W in ran.weights()[:2]])) for ran in found]
    yield Finding("a larger lambd: smaller weights", f"mean norm of a hidden unit {_list(norms)}", _falls(norms))
    straight = [_in_linear_range(ran) for ran in found]
    yield Finding(
        "small Z: tanh is used where it is nearly linear (|z| < 0.5)",
        f"{_list(straight, '.0%')} of the values",
        _falls(straight[::-1]),
    )
    same = [float((_decided(ran) == _decided(line)).mean()) for ran in found]
    yield Finding(
        "the network comes close to logistic regression",
        f"it decides alike for {_list(same, '.1%')} of dev",
        _falls(same[::-1]),
    )
    yield _bias(
        "networks", found[2], shop.train("lesson_l2_network", "regularizer.lambd=1", "regularizer.include_bias=true")
    )
    variance = [ran.gap("variance") for ran in found]
    yield Finding("less overfitting", f"variance {_list(variance, '.1%')}", variance[0] > 0.04 > max(variance[1:]))
    with shop.picture("lambd", 4, width=2.5, height=2.9) as axes:
        for one, ran, lambd, share in zip(axes, found, LAMBDS, same, strict=True):
            drawing.regions(one, ran.run, (-2, -2), (2, 2))
            w = line.run.network.theta
            prepared = line.run.preparation
            x1 = np.array([-2.0, 2.0])
            slope = w[:2] / np.array(prepared.sigma)
            x2 = -(w[2] - slope @ np.array(prepared.mu) + slope[0] * x1) / slope[1]
            one.plot(x1, x2, color="black", linestyle=(0, (4, 2)), linewidth=1.2, label="logistic regression")
            one.set(
                title=f"lambd = {lambd}\ndev error {ran.error('dev'):.1%}, alike {share:.0%}",
                xlabel="x1",
                ylabel="x2",
                ylim=(-2, 2),
            )
            one.set_aspect("equal")
        axes[0].legend(loc="lower right")


def _in_linear_range(ran: Ran) -> float:
    rows = ran.ready.rows("dev")
    assert rows is not None
    hidden = ran.run.network.activations(np.asarray(rows.X))
    return float(np.mean([np.mean(np.abs(A) < np.tanh(0.5)) for A in hidden]))


def _list(values: list[float], form: str = ".3g") -> str:
    return " → ".join(format(value, form) for value in values)


def _falls(values: list[float]) -> bool:
    return all(later < earlier for earlier, later in zip(values, values[1:], strict=False))


def _decay(shop: Workshop) -> Iterator[Finding]:
    """Five steps with L2 in the cost beside five with the weights shrunk by 1 − αλ/m before each."""
    pairs: dict[str, tuple[Optimizer, Optimizer]] = {
        "gradient descent": (GradientDescent(learning_rate=0.1), GradientDescent(learning_rate=0.1)),
        "Adam": (Adam(learning_rate=0.01), AdamW(learning_rate=0.01, weight_decay=0.1)),
    }
    apart = {name: _apart(shop, *pair, by_hand=name == "gradient descent") for name, pair in pairs.items()}
    yield Finding(
        "weight decay: w := (1 − αλ/m) w − α (from backprop)",
        f"after five steps of gradient descent θ differs by {apart['gradient descent']:.1g} of its length",
        apart["gradient descent"] < 1e-12,
    )
    yield Finding(
        "for gradient descent, that is: with Adam L2 is no weight decay",
        f"Adam with L2 and AdamW with the same decay differ by {apart['Adam']:.2g} of θ's length",
        apart["Adam"] > 1e-3,
    )


def _apart(shop: Workshop, with_l2: Optimizer, decaying: Optimizer, by_hand: bool) -> float:
    """‖θ − θ'‖/‖θ − θ0‖ of the two ways, λ/m = 0.1."""
    ready = shop.ready("digits", "training.dtype=float64", "architecture.keep_prob=1", "architecture.input_keep_prob=1")
    rows = ready.rows("train")
    assert rows is not None
    X, y = np.asarray(rows.X[:64]), rows.y[:64]
    program = ready.plan.program()
    thetas = []
    for optimizer, regularizer in ((with_l2, L2(lambd=6.4)), (decaying, NoRegularizer())):
        given = replace(program, architecture=_regularized(program.architecture, regularizer), optimizer=optimizer)
        state = State.start(given)
        g = np.zeros_like(state.theta)
        network = Network(given.architecture, state.theta, state.stats, g, given.seed)
        weights = network.layout.weights()
        first = state.theta.copy()
        for step in range(1, 6):
            network.gradient(X, y, 64, step)
            for where in weights if by_hand and regularizer.penalty(first[:1], 1) == 0 else ():
                state.theta[where] *= 1 - optimizer.learning_rate * 0.1
            optimizer.update(state.theta, g, state.slots, optimizer.learning_rate, step, weights)
        thetas.append(state.theta.copy())
    return float(np.linalg.norm(thetas[0] - thetas[1]) / np.linalg.norm(thetas[0] - first))


def _regularized(architecture: Any, regularizer: Regularizer) -> Any:
    layers = tuple(replace(layer, regularizer=regularizer) for layer in architecture.layers)
    return replace(architecture, layers=layers, regularizer=regularizer)


LESSONS = [
    Lesson(
        section="1.4",
        title="L2 and L1 in logistic regression",
        where=("engine/regularizers.py",),
        how=("dltrain train configs/lesson_regularization.yaml",),
        show=_logistic,
        pictures=(
            ("sparse", "The weights of logistic regression, by size, without a regularizer, with L2 and with L1"),
        ),
        slow=True,
    ),
    Lesson(
        section="1.4",
        title="Why L2 reduces overfitting",
        where=("engine/regularizers.py", "engine/activations.py"),
        how=("dltrain train configs/lesson_l2_network.yaml",),
        show=_networks,
        pictures=(("lambd", "The boundary of a tanh network becomes the line of logistic regression as lambd grows"),),
        slow=True,
    ),
    Lesson(
        section="1.4",
        title="Weight decay",
        where=("engine/regularizers.py", "engine/optimizers.py"),
        how=("dltrain explain optimizer.weight_decay", "make lessons"),
        show=_decay,
    ),
]
