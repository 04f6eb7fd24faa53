"""Softmax regression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltrain.engine import losses
from tools.lessons import drawing
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import ROOT, Workshop

EXAMPLE = ([5.0, 2.0, -1.0, 3.0], [0.842, 0.042, 0.002, 0.114])


def _show(shop: Workshop) -> Iterator[Finding]:
    Z = np.array(EXAMPLE[0])[:, None]
    yhat = Z.copy()
    losses.activate("softmax", yhat)
    said = ", ".join(f"{value:.3f}" for value in yhat[:, 0])
    yield Finding(
        "z = (5, 2, −1, 3): a = 0.842, 0.042, 0.002, 0.114", said, bool(np.allclose(yhat[:, 0], EXAMPLE[1], atol=5e-4))
    )
    yield Finding(
        "hardmax is 1 for the biggest",
        f"decided for class {int(losses.decide('softmax', Z)[0]) + 1}",
        int(losses.decide("softmax", Z)[0]) == 0,
    )
    loss = float(losses.losses("softmax", Z.copy(), np.array([1]))[0])
    yield Finding(
        "L = −Σ y log ŷ",
        f"of class 2: {loss:.4f}; −log 0.042 = {-np.log(yhat[1, 0]):.4f}",
        abs(loss + float(np.log(yhat[1, 0]))) < 1e-12,
    )
    yield _backward()
    yield _two_classes(shop)
    straight, bent = shop.commands("lesson_softmax")
    yield Finding(
        "softmax regression separates C classes by straight lines",
        f"C = 6: dev error {straight.error('dev'):.1%} (Bayes error 13.3%); with two hidden layers {bent.error('dev'):.1%}",
        straight.error("dev") < 0.133 + 0.05,
    )
    three = shop.folder / "three.csv"
    lines = (ROOT / "configs/ring.csv").read_text(encoding="utf-8").splitlines()
    three.write_text("\n".join([lines[0], *(line for line in lines[1:] if line[-1] in "ace")]) + "\n")
    few = shop.train("lesson_softmax", f"data.source={three}")
    with shop.picture("softmax", 3, width=2.7, height=3.0) as axes:
        titles = ("softmax regression, C = 3", "softmax regression, C = 6", "two hidden layers, C = 6")
        for one, ran, title in zip(axes, (few, straight, bent), titles, strict=True):
            drawing.regions(one, ran.run, (-3, -3), (3, 3))
            train, preparation = ran.ready.data.parts["train"], ran.run.preparation
            X = np.asarray(train.X) * np.array(preparation.sigma) + np.array(preparation.mu)
            drawing.points(one, X, train.y, preparation.classes, 11)
            one.set(title=f"{title}\ndev error {ran.error('dev'):.1%}", xlabel="x1", ylabel="x2")
            one.set_aspect("equal")
        axes[1].legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=6, frameon=False, handletextpad=0.1, columnspacing=0.8
        )


def _backward() -> Finding:
    """dZ = (ŷ − y)/m beside a difference quotient of the mean loss."""
    rng = np.random.Generator(np.random.Philox(9))
    Z, y = rng.normal(size=(4, 5)), rng.integers(0, 4, 5)
    quotient = np.empty_like(Z)
    for place in np.ndindex(*Z.shape):
        up, down = Z.copy(), Z.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        quotient[place] = (losses.losses("softmax", up, y).mean() - losses.losses("softmax", down, y).mean()) / 2e-5
    yhat = np.exp(Z) / np.exp(Z).sum(axis=0)
    hot = np.eye(4)[:, y]
    off = float(np.abs(5 * quotient - (yhat - hot)).max())
    return Finding("backprop: dz = ŷ − y", f"the difference quotient of L differs from ŷ − y by {off:.0e}", off < 1e-8)


def _two_classes(shop: Workshop) -> Finding:
    """From zeros, softmax with two classes at α takes the steps of a sigmoid at 2α."""
    words = ["training.epochs=200", "architecture.initializer.kind=zeros", "regularizer=none", "schedule=constant"]
    soft = shop.train("lesson_regularization", *words, "architecture.output=softmax", "optimizer.learning_rate=0.1")
    logistic = shop.train("lesson_regularization", *words, "optimizer.learning_rate=0.2")
    rows = soft.ready.rows("dev")
    assert rows is not None
    X = np.asarray(rows.X)
    off = float(np.abs(soft.run.network.predict(X)[:, 1] - logistic.run.network.predict(X)[:, 0]).max())
    return Finding(
        "C = 2: softmax is logistic regression",
        f"from zeros, at half the rate: probabilities on dev differ by {off:.0e}",
        off < 1e-9,
    )


LESSONS = [
    Lesson(
        section="3.5",
        title="Softmax regression",
        where=("engine/losses.py",),
        how=(
            "dltrain train configs/lesson_softmax.yaml",
            "dltrain train configs/breast_cancer.yaml architecture.output=softmax",
        ),
        show=_show,
        pictures=(
            ("softmax", "Decision boundaries of softmax regression with three and six classes, and of a network"),
        ),
        slow=True,
    ),
]
