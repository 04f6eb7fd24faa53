"""The basic recipe and the bias-variance trade-off."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

import numpy as np

from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop


def _recipe(shop: Workshop) -> Iterator[Finding]:
    found = {}
    for name, asked in (("high_bias", "bias"), ("high_variance", "variance"), ("low_bias_low_variance", "done")):
        (ran,) = shop.commands(f"regime_{name}")
        chart = shop.call("recipe", str(ran.path))["path"]
        found[name] = {one["aim"]: one for one in chart}
        first = min(
            (one for aim in found[name].values() for one in aim["steps"]),
            key=lambda one: int(one["rank"]),
            default=None,
        )
        yield Finding(
            f"{name.replace('_', ' ')}: the question {found[name][asked]['question']} is answered yes",
            f"{found[name][asked]['answer']}; first step: {first['action'] if first else 'none'}",
            found[name][asked]["answer"] == "yes" and (asked == "done" or found[name][asked]["steps"] != []),
        )
    with shop.picture("recipe", width=6.4, height=2.2) as axes:
        _draw_chart(axes, found)


def _draw_chart(axes: Any, found: dict[str, dict[str, Any]]) -> None:
    """The questions from left to right with the advice that answers a yes, as `recipe` gave it."""
    axes.set(xlim=(0, 10), ylim=(1.1, 5.1))
    axes.axis("off")
    boxes = {
        "bias": (1.7, found["high_bias"]["bias"]),
        "variance": (5.6, found["high_variance"]["variance"]),
        "done": (8.9, found["low_bias_low_variance"]["done"]),
    }
    style = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "black"}
    for aim, (x, one) in boxes.items():
        axes.text(
            x,
            4.6,
            one["question"].rstrip("?" if aim == "done" else ""),
            ha="center",
            va="center",
            bbox=style,
            fontsize=10,
        )
        if aim == "done":
            continue
        axes.annotate("", (x, 3.2), (x, 4.2), arrowprops={"arrowstyle": "->"})
        axes.text(x + 0.15, 3.7, "yes")
        lines = [
            line for step in one["steps"] for line in wrap("• " + _short(step["action"]), 36, subsequent_indent="   ")
        ]
        axes.text(x - 1.3, 3.05, "\n".join(lines), va="top", fontsize=8.5, linespacing=1.5)
        back = {"arrowstyle": "->", "connectionstyle": "arc3,rad=-0.4"}
        axes.annotate("", (x - 1.1, 4.3), (x - 1.2, 3.1), arrowprops=back)
    for left, right in ((2.7, 4.2), (7.0, 8.3)):
        axes.annotate("", (right, 4.6), (left, 4.6), arrowprops={"arrowstyle": "->"})
        axes.text((left + right) / 2, 4.75, "no", ha="center")


def _short(action: str) -> str:
    return action.split(",")[0].split(" (")[0]


def _trade_off(shop: Workshop) -> Iterator[Finding]:
    small, bigger = shop.commands("lesson_bigger_network")
    little, much = shop.commands("lesson_more_data")
    yield Finding(
        "a bigger network with regularization lowers bias, at no cost in variance",
        f"{_both(small)} → {_both(bigger)}",
        bigger.gap("avoidable_bias") < small.gap("avoidable_bias") - 0.1
        and bigger.gap("variance") <= small.gap("variance"),
    )
    yield Finding(
        "more data lowers variance, at no cost in bias",
        f"{_both(little)} → {_both(much)}",
        much.gap("variance") < little.gap("variance") - 0.03
        and much.gap("avoidable_bias") <= little.gap("avoidable_bias"),
    )
    with shop.picture("trade_off", width=5.2) as axes:
        _bars(axes, {"4 units": small, "128 units, L2": bigger, "100 examples": little, "1,000 examples": much})


def _both(ran: Ran) -> str:
    return f"bias {ran.gap('avoidable_bias'):.1%}, variance {ran.gap('variance'):.1%}"


def _bars(axes: Any, rans: dict[str, Ran]) -> None:
    place = np.array([0, 1, 2.4, 3.4])
    bias = [100 * ran.gap("avoidable_bias") for ran in rans.values()]
    variance = [100 * ran.gap("variance") for ran in rans.values()]
    axes.bar(place - 0.2, bias, 0.38, color="#d0d0d0", edgecolor="black", label="avoidable bias")
    axes.bar(place + 0.2, variance, 0.38, color="#2563a8", label="variance")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xticks=place, xticklabels=list(rans), ylabel="% misclassified", title="a bigger network; more data")
    axes.legend()


LESSONS = [
    Lesson(
        section="1.3",
        title="The basic recipe",
        where=("diagnosis/flowchart.py", "diagnosis/recipe.py", "studies/recipe.py"),
        how=("dltrain train configs/regime_high_variance.yaml", "dltrain recipe latest"),
        show=_recipe,
        pictures=(("recipe", "The recipe as a flow chart, with the steps that were advised in two regimes"),),
        slow=True,
    ),
    Lesson(
        section="1.3",
        title="The trade-off",
        where=("diagnosis/advice.py",),
        how=("dltrain train configs/lesson_bigger_network.yaml", "dltrain train configs/lesson_more_data.yaml"),
        show=_trade_off,
        pictures=(("trade_off", "Bias and variance of a small and a bigger network, and of little and more data"),),
        slow=True,
    ),
]
