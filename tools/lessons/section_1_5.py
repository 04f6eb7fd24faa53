"""Dropout."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from dltrain.engine.architecture import Architecture, Layer
from dltrain.engine.arrays import Floats
from dltrain.engine.initializers import He
from dltrain.engine.network import Network
from dltrain.engine.regularizers import NoRegularizer
from dltrain.engine.streams import Masks, keep_words
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop

SEEDS = range(1, 6)


def _facts(shop: Workshop) -> Iterator[Finding]:
    yield _masks()
    yield from _expected()
    yield _squared_loss()


def _masks() -> Finding:
    """Masks of 400 examples and 50 units, at two steps and two layers."""
    masks, kept = Masks(seed=1), {}
    for step, layer in itertools.product((1, 2), (1, 2)):
        out = np.empty((400, 50), np.bool_)
        masks.draw(keep_words(0.8), step, layer, out)
        kept[step, layer] = out
    again = np.empty((400, 50), np.bool_)
    masks.draw(keep_words(0.8), 1, 1, again)
    share = float(np.mean(list(kept.values())))
    alike = max(float((a == b).mean()) for a, b in itertools.combinations(kept.values(), 2))
    own = len({row.tobytes() for row in kept[1, 1]})
    yield_ = f"{share:.3f} of the units kept at keep_prob 0.8; {own} different masks for 400 examples; two steps or layers agree in {alike:.2f} of the places (0.68 by chance)"
    return Finding(
        "a unit is kept with keep_prob, drawn for each example, layer and step",
        yield_,
        abs(share - 0.8) < 0.005 and own == 400 and abs(alike - 0.68) < 0.02 and bool((again == kept[1, 1]).all()),
    )


def _network(keep_prob: float, units: tuple[int, ...], output: str = "linear") -> Network:
    layers = tuple(
        Layer(
            units=n,
            activation="linear",
            keep_prob=keep_prob,
            batch_norm=None,
            initializer=He(),
            regularizer=NoRegularizer(),
        )
        for n in units
    )
    architecture = Architecture(
        n_x=6,
        layers=layers,
        output=output,
        n_y=1,
        input_keep_prob=keep_prob if not units else 1.0,
        initializer=He(),
        regularizer=NoRegularizer(),
    )  # type: ignore[arg-type]
    rng = np.random.Generator(np.random.Philox(5))
    theta = rng.normal(size=architecture.layout().size)
    return Network(architecture, theta, np.zeros(0), np.zeros_like(theta), seed=1)


def _expected() -> Iterator[Finding]:
    network = _network(0.8, (20,))
    X = np.random.Generator(np.random.Philox(6)).normal(size=(4, 6))
    clean = network.predict(X).ravel()
    ws = network.workspace(4)
    draws = []
    for step in range(1, 4001):
        ws.X[...] = X
        draws.append(network.yhat_of(ws, step, dropout=True).ravel().copy())
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / np.sqrt(len(draws))
    off = float(np.max(np.abs(mean - clean) / error))
    yield Finding(
        "a /= keep_prob keeps the expected value",
        f"over 4,000 steps the mean output is off by {off:.1f} standard errors at most (4 examples)",
        off < 4,
    )
    same = bool((network.predict(X) == network.predict(X)).all())
    plain = Network(_network(1.0, (20,)).architecture, network.theta, network.stats)
    yield Finding(
        "no dropout at test time",
        "predictions are the same twice, and those of the network without dropout",
        same and bool((plain.predict(X) == network.predict(X)).all()),
    )


def _squared_loss() -> Finding:
    """The mean over all 2⁶ masks of a linear unit's inputs, by the engine's own cost, beside the formula."""
    keep = 0.5
    network = _network(keep, ())
    rng = np.random.Generator(np.random.Philox(7))
    X, y = rng.normal(size=(1, 6)), rng.normal(size=1)
    w, b = network.theta[:6], network.theta[6]
    every = [
        0.5 * float((X[0] * np.array(mask) / keep) @ w + b - y[0]) ** 2 for mask in itertools.product((0, 1), repeat=6)
    ]
    exact = float(np.mean(every))
    formula = 0.5 * float(X[0] @ w + b - y[0]) ** 2 + 0.5 * (1 - keep) / keep * float((w**2 * X[0] ** 2).sum())
    steps = [network.cost(X, y, 1, step)[0] for step in range(1, 4001)]
    error = float(np.std(steps) / np.sqrt(len(steps)))
    return Finding(
        "E[loss] of a linear unit is its loss + ((1 − k)/k) Σ w²x² (of the squared loss): an adaptive L2",
        f"over all masks {exact:.6f}, the formula {formula:.6f}; the engine over 4,000 steps {np.mean(steps):.3f} ± {error:.3f}",
        abs(exact - formula) < 1e-12 and abs(float(np.mean(steps)) - formula) < 4 * error,
    )


def _training(shop: Workshop) -> Iterator[Finding]:
    dropped, plain = shop.commands("lesson_dropout")
    rises = {name: _rises(ran.column("cost")) for name, ran in (("with", dropped), ("without", plain))}
    loss = _rises(dropped.column("train", "loss"))
    yield Finding(
        "J is not well defined with dropout: it does not fall with every step of batch gradient descent",
        f"J rose in {rises['with']} of {len(dropped.metrics) - 1} epochs with dropout, in {rises['without']} without it; the loss measured without dropout rose in {loss}",
        rises["with"] > 3 * max(1, rises["without"]) and loss < rises["with"],
    )
    yield Finding(
        "both are logged: J with dropout as cost, the loss without it",
        f"at the end cost {dropped.column('cost')[-1]:.3f}, loss {dropped.column('train', 'loss')[-1]:.4f}",
        dropped.column("cost")[-1] > dropped.column("train", "loss")[-1],
    )
    waves = _both(shop, "lesson_dropout", ["architecture.keep_prob=0.8"], ["architecture.keep_prob=1"])
    few = ["split.train=200", "split.dev=rest", "split.test=0", "architecture.input_keep_prob=1", "training.epochs=40"]
    digits = _both(shop, "digits", [*few, "architecture.keep_prob=0.7"], [*few, "architecture.keep_prob=1"])
    yield _gain("it reduces overfitting (wave)", waves)
    yield _gain("it reduces overfitting (200 digits)", digits)
    squares = {name: [_squares(found) for found in pair] for name, pair in (("wave", waves), ("digits", digits))}
    for name, claim in (
        ("wave", "it tends to shrink the squared norm of the weights (wave)"),
        ("digits", "it tends to shrink the squared norm of the weights (200 digits)"),
    ):
        on, off = squares[name]
        ratio = on / off
        half = _half(ratio)
        came = f"‖W‖² with dropout is {ratio.mean():.3f} ± {half:.3f} times that without, over {len(ratio)} seeds ({on.mean():.0f} against {off.mean():.0f})"
        yield Finding(claim, came, float(ratio.mean()) + half < 1)
    with shop.picture("dropout", 2) as (left, right):
        epochs = range(1, len(dropped.metrics) + 1)
        left.plot(
            epochs, dropped.column("cost"), label="J with dropout", **{**LINES[1], "linestyle": "-", "linewidth": 0.7}
        )
        left.plot(epochs, dropped.column("train", "loss"), label="loss without it, same network", **LINES[0])
        left.plot(epochs, plain.column("cost"), label="J of a network without dropout", **LINES[2])
        left.set(xlabel="epoch", ylabel="J, mean L", ylim=(0, 0.7), title="J wavers while dropout is on")
        left.legend()
        for place, (on, off) in enumerate(squares.values()):
            for x, values, marker in ((2 * place, off, "o"), (2 * place + 0.8, on, "^")):
                right.plot(
                    np.full(len(values), x),
                    values,
                    marker,
                    color="#2563a8",
                    label=None if place else ("without" if marker == "o" else "with dropout"),
                )
                right.plot(
                    [x - 0.2, x + 0.2],
                    [values.mean()] * 2,
                    color="black",
                    label="mean of the seeds" if x == 0 else None,
                )
        top = 1.1 * max(float(values.max()) for pair in squares.values() for values in pair)
        right.set(
            xticks=[0.4, 2.4],
            xticklabels=list(squares),
            ylim=(0, top),
            ylabel="Σ‖W‖²",
            title="squared norm of the weights",
        )
        right.legend()


def _both(shop: Workshop, name: str, on: list[str], off: list[str]) -> tuple[list[Ran], list[Ran]]:
    """Trainings with and without dropout, a pair a seed."""
    pair = [[shop.train(name, *words, f"seed={seed}") for seed in SEEDS] for words in (on, off)]
    return pair[0], pair[1]


def _gain(claim: str, pair: tuple[list[Ran], list[Ran]]) -> Finding:
    on, off = (np.array([ran.error("dev") for ran in found]) for found in pair)
    gain = 100 * (off - on)
    came = f"dev error {off.mean():.1%} without, {on.mean():.1%} with: {gain.mean():.1f} ± {_half(gain):.1f} points lower, over {len(gain)} seeds"
    return Finding(claim, came, float(gain.mean()) > _half(gain))


def _squares(found: list[Ran]) -> Floats:
    return np.array([sum(float((W**2).sum()) for W in ran.weights()) for ran in found])


def _rises(values: list[float]) -> int:
    return sum(later > earlier for earlier, later in zip(values, values[1:], strict=False))


def _half(values: Floats) -> float:
    """Half the width of the 95 % interval of the mean, by Student's t."""
    quantile = {5: 2.776, 6: 2.571}[len(values)]
    return quantile * float(values.std(ddof=1)) / math.sqrt(len(values))


LESSONS = [
    Lesson(
        section="1.5",
        title="What dropout is",
        where=("engine/streams.py", "engine/network.py"),
        how=("dltrain explain architecture.keep_prob", "make lessons"),
        show=_facts,
    ),
    Lesson(
        section="1.5",
        title="What dropout does",
        where=("engine/network.py", "modes.py"),
        how=("dltrain train configs/lesson_dropout.yaml", "dltrain train configs/digits.yaml"),
        show=_training,
        pictures=(
            (
                "dropout",
                "J with dropout beside the loss without it, and the squared norm of the weights over five seeds",
            ),
        ),
        differs=("it reduces overfitting (200 digits)",),
        slow=True,
    ),
]
