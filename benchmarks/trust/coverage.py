"""Do 95 % intervals hold the truth 95 % of the time? Of errors and of gaps, on simulated tasks.

A task is a problem and a network trained on it; its dev set plays no part in the training. For every size fresh
train-dev, dev and test parts are drawn, diagnosed as in any run, and each interval is held against the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.trust.networks import Fitted, train
from benchmarks.trust.problems import Draw, Kind, Problem, Shift
from dltrain.diagnosis import Measurement, diagnose
from dltrain.engine.streams import generator

SIZES = (30, 100, 300, 1000, 3000, 10_000)
CONFIDENCE, THRESHOLD = 0.95, 0.02
ENOUGH = 5
"""n·p and n·(1 − p) from which on an interval enters the pool."""
SHIFTS = ("moved", "scaled", "turned", "blurred", "blanked", "swapped", "relabelled")
PLAN: dict[Kind, int] = {"binary": 400, "multiclass": 400, "regression": 200}
"""Tasks of each kind in the full form."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One interval: of what, on how many examples, whether it holds the truth."""

    kind: Kind
    what: str
    n: int
    pooled: bool
    covered: bool


def tasks(scale: float = 1.0) -> list[tuple[Kind, int]]:
    """(kind, number) of every task; `scale` below 1 takes the first ones of each kind."""
    return [(kind, i) for kind, many in PLAN.items() for i in range(max(1, round(many * scale)))]


def design(kind: Kind, number: int) -> tuple[Problem, int, tuple[int, ...], int, Shift | None]:
    """The problem, m, the hidden units, steps, and how dev and test differ from the training source (in half)."""
    seed = 1_000_000 + 10_000 * list(PLAN).index(kind) + number
    random = generator(seed, Draw.DESIGN)  # type: ignore[arg-type]
    family = "clusters" if kind != "regression" and random.random() < 0.5 else "regions"
    problem = Problem(
        kind=kind,
        family=family,  # type: ignore[arg-type]
        seed=seed,
        n_x=int(random.integers(2, 9)),
        classes=2 if kind == "binary" else int(random.integers(3, 7)) if kind == "multiclass" else 2,
        noise=float(random.choice([0.0, 0.0, 0.01, 0.05, 0.2])) if kind != "regression" else float(random.random() / 2),
        wiggles=int(random.integers(1, 9)),
        spread=float(random.uniform(1.5, 4)),
        tails=random.choice(["normal", "laplace", "uneven"]),  # type: ignore[arg-type]
    )
    m = int(40 * 25 ** random.random())
    units = ((), (4,), (16,), (8, 8))[random.integers(0, 4)]
    shift = Shift(kind=SHIFTS[number % len(SHIFTS)], strength=float(random.uniform(0.05, 0.6)))  # type: ignore[arg-type]
    return problem, m, units, int(random.integers(50, 500)), shift if number % 2 else None


def measure(task: tuple[Kind, int]) -> list[Hit]:
    """Every interval of a task at every size."""
    problem, m, units, steps, shift = design(*task)
    fitted = train(problem, m, units, steps)
    source = fitted.risk()
    target = source if shift is None else fitted.risk(shift)
    risks = {"train_dev": source, "dev": target, "test": target}
    hits = [hit for n in SIZES for hit in at_size(fitted, risks, shift, n)]
    return hits + list(of_a_sample(fitted)) + list(of_an_expert(fitted))


def at_size(fitted: Fitted, risks: dict[str, float], shift: Shift | None, n: int) -> Iterator[Hit]:
    """Three errors and three gaps, of parts of n examples."""
    parts = {
        "train": fitted.train,
        "train_dev": fitted.measure(n, Draw.TRAIN_DEV, n),
        "dev": fitted.measure(n, Draw.DEV, n, shift),
        "test": fitted.measure(n, Draw.TEST, n, shift),
    }
    kind = fitted.problem.kind
    found = diagnose(parts, task=kind, threshold=THRESHOLD, confidence=CONFIDENCE)
    large = {part: enough(kind, risk, n) for part, risk in risks.items()}
    for part, risk in risks.items():
        yield Hit(kind, "error", n, large[part], holds(found["errors"][part], risk))
    train_error = fitted.train.value
    gaps = {"variance": ("train_dev",), "mismatch": ("dev", "train_dev"), "test_gap": ("test", "dev")}
    for name, ends in gaps.items():
        truth = risks[ends[0]] - (risks[ends[1]] if len(ends) > 1 else train_error)
        yield Hit(kind, name, n, all(large[part] for part in ends), holds(found["gaps"][name], truth))


def of_a_sample(fitted: Fitted) -> Iterator[Hit]:
    """The training error seen on half of the training set; the truth is that on all of it."""
    errors, kind = fitted.train_errors, fitted.problem.kind
    m, truth = len(errors), float(errors.mean())
    chosen = errors[generator(fitted.problem.seed, Draw.SAMPLE).permutation(m)[: m // 2]]  # type: ignore[arg-type]
    if kind == "regression":
        return
    seen = Measurement(float(chosen.mean()), len(chosen), population=m)
    found = diagnose({"train": seen}, task=kind, threshold=THRESHOLD, confidence=CONFIDENCE)
    yield Hit(kind, "train, on half of it", 0, enough(kind, truth, len(chosen)), holds(found["errors"]["train"], truth))


def of_an_expert(fitted: Fitted) -> Iterator[Hit]:
    """The avoidable bias when the Bayes error was measured, on 1,000 examples, by one who makes only such errors."""
    problem, n = fitted.problem, 1000
    if problem.family != "regions" or problem.kind == "regression" or not problem.noise:
        return
    wrong = int((generator(problem.seed, Draw.EXPERT).random(n) < problem.noise).sum())  # type: ignore[arg-type]
    parts = {"bayes": Measurement(wrong / n, n, "stated"), "train": fitted.train}
    found = diagnose(parts, task=problem.kind, threshold=THRESHOLD, confidence=CONFIDENCE)
    truth = fitted.train.value - problem.noise
    large = enough(problem.kind, problem.noise, n)
    yield Hit(problem.kind, "avoidable_bias", n, large, holds(found["gaps"]["avoidable_bias"], truth))


def enough(kind: Kind, risk: float, n: int) -> bool:
    """Whether an interval enters the pool: n·p and n·(1 − p) at least 5; of means those that are bootstrapped."""
    return n >= 100 if kind == "regression" else min(risk, 1 - risk) * n >= ENOUGH


def holds(entry: dict[str, float], truth: float) -> bool:
    return entry["low"] - 1e-12 <= truth <= entry["high"] + 1e-12


def summarize(hits: Iterable[Hit]) -> list[dict[str, object]]:
    """Rows of the table: pooled ones first, then those left out of the pool, then each size."""
    hits = list(hits)
    rates = [hit for hit in hits if hit.kind != "regression"]
    means = [hit for hit in hits if hit.kind == "regression"]
    gaps = ("variance", "mismatch", "test_gap")
    rows = [
        row("errors", (h for h in rates if h.what == "error" and h.pooled), "pool"),
        row("gaps", (h for h in rates if h.what in gaps and h.pooled), "pool"),
        row("  variance", (h for h in rates if h.what == "variance" and h.pooled), "pool"),
        row("  mismatch", (h for h in rates if h.what == "mismatch" and h.pooled), "pool"),
        row("  test gap", (h for h in rates if h.what == "test_gap" and h.pooled), "pool"),
        row("  avoidable bias, Bayes measured", (h for h in rates if h.what == "avoidable_bias" and h.pooled), "pool"),
        row("train error, on half of the set", (h for h in rates if h.what.startswith("train") and h.pooled), "own"),
        row("errors, n·p < 5", (h for h in rates if h.what == "error" and not h.pooled), "small"),
        row("gaps, n·p < 5", (h for h in rates if h.what in gaps and not h.pooled), "small"),
        row("regression errors, n >= 100", (h for h in means if h.what == "error" and h.pooled), "regression"),
        row("regression gaps, n >= 100", (h for h in means if h.what in gaps and h.pooled), "regression"),
        row("regression errors, n = 30", (h for h in means if h.what == "error" and h.n == 30), "regression small"),
        row("regression gaps, n = 30", (h for h in means if h.what in gaps and h.n == 30), "regression small"),
    ]
    for kinds, name in ((rates, "errors"), (means, "regression errors")):
        for n in SIZES:
            rows.append(row(f"{name}, n = {n}", (h for h in kinds if h.what == "error" and h.n == n), "by size"))
    return [found for found in rows if found["intervals"]]


def row(name: str, hits: Iterable[Hit], group: str) -> dict[str, object]:
    """Coverage with the Monte-Carlo error that so many intervals leave (one standard error)."""
    covered = np.array([hit.covered for hit in hits], dtype=float)
    share = float(covered.mean()) if len(covered) else math.nan
    spread = math.sqrt(share * (1 - share) / len(covered)) if len(covered) else math.nan
    return {"name": name, "group": group, "coverage": share, "standard_error": spread, "intervals": len(covered)}
