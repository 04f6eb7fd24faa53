"""Deep-learning frameworks: write the cost, and the framework finds the gradient."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dltrain.report.plots import LINES
from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

TYPED = "w**2 - 10*w + 25"
FED = ("x[0][0]*w**2 + x[1][0]*w + x[2][0]", "--data", "x=configs/coefficients.csv")
OTHERS = (
    ("momentum", "constant", 0.1),
    ("adam", "cosine", 0.1),
    ("rmsprop", "inverse_sqrt", 0.05),
    ("nesterov", "constant", 0.1),
)
REFUSED = ("__import__('os')", "w.real", "(lambda: w)()", "[w for w in (1, 2)]")


def _show(shop: Workshop) -> Iterator[Finding]:
    usual = ("--learning-rate", "0.01", "--steps", "1000")
    typed = shop.call("minimize", TYPED, *usual, "--every", "1")
    w = [one["values"]["w"] for one in typed["path"]]
    yield Finding("w before is 0", f"{w[0]:g}", w[0] == 0)
    yield Finding(
        "after 1,000 steps of 0.01 it is near 5: 4.99999",
        f"{w[-1]:.10f}; 5 − 5·0.98^1000 = {5 - 5 * 0.98**1000:.10f}",
        abs(w[-1] - (5 - 5 * 0.98**1000)) < 1e-12,
    )
    fed = shop.call("minimize", *FED, *usual)["after"]["values"]["w"]
    yield Finding("the same with coefficients that are fed", f"{fed:.10f}", abs(fed - w[-1]) < 1e-12)
    ends = {}
    for optimizer, schedule, rate in OTHERS:
        words = ["--optimizer", optimizer, "--schedule", schedule, "--learning-rate", str(rate), "--steps", "1000"]
        ends[f"{optimizer} and {schedule}"] = shop.call("minimize", *FED, *words)["after"]["values"]["w"]
    yield Finding(
        "any optimizer, any schedule",
        ", ".join(f"{name}: {end:.4f}" for name, end in ends.items()),
        all(abs(end - 5) < 0.01 for end in ends.values()),
    )
    told = [shop.told("minimize", text) for text in REFUSED]
    first = told[0][2].strip().splitlines()[-1]
    yield Finding(
        "what is typed is read, never run",
        f"code, attributes, lambdas and comprehensions are refused with line and column (exit code 2): “{first[:64]} …”",
        all(code == 2 and re.search(r"EXPRESSION:\d+:\d+:", err) for code, _, err in told),
    )
    code, _, err = shop.told("minimize", "w**4 - w", "--start", "w=10", "--learning-rate", "1")
    yield Finding("a cost that is not finite ends it", f"exit code {code}: “{err.strip().splitlines()[-1]}”", code == 3)
    with shop.picture("framework", width=4.6) as axes:
        axes.plot(range(1001), w, label="w, gradient descent, α = 0.01", **LINES[0])
        adam = shop.call(
            "minimize",
            *FED,
            "--optimizer",
            "adam",
            "--learning-rate",
            "0.1",
            "--schedule",
            "cosine",
            "--steps",
            "1000",
            "--every",
            "1",
        )
        axes.plot(
            range(1001), [one["values"]["w"] for one in adam["path"]], label="w, Adam, α₀ = 0.1, cosine", **LINES[1]
        )
        axes.axhline(5, color="black", linewidth=0.8, linestyle=":")
        axes.set(xlabel="step", ylabel="w", title="the cost w² − 10 w + 25", yticks=np.arange(0, 6))
        axes.legend(loc="lower right")


LESSONS = [
    Lesson(
        section="3.6",
        title="The framework program",
        where=("autodiff/", "cli/minimize.py"),
        how=("sh configs/lesson_framework.sh",),
        show=_show,
        pictures=(("framework", "w on its way to 5, by gradient descent and by Adam"),),
        slow=True,
    ),
]
