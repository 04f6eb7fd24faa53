"""How often is a decided verdict wrong? On problems of known regime, beside rules with fixed thresholds.

Capacity, noise, training size and mismatch are varied over a grid; the Bayes error is computed and stated. The truth
of a gap is the risk on fresh examples minus the training error as measured; a verdict is wrong when it is decided
and the true gap lies on the other side.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.trust.networks import Fitted, train
from benchmarks.trust.problems import Draw, Kind, Problem, Shift
from benchmarks.trust.rules import RULES
from dltrain.diagnosis import Measurement, diagnose

SIZES = (100, 300, 1000, 3000, 10_000)
THRESHOLD, CONFIDENCE = 0.02, 0.95
KINDS: tuple[Kind, ...] = ("binary", "multiclass", "regression")
CAPACITIES: tuple[tuple[int, ...], ...] = ((), (4,), (32, 32))
NOISES = (0.0, 0.05, 0.2)
TRAINING = (60, 300, 1500)
MISMATCHES = (0.0, 0.1, 0.5)
SHIFTS = ("blurred", "turned", "relabelled", "blanked", "moved")
REDRAWS = {"binary": 4, "multiclass": 4, "regression": 1}
"""Dev sets drawn of each size; the bootstrap makes those of a regression slow."""
GAPS = {"bias": "avoidable_bias", "variance": "variance", "mismatch": "mismatch"}
OURS = "dltrain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A problem of the grid."""

    kind: Kind
    units: tuple[int, ...]
    noise: float
    m: int
    mismatch: float
    number: int

    @property
    def problem(self) -> Problem:
        classes = 4 if self.kind == "multiclass" else 2
        family = "clusters" if self.kind != "regression" and self.number % 2 else "regions"
        return Problem(
            kind=self.kind,
            family=family,  # type: ignore[arg-type]
            seed=2_000_000 + self.number,
            noise=self.noise,
            classes=classes,
            n_x=3 + self.number % 4,
        )

    @property
    def shift(self) -> Shift | None:
        if not self.mismatch:
            return None
        return Shift(kind=SHIFTS[self.number % len(SHIFTS)], strength=self.mismatch)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Call:
    """What one rule said of one gap of one problem, and whether that was wrong."""

    problem: int
    kind: Kind
    rule: str
    gap: str
    n: int
    redraw: int
    verdict: str
    wrong: bool


def regimes() -> list[Regime]:
    """243 problems, in an order that mixes the grid's corners."""
    grid = itertools.product(KINDS, CAPACITIES, NOISES, TRAINING, MISMATCHES)
    found = [
        Regime(kind=kind, units=units, noise=noise, m=m, mismatch=mismatch, number=i)
        for i, (kind, units, noise, m, mismatch) in enumerate(grid)
    ]
    return sorted(found, key=lambda regime: (regime.number * 89) % len(found))


def measure(regime: Regime) -> list[Call]:
    """Every verdict on a problem, at each size of dev."""
    fitted = train(regime.problem, regime.m, regime.units, 400)
    bayes, source = fitted.bayes(), fitted.risk()
    target = source if regime.shift is None else fitted.risk(regime.shift)
    truths = {"bias": fitted.train.value - bayes, "variance": source - fitted.train.value, "mismatch": target - source}
    calls = []
    for n in SIZES:
        for redraw in range(REDRAWS[regime.kind]):
            verdicts = judged(fitted, regime, bayes, n, redraw)
            calls += [
                Call(regime.number, regime.kind, rule, gap, n, redraw, said[gap], wrong(gap, said[gap], truths[gap]))
                for rule, said in verdicts.items()
                for gap in GAPS
            ]
    return calls


def judged(fitted: Fitted, regime: Regime, bayes: float, n: int, redraw: int) -> dict[str, dict[str, str]]:
    """The verdicts of the diagnosis and of each fixed rule, on the same parts of n examples."""
    parts = {
        "bayes": Measurement(bayes, None, "stated"),
        "train": fitted.train,
        "train_dev": fitted.measure(n, Draw.TRAIN_DEV, 100 * n + redraw),
        "dev": fitted.measure(n, Draw.DEV, 100 * n + redraw, regime.shift),
    }
    found = diagnose(parts, task=regime.kind, threshold=THRESHOLD, confidence=CONFIDENCE)
    values = {part: measured.value for part, measured in parts.items()}
    return {OURS: found["verdict"], **{name: rule(values) for name, rule in RULES.items()}}


def wrong(gap: str, verdict: str, truth: float) -> bool:
    """Decided, and the true gap lies on the other side. A mismatch called high is wrong where there is none."""
    if verdict == "high":
        return truth <= (0 if gap == "mismatch" else THRESHOLD)
    return verdict == "low" and truth > THRESHOLD


def summarize(calls: Iterable[Call]) -> list[dict[str, object]]:
    """For each rule and size of dev: shares of wrong and undetermined verdicts by gap and by table.

    Every problem counts the same, however often its dev set was redrawn.
    """
    by_rule: dict[tuple[str, int], list[Call]] = defaultdict(list)
    for call in calls:
        by_rule[call.rule, call.n].append(call)
    return [
        {"rule": rule, "n": n, "problems": len({call.problem for call in found}), **shares(found)}
        for (rule, n), found in sorted(by_rule.items(), key=lambda item: (item[0][0] != OURS, item[0]))
    ]


def shares(calls: list[Call]) -> dict[str, float]:
    """wrong_<gap>, undetermined_<gap>, and of the three together, table: wrong if any is, open if any is."""
    found = {}
    for gap in GAPS:
        one = [call for call in calls if call.gap == gap]
        found[f"wrong_{gap}"] = _over_problems((call.problem, call.wrong) for call in one)
        found[f"undetermined_{gap}"] = _over_problems((call.problem, call.verdict == "undetermined") for call in one)
    tables: dict[tuple[int, int], list[Call]] = defaultdict(list)
    for call in calls:
        tables[call.problem, call.redraw].append(call)
    found["wrong_table"] = _over_problems((key[0], any(c.wrong for c in table)) for key, table in tables.items())
    found["undetermined_table"] = _over_problems(
        (key[0], any(c.verdict == "undetermined" for c in table)) for key, table in tables.items()
    )
    return found


def _over_problems(happened: Iterable[tuple[int, bool]]) -> float:
    by_problem: dict[int, list[bool]] = defaultdict(list)
    for problem, did in happened:
        by_problem[problem].append(did)
    return sum(sum(found) / len(found) for found in by_problem.values()) / max(1, len(by_problem))
