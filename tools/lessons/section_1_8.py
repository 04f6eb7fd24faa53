"""Vanishing and exploding gradients, and how weights start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.health import by_layer
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

NAMES = ("he", "xavier", "glorot", "random 0.01", "random 1", "zeros")


def _show(shop: Workshop) -> Iterator[Finding]:
    asked = shop.asked("lesson_initializers")
    norms = {name: _norms(shop, *words) for name, words in zip(NAMES, asked, strict=True)}
    signal = {name: A[-1] / A[0] for name, (A, _) in norms.items() if A[0]}
    yield Finding(
        "with variance 2/n (He) ReLU layers keep the size of what passes through",
        f"‖a‖ of layer 20 is {signal['he']:.2g} of layer 1's; ‖dW‖ of layer 1 {norms['he'][1][0] / norms['he'][1][-2]:.2g} of layer 20's",
        0.1 < signal["he"] < 10 and 0.1 < norms["he"][1][0] / norms["he"][1][-2] < 10,
    )
    yield Finding(
        "with half the variance (Xavier: for tanh) they fade",
        f"‖a‖ of layer 20 is {signal['xavier']:.1g} of layer 1's (√½ a layer would be {0.5**9.5:.1g})",
        signal["xavier"] < 0.01,
    )
    small, large = norms["random 0.01"], norms["random 1"]
    yield Finding(
        "weights a little too small: signals and gradients vanish",
        f"sd 0.01: ‖a‖ of layer 20 {small[0][-1]:.0e}, ‖dW‖ of layer 1 {small[1][0]:.0e}",
        small[0][-1] < 1e-10 and small[1][0] < 1e-10,
    )
    yield Finding(
        "a little too large: they explode",
        f"sd 1: ‖a‖ of layer 20 {large[0][-1]:.0e}, ‖dW‖ of layer 1 {large[1][0]:.0e}",
        large[0][-1] > 1e10 and large[1][0] > 1e10,
    )
    yield from _told(shop, asked)
    yield from _tuned(shop)
    with shop.picture("initializers", 2, width=4.2, height=3.4) as (left, right):
        for n, (name, (A, g)) in enumerate(norms.items()):
            if name != "zeros":
                left.plot(range(1, 21), A, label=name, **LINES[n])
                right.plot(range(1, 22), g, label=name, **LINES[n])
        left.set(
            yscale="log",
            xlabel="layer",
            ylabel="‖a‖, root mean square over examples",
            title="activations",
            xticks=range(0, 21, 5),
        )
        right.set(
            yscale="log",
            xlabel="layer (21 is the output)",
            ylabel="‖dW, db‖",
            title="gradients",
            xticks=range(0, 21, 5),
        )
        left.legend()


def _norms(shop: Workshop, *words: str) -> tuple[Floats, Floats]:
    """Before the first step: √(mean ‖a‖²) of the hidden layers, and ‖dW, db‖ of all. In double precision: single
    underflows."""
    ready = shop.ready("lesson_initializers", *words, "training.dtype=float64")
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    state = State.start(program)
    g = np.zeros_like(state.theta)
    network = Network(program.architecture, state.theta, state.stats, g)
    X, y = np.asarray(rows.X), rows.y
    network.gradient(X, y, len(rows))
    A = network.activations(X)
    return np.array([np.sqrt((a**2).sum(axis=1).mean()) for a in A]), by_layer(network.layout, g)


def _told(shop: Workshop, asked: list[list[str]]) -> Iterator[Finding]:
    """The warnings in words, and what training came to."""
    errors, warned = {}, {}
    for name, words in zip(NAMES, asked, strict=True):
        if name == "random 1":
            _, _, err = shop.told(
                "train", "configs/lesson_initializers.yaml", *words, "-q", "--runs-dir", str(shop.folder / "runs")
            )
            warned[name] = err.strip().splitlines()[-1] if err.strip() else ""
            continue
        record = shop.train("lesson_initializers", *words)
        errors[name] = record.error("train")
        warned[name] = ", ".join(dict.fromkeys(found["id"] for found in record.record["health"]))
    said = ", ".join(f"{name} {error:.0%}" for name, error in errors.items())
    yield Finding(
        "so that it learns, or does not: training error after 30 epochs",
        said,
        errors["he"] < 0.1 and min(errors["random 0.01"], errors["zeros"]) > 0.5,
    )
    yield Finding(
        "a warning in words",
        f"sd 0.01: {warned['random 0.01']}; zeros: {warned['zeros']}; sd 1: {warned['random 1'][:110]}",
        "vanishing-gradients" in warned["random 0.01"]
        and "symmetric-units" in warned["zeros"]
        and "diverged" in warned["random 1"],
    )


def _tuned(shop: Workshop) -> Iterator[Finding]:
    """The loss after 20 epochs of digits in a network of two layers, over a factor of 16 of each."""
    base = ("architecture.layers=[64,64]", "optimizer.learning_rate=0.03", "training.epochs=20")
    spread = {}
    for name, words in (
        ("variance", [f"architecture.initializer.scale={scale}" for scale in (0.5, 1, 2, 4, 8)]),
        ("α", [f"optimizer.learning_rate={rate}" for rate in (0.0075, 0.015, 0.03, 0.06, 0.12)]),
    ):
        losses = [shop.train("lesson_initializers", *base, word).metrics[-1]["dev"]["loss"] for word in words]
        spread[name] = max(losses) / min(losses)
    yield Finding(
        "the variance can be tuned too, to little effect beside α",
        f"over a factor of 16 the dev loss changes {spread['variance']:.2f}-fold with the variance, {spread['α']:.2f}-fold with α (2 layers, 20 epochs)",
        spread["variance"] < spread["α"],
    )


LESSONS = [
    Lesson(
        section="1.8",
        title="Vanishing and exploding gradients",
        where=("engine/initializers.py", "engine/beginning.py", "diagnosis/health/layers.py"),
        how=("dltrain train configs/lesson_initializers.yaml", "dltrain explain vanishing-gradients"),
        show=_show,
        pictures=(
            ("initializers", "Norms of activations and gradients by layer, before the first step, of each initializer"),
        ),
        slow=True,
    ),
]
