"""Bias and variance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tools.lessons import drawing
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop

REGIMES = {
    "high_bias": "high bias",
    "high_variance": "high variance",
    "high_bias_high_variance": "high bias and high variance",
    "low_bias_low_variance": "low bias and low variance",
}
BOUNDARIES = ("a line: high bias", "just right", "islands: high variance", "without x2: both")
EXPECTED = ("high bias", "low bias and low variance", "high variance", "high bias and high variance")


def _regimes(shop: Workshop) -> Iterator[Finding]:
    errors = {}
    for name, headline in REGIMES.items():
        (ran,) = shop.commands(f"regime_{name}")
        errors[headline] = [100 * ran.error(part) for part in ("train", "dev")]
        came = f"{_errors(ran)}: {ran.record['headline']}"
        yield Finding(f"{headline}, told by train and dev errors", came, ran.record["headline"] == headline)
    table = {"1%": "11%", "15%": "16%", "15% ": "30%", "0.5%": "1%"}
    for (train, dev), headline in zip(table.items(), _notes(), strict=True):
        found = shop.call("diagnose", "--train-error", train.strip(), "--dev-error", dev)
        yield Finding(
            f"train {train.strip()}, dev {dev}: {headline}",
            f"{found['headline']} (Bayes error assumed 0)",
            found["headline"] == headline,
        )
    with shop.picture("regimes", width=5.4) as axes:
        place = np.arange(len(errors))
        axes.bar(
            place - 0.2, [one[0] for one in errors.values()], 0.38, color="#d0d0d0", edgecolor="black", label="train"
        )
        axes.bar(place + 0.2, [one[1] for one in errors.values()], 0.38, color="#2563a8", label="dev")
        axes.set(
            xticks=place, xticklabels=[name.replace(" and ", "\nand ") for name in errors], ylabel="misclassified, %"
        )
        axes.legend()


def _notes() -> tuple[str, ...]:
    return ("high variance", "high bias", "high bias and high variance", "low bias and low variance")


def _errors(ran: Ran) -> str:
    return f"train {ran.error('train'):.1%}, dev {ran.error('dev'):.1%}"


def _boundaries(shop: Workshop) -> Iterator[Finding]:
    found = shop.commands("lesson_boundary")
    for ran, title, headline in zip(found, BOUNDARIES, EXPECTED, strict=True):
        yield Finding(f"{title}", f"{_errors(ran)}: {ran.record['headline']}", ran.record["headline"] == headline)
    overfit, right = found[2], found[1]
    yield Finding(
        "optimal error is not always 0: against a Bayes error of 8.6 %, 0 % on the training set is no success",
        f"train {overfit.error('train'):.1%} costs dev {overfit.error('dev') - right.error('dev'):+.1%}",
        overfit.error("train") < 0.086 < right.error("dev") < overfit.error("dev"),
    )
    with shop.picture("boundaries", 4, width=2.5, height=2.9) as axes:
        for one, ran, title in zip(axes, found, BOUNDARIES, strict=True):
            features = ran.run.preparation.features
            drawing.regions(one, ran.run, (-2, -2), (2, 2), [("x1", "x2").index(name) for name in features])
            whole = found[0].ready
            train = whole.data.parts["train"]
            X = np.asarray(train.X) * np.array(whole.data.preparation.sigma) + np.array(whole.data.preparation.mu)
            drawing.points(one, X, train.y, whole.data.preparation.classes, 13)
            one.set(
                title=f"{title}\ntrain {ran.error('train'):.1%}, dev {ran.error('dev'):.1%}", xlabel="x1", ylabel="x2"
            )
            one.set_aspect("equal")
        axes[0].legend(loc="lower right")


LESSONS = [
    Lesson(
        section="1.2",
        title="The four regimes",
        where=("diagnosis/gaps.py", "diagnosis/table.py"),
        how=tuple(f"dltrain train configs/regime_{name}.yaml" for name in REGIMES),
        show=_regimes,
        pictures=(("regimes", "Training and dev error in the four regimes, on digits"),),
        slow=True,
    ),
    Lesson(
        section="1.2",
        title="Decision boundaries, and the Bayes error",
        where=("trained.py", "experiment.py"),
        how=("dltrain train configs/lesson_boundary.yaml",),
        show=_boundaries,
        pictures=(("boundaries", "What four networks make of 200 points of two classes that overlap along a wave"),),
        slow=True,
    ),
]
