"""The appropriate scale for a hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dltrain.engine.arrays import Floats
from dltrain.report.plots import LINES
from dltrain.studies.drawing import random_places
from dltrain.studies.space import Space
from tools.lessons.model import Finding, Lesson
from tools.lessons.section_3_1 import ALPHA, Searched, search
from tools.lessons.workshop import Workshop

NAME = "lesson_scale"
LINEAR = f"search.space.{ALPHA}.kind=uniform"
DRAWS = 10_000
BETAS = ((0.9, 0.9005), (0.999, 0.9995))
BARS = {"linear": {"color": "#d9d9d9", "hatch": "///"}, "log": {"color": "#2563a8"}}


def _show(shop: Workshop) -> Iterator[Finding]:
    alphas = {kind: drawn({"kind": kind, "low": 1e-4, "high": 1.0}) for kind in ("uniform", "log_uniform")}
    edges = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    linear, log = (shares(alphas[kind], edges) for kind in ("uniform", "log_uniform"))
    yield Finding(
        "α from 0.0001 to 1 on a linear scale: nearly all of it in one decade",
        f"of {DRAWS:,} draws {_list(linear)} in the four decades",
        abs(linear[-1] - 0.9) < 0.02 and linear[0] < 0.01,
    )
    yield Finding(
        "α = 10^r, r = −4·rand: a quarter in each decade",
        f"{_list(log)}; {_power()}",
        max(abs(one - 0.25) for one in log) < 0.02,
    )
    log_run = search(shop, NAME, run_id="log")
    linear_run = search(shop, NAME, LINEAR, run_id="linear")
    top = {one.path.name: sum(rate > 0.1 for rate in one.column(ALPHA)) for one in (log_run, linear_run)}
    yield Finding(
        "a search on the log scale spends its trials where they count",
        f"of 32 trials {top['linear']} above 0.1 on a linear scale, {top['log']} on a log scale; median dev error "
        f"{_median(linear_run):.0%} and {_median(log_run):.0%}, lowest {linear_run.best:.1%} and {log_run.best:.1%}",
        top["linear"] >= 24 and top["log"] <= 16 and log_run.best <= linear_run.best,
    )
    yield _told(shop)
    yield _windows(shop)
    betas = {kind: drawn({"kind": kind, "low": 0.9, "high": 0.999}) for kind in ("uniform", "one_minus_log_uniform")}
    share = {kind: float(np.mean(found > 0.99)) for kind, found in betas.items()}
    yield Finding(
        "β from 0.9 to 0.999: consider 1 − β, and sample more densely near 1",
        f"share of draws above 0.99: {share['uniform']:.0%} on a linear scale, {share['one_minus_log_uniform']:.0%} with 1 − β on a log scale",
        share["uniform"] < 0.12 and abs(share["one_minus_log_uniform"] - 0.5) < 0.02,
    )
    with shop.picture("scales", 3, width=3.1, height=3.0) as (left, middle, right):
        _draw_shares(left, linear, log)
        _draw_trials(middle, linear_run, log_run)
        _draw_windows(right)


def drawn(kind: dict[str, Any]) -> Floats:
    """Values as a random search with seed 1 draws them."""
    space = Space.of({"x": kind})
    return np.array([space.sample(random_places(space, 1, number))["x"] for number in range(DRAWS)])


def shares(values: Floats, edges: Sequence[float]) -> list[float]:
    counts, _ = np.histogram(values, bins=np.array(edges))
    return [float(count / len(values)) for count in counts]


def _power() -> str:
    """The scale is the notes' formula, to the five digits of a drawn number."""
    scale = Space.of({"x": {"kind": "log_uniform", "low": 1e-4, "high": 1.0}})["x"].values
    r = np.linspace(-4, 0, 401)
    off = max(abs(scale.at(1 + one / 4) / 10**one - 1) for one in r)
    assert off < 1e-4
    return f"10^r within {off:.0e} of it"


def _told(shop: Workshop) -> Finding:
    lines = [str(line) for line in _strings(shop.call("check", f"configs/{NAME}.yaml", LINEAR)) if "top decade" in line]
    return Finding("a linear scale is told", lines[0] if lines else "not told", len(lines) == 1)


def _strings(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    for one in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from _strings(one)


def _windows(shop: Workshop) -> Finding:
    given = [word for pair in BETAS for beta in pair for word in ("--beta", str(beta))]
    record = shop.call("average", "configs/temperature.csv", "--column", "T", *given)
    windows = [one["window"] for one in record["averages"]]
    said = ", ".join(f"β {beta} {window:,.2f}" for beta, window in zip(sum(BETAS, ()), windows, strict=True))
    wanted = [10, 1 / 0.0995, 1000, 2000]
    return Finding(
        "1/(1 − β): 0.9 → 0.9005 hardly changes it (10 → 10.05), 0.999 → 0.9995 doubles it (1,000 → 2,000)",
        f"windows of `dltrain average`: {said}",
        bool(np.allclose(windows, wanted, rtol=1e-9)),
    )


def _median(found: Searched) -> float:
    return float(np.median(found.column("objective")))


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1%}" for value in values)


def _draw_shares(axes: Any, linear: Sequence[float], log: Sequence[float]) -> None:
    places = np.arange(4)
    for shift, (name, found) in zip((-0.2, 0.2), (("linear", linear), ("log", log)), strict=True):
        words = "linear scale" if name == "linear" else "10^r, r from −4 to 0"
        bars = axes.bar(
            places + shift,
            [100 * one for one in found],
            0.4,
            label=words,
            edgecolor="black",
            linewidth=0.6,
            **BARS[name],
        )
        axes.bar_label(bars, [f"{100 * one:.3g}" for one in found], fontsize=7, padding=1)
    axes.set_xticks(places, ["10⁻⁴–10⁻³", "10⁻³–10⁻²", "10⁻²–0.1", "0.1–1"], fontsize=7)
    axes.set(xlabel="α", ylabel=f"share of {DRAWS:,} draws, %", title="draws in each decade", ylim=(0, 105))
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left")


def _draw_trials(axes: Any, linear: Searched, log: Searched) -> None:
    for found, marker, fill, name in ((linear, "^", "#e4e4e4", "linear scale"), (log, "o", "#2563a8", "log scale")):
        errors = [100 * value for value in found.column("objective")]
        axes.plot(found.column(ALPHA), errors, marker, ms=4.5, mfc=fill, mec="black", mew=0.6, label=name)
    axes.set(
        xscale="log", xlabel="α", ylabel="dev error, %", title="32 trials of each", xlim=(7e-5, 1.5), ylim=(0, 100)
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.58, 1.0))


def _draw_windows(axes: Any) -> None:
    beta = 1 - np.geomspace(0.1, 0.0005, 300)
    axes.plot(beta, 1 / (1 - beta), **LINES[0])
    for (low, high), place in zip(BETAS, ((8, 26), (-82, -4)), strict=True):
        axes.plot([low, high], [1 / (1 - low), 1 / (1 - high)], "o", ms=5, mfc="white", mec="#c2410c", mew=1.4)
        words = f"{low} → {high}:\n{1 / (1 - low):,.4g} → {1 / (1 - high):,.4g}"
        axes.annotate(words, (high, 1 / (1 - high)), xytext=place, textcoords="offset points", va="top", fontsize=7.5)
    axes.set(
        xlabel="β",
        ylabel="1/(1 − β), values averaged",
        title="the same step in β",
        xlim=(0.893, 1.002),
        yscale="log",
        ylim=(6, 3500),
    )
    axes.set_yticks([10, 100, 1000], labels=["10", "100", "1,000"])
    assert math.isclose(1 / (1 - 0.9995), 2000)


LESSONS = [
    Lesson(
        section="3.2",
        title="Appropriate scale",
        where=("studies/space.py", "config/search_advice.py"),
        how=(
            f"dltrain search configs/{NAME}.yaml",
            f"dltrain search configs/{NAME}.yaml {LINEAR}",
            f"dltrain check configs/{NAME}.yaml {LINEAR}",
            "dltrain average configs/temperature.csv --column T --beta 0.9 --beta 0.9005 --beta 0.999 --beta 0.9995",
        ),
        show=_show,
        pictures=(
            (
                "scales",
                "Draws of α in each decade, trials of two searches, and 1/(1 − β): linear and logarithmic scales",
            ),
        ),
        slow=True,
    ),
]
