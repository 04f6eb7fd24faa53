"""`dltrain learning-curve`: errors against the number of training examples, and what more of them would buy.

Every size trains for the same number of steps and is measured on the same dev rows; the subsets of one seed are nested.
Early stopping is off: it would end sizes at different steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dltrain.studies.model import Context, Overrides, Result
from dltrain.studies.seeds import over_seeds, row, with_interval, written

FEWEST = 3
"""Sizes that a fit of three numbers needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Every size with every seed; the seed draws the subset too, so that the band holds what that changes."""

    kind: ClassVar[str] = "learning_curve"
    sizes: tuple[int, ...]
    """Training examples, ascending."""
    seeds: int
    first: int
    steps: int
    batch_size: int | None
    """As asked for; smaller sizes get smaller batches. None for full batches."""

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "sizes": list(self.sizes),
            "seeds": self.seeds,
            "first": self.first,
            "steps": self.steps,
            "batch_size": self.batch_size,
        }

    def propose(self, done: Sequence[Result]) -> list[Overrides]:
        """The largest size first: it takes longest."""
        pairs = [(size, seed) for size in reversed(self.sizes) for seed in range(self.first, self.first + self.seeds)]
        return [] if done else [self._overrides(size, seed) for size, seed in pairs]

    def _overrides(self, size: int, seed: int) -> Overrides:
        length = {"training.steps": self.steps, "training.epochs": None, "training.early_stopping": None}
        subset = {"data.train_limit": size, "data.train_limit_seed": seed}
        batch = {} if self.batch_size is None else {"training.batch_size": min(self.batch_size, size)}
        return {"seed": seed, **subset, **length, **batch}

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """`points` (a size each: m, train, dev, with intervals over seeds), `fit`, `twice`, `errors` at the largest
        size, `headline`; `fit` and `twice` are null, and `note` says why, where the points carry none.

        Errors of a regression are all over one variance, that of the targets at the largest size: each subset's own
        would move the curve.
        """
        finished = [result for result in results if result.outcome == "finished"]
        if context.task == "regression":
            finished = _in_one_unit(finished)
        points = [point for size in self.sizes if (point := _point(size, finished, context)) is not None]
        whole = self._whole(finished)
        fitted, note = _fitted(whole, context)
        errors = {part: points[-1][part] for part in ("train", "dev") if part in points[-1]} if points else {}
        rows = [row(result) for result in results]
        headline = _headline(points, fitted, context)
        return {"errors": errors, "points": points, **fitted, "note": note, "trials": rows, "headline": headline}

    def _whole(self, finished: Sequence[Result]) -> dict[int, list[float]]:
        """Size -> dev error of each seed, of the seeds and sizes that have all of them: a curve with a gap would
        compare different seeds."""
        found = {(_size(one), one.overrides["seed"]): one.objective for one in finished if "dev" in one.errors}
        sizes = [size for size in self.sizes if any((size, seed) in found for seed in self._seeds)]
        seeds = [seed for seed in self._seeds if all((size, seed) in found for size in sizes)]
        return {size: [float(found[size, seed] or 0.0) for seed in seeds] for size in sizes} if seeds else {}

    @property
    def _seeds(self) -> range:
        return range(self.first, self.first + self.seeds)


def _in_one_unit(finished: Sequence[Result]) -> list[Result]:
    """Errors times Var(y) of the trial's own training rows, over its mean at the largest size."""
    from dltrain import runs

    variances = [runs.unit_of(result.path).variance for result in finished]
    top = max((_size(result) for result in finished), default=0)
    largest = [variance for variance, result in zip(variances, finished, strict=True) if _size(result) == top]
    found = []
    for variance, result in zip(variances, finished, strict=True):
        factor = variance * len(largest) / sum(largest)
        errors = {part: {**entry, "value": entry["value"] * factor} for part, entry in result.errors.items()}
        found.append(replace(result, errors=errors))
    return found


def _size(result: Result) -> int:
    return int(result.overrides["data.train_limit"])


def _point(size: int, finished: Sequence[Result], context: Context) -> dict[str, Any] | None:
    here = [result for result in finished if _size(result) == size]
    if not here:
        return None
    parts = [part for part in ("train", "dev") if all(part in result.errors for result in here)]
    values = {part: [float(result.errors[part]["value"]) for result in here] for part in parts}
    return {"m": size, **{part: over_seeds(found, context) for part, found in values.items()}}


def _fitted(whole: Mapping[int, Sequence[float]], context: Context) -> tuple[dict[str, Any], str | None]:
    """`fit` and `twice`, or null and why."""
    nothing: dict[str, Any] = {"fit": None, "twice": None}
    if len(whole) < FEWEST:
        return nothing, f"a fit needs {FEWEST} sizes at least, with a dev error of the same seed at each"
    import numpy as np

    from dltrain.studies.power_law import FARTHEST, fit, resampled

    sizes = np.array(list(whole), dtype=np.float64)
    curves = np.array(list(whole.values()), dtype=np.float64).T  # (seeds, sizes)
    law = fit(sizes, curves.mean(axis=0)[None, :])
    draws = fit(sizes, resampled(curves, context.confidence)) if len(curves) > 1 else None
    top = int(sizes[-1])
    ahead = np.geomspace(sizes[0], FARTHEST * top, 25).round().astype(int).tolist()
    band = [{"m": m, **_entry(law.at(m), None if draws is None else draws.at(m), context)} for m in ahead]
    gain = law.at(top) - law.at(2 * top)
    gains = None if draws is None else draws.at(top) - draws.at(2 * top)
    twice = {"m": 2 * top, "error": _entry(law.at(2 * top), None if draws is None else draws.at(2 * top), context)}
    numbers = {"a": float(law.a[0]), "b": float(law.b[0]), "c": float(law.c[0]), "seeds": len(curves)}
    found = {"fit": {**numbers, "band": band}, "twice": {**twice, "buys": _entry(gain, gains, context)}}
    return found, None if draws is not None else "one seed gives no band: --seeds 3 or more does"


def _entry(value: Any, draws: Any, context: Context) -> dict[str, Any]:
    """A value of the fit with the interval of those of the resampled seeds."""
    from dltrain.studies.power_law import ends

    point = float(value[0])
    if draws is None:
        return {"value": point, "low": None, "high": None}
    low, high = ends(draws, context.confidence)
    return {"value": point, "low": min(low, point), "high": max(high, point)}


def _headline(points: Sequence[Mapping[str, Any]], fitted: Mapping[str, Any], context: Context) -> str | None:
    if not points or "dev" not in points[-1]:
        return None
    last = points[-1]
    start = f"dev {with_interval(last['dev'], context)} at {last['m']} examples"
    twice = fitted["twice"]
    if twice is None:
        return start
    buys = twice["buys"]
    ends = "" if buys["low"] is None else f" [{written(buys['low'], context)}, {written(buys['high'], context)}]"
    return f"{start}; twice as many would take off {written(buys['value'], context)}{ends}"


def default_sizes(m: int, classes: int) -> tuple[int, ...]:
    """All m training examples, and half as many each time down to a sixteenth, but enough for every class."""
    least = max(10, 2 * classes)
    return tuple(size for size in (m // 16, m // 8, m // 4, m // 2) if size >= least) + (m,)
