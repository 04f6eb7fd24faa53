"""Batch normalization."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.fit import Epoch, fit
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

NAME = "lesson_batch_norm"
OFF = "architecture.batch_norm=false"
RATES = {"gradient_descent": 0.1, "momentum": 0.1, "nesterov": 0.1, "rmsprop": 0.001, "adam": 0.003, "adamw": 0.003}
SIZES = (8, 16, 32, 64, 128, 256)
SEEDS = range(1, 6)


def _show(shop: Workshop) -> Iterator[Finding]:
    yield from _formulas(shop)
    normed, plain = shop.commands(NAME)
    losses = {"with": normed.column("train", "loss"), "without": plain.column("train", "loss")}
    yield Finding(
        "it makes training faster",
        f"training loss after 5 and 20 epochs: {losses['with'][4]:.3f} and {losses['with'][-1]:.4f} with, {losses['without'][4]:.3f} and {losses['without'][-1]:.4f} without",
        losses["with"][4] < losses["without"][4] and losses["with"][-1] < losses["without"][-1],
    )
    errors = {}
    for kind, rate in RATES.items():
        words = [f"optimizer.kind={kind}", f"optimizer.learning_rate={rate}"]
        errors[kind] = shop.train(NAME, *words).error("dev")
    said = ", ".join(f"{kind.replace('_', ' ')} {error:.1%}" for kind, error in errors.items())
    yield Finding("it works with every optimizer", f"dev error: {said}", max(errors.values()) < 0.1)
    found = normed.ready.rows("dev")
    assert found is not None
    network = normed.run.network
    X = np.asarray(found.X)
    alone = np.vstack([network.predict(X[i : i + 1]) for i in range(50)])
    off = float(np.abs(alone - network.predict(X)[:50]).max())
    yield Finding(
        "at test time exponentially weighted averages stand in for μ and σ²: a single example will do",
        f"50 examples one at a time get the probabilities that they get among 719, to {off:.0e}",
        off < 1e-5,
    )
    shifts = {"with": _shifts(shop), "without": _shifts(shop, OFF)}
    mean = {name: float(np.mean(one[-10:])) for name, one in shifts.items()}
    early = {name: float(np.mean(one[:10])) for name, one in shifts.items()}
    yield Finding(
        "less covariate shift: later layers' inputs move less while training goes on",
        f"the means of what layer 10 gets move by {early['with']:.2f} of their standard deviation an epoch with, {early['without']:.2f} without (first 10 epochs); {mean['with']:.2f} and {mean['without']:.2f} (last 10)",
        early["with"] < early["without"],
    )
    noise = _noise(shop)
    slope = float(np.polyfit(np.log(SIZES), np.log(noise), 1)[0])
    yield Finding(
        "each mini-batch's own μ and σ² add noise, less of it the larger the batch",
        f"an example's last hidden layer varies from batch to batch by {noise[0]:.2f} at 8, {noise[3]:.2f} at 64, {noise[-1]:.3f} at 256 a batch: as size^{slope:.2f} (one over the root is −0.5)",
        abs(slope + 0.5) < 0.15,
    )
    yield _regularizes(shop)
    with shop.picture("batch_norm", 3, width=2.9, height=2.8) as (left, middle, right):
        for name, line in (("with", LINES[0]), ("without", LINES[1])):
            left.plot(range(1, 21), losses[name], label=f"{name} batch norm", **line)
            middle.plot(range(2, 21), shifts[name], label=name, **line)
        left.set(xlabel="epoch", ylabel="mean L of the training set", yscale="log", xticks=range(0, 21, 5))
        middle.set(xlabel="epoch", ylabel="shift of the inputs of layer 10, sd", ylim=(0, None), xticks=range(0, 21, 5))
        right.plot(SIZES, noise, marker="o", ms=3, label="measured", **LINES[0])
        right.plot(SIZES, noise[0] * np.sqrt(8 / np.array(SIZES)), label="1/√size", **LINES[2])
        right.set(
            xscale="log",
            yscale="log",
            xlabel="examples a batch",
            ylabel="noise of an activation (sd)",
            xticks=SIZES,
            xticklabels=SIZES,
            yticks=(0.05, 0.1, 0.2),
            yticklabels=("0.05", "0.1", "0.2"),
        )
        right.minorticks_off()
        for axes in (left, middle, right):
            axes.legend()


def _formulas(shop: Workshop) -> Iterator[Finding]:
    """On one layer, in training mode, in double precision."""
    ready = shop.ready(NAME, "architecture.layers=[{units: 12, activation: linear}]", "training.dtype=float64")
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    state = State.start(program)
    network = Network(program.architecture, state.theta, state.stats, np.zeros_like(state.theta))
    X = np.asarray(rows.X[:64])
    views = network.layout.views(state.theta)
    Z = X @ views["W1"]
    ws = network.workspace(64)
    ws.X[...] = X
    network.yhat_of(ws, 1, dropout=False)
    normed = ws.A[1][:, :-1].copy()
    yield Finding(
        "z_norm = (z − μ)/√(σ² + ε) has mean 0 and variance 1 in the mini-batch",
        f"means up to {np.abs(normed.mean(axis=0)).max():.0e}, variances {normed.var(axis=0).min():.5f} to {normed.var(axis=0).max():.5f}",
        bool(np.abs(normed.mean(axis=0)).max() < 1e-12 and np.abs(normed.var(axis=0) - 1).max() < 1e-3),
    )
    views["gamma1"][...] = np.sqrt(Z.var(axis=0) + 1e-5)
    views["beta1"][...] = Z.mean(axis=0)
    ws.X[...] = X
    network.yhat_of(ws, 1, dropout=False)
    off = float(np.abs(ws.A[1][:, :-1] - Z).max())
    yield Finding("with γ = √(σ² + ε) and β = μ, z̃ = z", f"they differ by {off:.0e}", off < 1e-12)
    names = [block.name for block in network.layout.blocks]
    yield Finding("b is left out", f"the parameters are {', '.join(names)}", "b1" not in names and "gamma1" in names)


def _shifts(shop: Workshop, *words: str) -> Floats:
    """By how much the mean of each input of layer 10 moves from one epoch to the next, in its standard deviations; the
    mean over the inputs, for each epoch from the second."""
    ready = shop.ready(NAME, *words)
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    state, seen = State.start(program), []
    for event in fit(program, rows, None, state):
        if isinstance(event, Epoch):
            A = Network(program.architecture, state.theta, state.stats).activations(np.asarray(rows.X))[8]
            seen.append((A.mean(axis=0), A.std(axis=0)))
    return np.array([np.mean(np.abs(b[0] - a[0]) / (a[1] + 1e-6)) for a, b in zip(seen, seen[1:], strict=False)])


def _noise(shop: Workshop) -> list[float]:
    """The standard deviation of one example's last hidden activations over 200 random batches that it is in, of each size,
    after training."""
    traced = shop.trace(NAME, "training.epochs=10")
    rows, network = traced.rows("train"), traced.network
    X = np.asarray(rows.X)
    rng = np.random.Generator(np.random.Philox(8))
    found = []
    for size in SIZES:
        seen = []
        for _ in range(200):
            ws = network.workspace(size)
            ws.X[0] = X[0]
            ws.X[1:] = X[rng.integers(1, len(X), size - 1)]
            network.yhat_of(ws, 1, dropout=False)
            seen.append(ws.A[1][0, :-1].copy())
        found.append(float(np.std(seen, axis=0).mean()))
    return found


def _regularizes(shop: Workshop) -> Finding:
    """200 digits, batches of 16, two layers of 64: dev error with and without, a pair a seed."""
    few = [
        "architecture.layers=[64,64]",
        "split.train=200",
        "split.dev=rest",
        "training.epochs=60",
        "training.batch_size=16",
        "optimizer.kind=adam",
        "optimizer.learning_rate=0.003",
    ]
    on, off = (
        np.array([shop.train(NAME, *few, *more, f"seed={seed}").error("dev") for seed in SEEDS])
        for more in ((), (OFF,))
    )
    gain = 100 * (off - on)
    half = 2.776 * float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return Finding(
        "it has a slight regularizing effect",
        f"200 digits, 16 a batch: dev error {off.mean():.1%} without, {on.mean():.1%} with: {gain.mean():.1f} ± {half:.1f} points lower, over {len(gain)} seeds",
        float(gain.mean()) > half,
    )


LESSONS = [
    Lesson(
        section="3.4",
        title="Batch normalization",
        where=("engine/network.py", "engine/architecture.py"),
        how=("dltrain train configs/lesson_batch_norm.yaml",),
        show=_show,
        pictures=(
            (
                "batch_norm",
                "Training with and without batch norm, the shift of a layer's inputs, and the noise by batch size",
            ),
        ),
        differs=("it has a slight regularizing effect",),
        slow=True,
    ),
]
