"""Exponentially weighted averages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.engine.averages import corrected, weighted_average
from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import ROOT, Workshop


def _show(shop: Workshop) -> Iterator[Finding]:
    file = "configs/temperature.csv"
    found = shop.call("average", file, "--column", "T", "--beta", "0.9", "--beta", "0.98")
    short, long = found["averages"]
    theta = _series()
    yield _recursion(theta)
    yield Finding(
        "v_t averages over about 1/(1 − β) days: 10 and 50",
        f"windows {short['window']:.0f} and {long['window']:.0f}; of v_t's weight {1 - 0.9**10:.0%} and {1 - 0.98**50:.0%} lie within",
        (round(short["window"]), round(long["window"])) == (10, 50),
    )
    yield Finding(
        "a larger β adapts more slowly",
        f"measured lag {short['measured_lag']} and {long['measured_lag']} days (mean age of the days averaged: 9 and 49)",
        short["measured_lag"] < long["measured_lag"] / 3,
    )
    yield Finding(
        "and is less noisy",
        f"change from day to day: {found['noise']:.2f} °F of the days, {short['noise']:.2f} at 0.9, {long['noise']:.2f} at 0.98",
        long["noise"] < short["noise"] / 2 < found["noise"] / 10,
    )
    first, last = long["first"], long["last"]
    yield Finding(
        "bias correction mends the start, and makes no difference in the end",
        f"β 0.98, day 1: {first['plain']:.2f}, corrected {first['corrected']:.1f}; day 730: {last['plain']:.2f} and {last['corrected']:.2f}",
        first["plain"] < 1 < 20 < first["corrected"] and abs(last["plain"] - last["corrected"]) < 0.01,
    )
    with shop.picture("averages", 2, width=4.4) as (left, right):
        days = np.arange(1, len(theta) + 1)
        averages = ((0.9, True, LINES[1]), (0.98, False, LINES[2]), (0.98, True, LINES[0]))
        for axes in (left, right):
            axes.plot(
                days, theta, ".", ms=2, color="#b5b5b5", label="daily temperature (from a formula)", rasterized=True
            )
            for beta, mended, line in averages:
                v = weighted_average(theta, beta)
                name = f"β = {beta}, {'corrected' if mended else 'not corrected'}"
                axes.plot(days, corrected(v, beta) if mended else v, label=name, **line)
            axes.set(xlabel="day", ylabel="°F")
        left.set(title="two years")
        right.set(xlim=(0, 90), ylim=(0, 62), title="the first 90 days")
        right.legend(loc="lower right", fontsize=7)


def _series() -> Floats:
    lines = (ROOT / "configs/temperature.csv").read_text(encoding="utf-8").splitlines()[1:]
    return np.array([float(line.split(",")[1]) for line in lines])


def _recursion(theta: Floats) -> Finding:
    """The recursion beside the sum, written out."""
    apart = 0.0
    for beta in (0.9, 0.98):
        v, t = weighted_average(theta, beta), len(theta)
        weights = (1 - beta) * beta ** np.arange(t - 1, -1, -1)
        apart = max(apart, abs(float(weights @ theta) - float(v[-1])))
    return Finding(
        "v_t = βv_{t−1} + (1 − β)θ_t is (1 − β) Σ β^{t−i} θ_i",
        f"they differ by {apart:.0e} °F after 730 days",
        apart < 1e-10,
    )


LESSONS = [
    Lesson(
        section="2.2",
        title="Exponentially weighted averages",
        where=("engine/averages.py", "cli/average.py"),
        how=("sh configs/lesson_averages.sh",),
        show=_show,
        pictures=(("averages", "Daily temperatures (from a formula, not measured) and their averages"),),
    ),
]
