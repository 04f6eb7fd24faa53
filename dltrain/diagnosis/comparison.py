"""Trained models beside each other on the same examples: how much better, and is it more than luck?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from dltrain.diagnosis.clusters import blocks, clustered_difference
from dltrain.diagnosis.crossed import SEEDS, crossed_difference
from dltrain.diagnosis.estimates import Measurement, estimate
from dltrain.diagnosis.means import DRAWS, FEW, Values, bca_ends, bca_p, resampled_means, t_interval, t_p
from dltrain.diagnosis.paired import agresti_min, holm, mcnemar
from dltrain.diagnosis.weighted import effective_size, weighted_draws
from dltrain.engine.arrays import Ints
from dltrain.engine.weights import mean_error
from dltrain.errors import InputError

ABOUT_MODELS = "these trained models, not their configs: another seed may turn it round (--by-config takes 3 or more)"
ABOUT_CONFIGS = "the configs: over new seeds and new dev examples"


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What the errors of all models were measured on."""

    task: str
    weights: Values | None = None
    groups: Ints | None = None
    """(n,): of split.group, numbered."""
    times: Values | None = None
    """(n,): when each was, where the split goes by time."""

    def codes(self, errors: Values) -> Ints | None:
        """The groups that are drawn whole, (n,): of split.group, or blocks in time as long as `errors` ask for."""
        if self.groups is not None:
            return self.groups
        return None if self.times is None else blocks(errors, self.times)


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """A trained model: its name and its errors on the examples, (n,) as Measured has them."""

    name: str
    errors: Values
    config: str = ""
    """Equal for those whose configs differ in nothing but the seed."""


def compare(contenders: Sequence[Contender], examples: Examples, confidence: float) -> dict[str, Any]:
    """Every model with its error, best first, and every pair: {a, b, difference {value, low, high, interval}, p,
    p_holm, test, verdict} with value = error of a − error of b, b the better one.

    For rates the p value is McNemar's exact one and the interval Agresti and Min's; for regression and with weights a
    BCa bootstrap of the differences gives both; with groups or times it draws these whole. p_holm is corrected for
    all pairs.
    """
    ranked = sorted(contenders, key=lambda one: mean_error(one.errors, examples.weights))
    pairs = [
        {"a": a.name, "b": b.name, **_difference(a.errors, b.errors, examples, confidence)}
        for b, a in combinations(ranked, 2)
    ]
    return {
        "about": ABOUT_MODELS,
        "runs": [{"run": one.name, "error": _error(one.errors, examples, confidence)} for one in ranked],
        "pairs": _judged(pairs, confidence),
    }


def compare_configs(contenders: Sequence[Contender], examples: Examples, confidence: float) -> dict[str, Any]:
    """As `compare`, for configs with 3 or more seeds each: `configs` in place of `runs`, each {config, runs, error}.

    Raises InputError for a config with fewer seeds.
    """
    sides: dict[str, list[Contender]] = {}
    for one in contenders:
        sides.setdefault(one.config, []).append(one)
    few = [side for side in sides.values() if len(side) < SEEDS]
    if few:
        raise InputError(
            *(
                f"{', '.join(one.name for one in side)}: {_seeds(len(side))} of this config, "
                f"expected {SEEDS} or more for a claim about it; train it with other seeds (seed=2)"
                for side in few
            )
        )
    errors = {key: np.stack([one.errors for one in side]) for key, side in sides.items()}
    ranked = sorted(sides, key=lambda key: mean_error(errors[key].mean(axis=0), examples.weights))
    names = {key: sides[key][0].name for key in ranked}
    pairs = [
        {"a": names[a], "b": names[b], **_crossed(errors[a], errors[b], examples, confidence)}
        for b, a in combinations(ranked, 2)
    ]
    return {
        "about": ABOUT_CONFIGS,
        "configs": [
            {
                "config": names[key],
                "runs": [one.name for one in sides[key]],
                "error": {
                    "value": mean_error(errors[key].mean(axis=0), examples.weights),
                    "each": [mean_error(one, examples.weights) for one in errors[key]],
                    "n": errors[key].shape[1],
                },
            }
            for key in ranked
        ],
        "pairs": _judged(pairs, confidence),
    }


def _seeds(number: int) -> str:
    return "1 seed" if number == 1 else f"{number} seeds"


def _error(errors: Values, examples: Examples, confidence: float) -> dict[str, Any]:
    each = (
        errors if examples.task == "regression" or examples.groups is not None or examples.times is not None else None
    )
    found = Measurement(
        mean_error(errors, examples.weights),
        len(errors),
        errors=each,
        weights=examples.weights,
        groups=examples.codes(errors),
    )
    entry = estimate("dev", found, task=examples.task, confidence=confidence).to_json()
    return {key: entry[key] for key in ("value", "low", "high", "n", "n_eff", "interval") if key in entry}


def _difference(a: Values, b: Values, examples: Examples, confidence: float) -> dict[str, Any]:
    """One pair: the difference of the errors with its interval, the p value, and what gave them."""
    d = a.astype(np.float64) - b
    value = mean_error(d, examples.weights)
    rates = examples.task != "regression"
    counts = {"only_a": int((d > 0).sum()), "only_b": int((d < 0).sum())} if rates else {}
    if (codes := examples.codes(d)) is not None:
        low, high, p, method = clustered_difference(d, codes, confidence, examples.weights)
        interval, test = "clustered", f"{'bootstrap' if method == 'bca' else 't'} over groups"
    elif examples.weights is not None:
        low, high, p, interval = _of_weighted(d, examples.weights, confidence)
        test = "bootstrap" if interval == "bca" else "t"
    elif rates:
        low, high = agresti_min(counts["only_a"], counts["only_b"], len(d), confidence)
        p, interval, test = mcnemar(counts["only_a"], counts["only_b"]), "agresti_min", "mcnemar"
    else:
        low, high, p, interval = _of_means(d, confidence)
        test = "bootstrap" if interval == "bca" else "t"
    known = np.isfinite(low)  # one example, or one group, has no spread
    difference = {"value": value, "low": low if known else None, "high": high if known else None, "interval": interval}
    return {"difference": difference, "p": p, "test": test, **counts}


def _of_means(d: Values, confidence: float) -> tuple[float, float, float, str]:
    scale = float(np.abs(d).max()) or 1.0
    x = d / scale
    mean, influence = float(x.mean()), x - x.mean()
    if len(d) >= FEW and influence.any():
        means = resampled_means(x, DRAWS)
        low, high = bca_ends(means, mean, influence, confidence)
        return low * scale, high * scale, bca_p(means, mean, influence), "bca"
    if len(d) < 2:
        return -np.inf, np.inf, 1.0, "t"
    error = float(x.std(ddof=1)) / len(d) ** 0.5
    low, high = t_interval(mean, error, len(d) - 1, confidence)
    return low * scale, high * scale, t_p(mean, error, len(d) - 1), "t"


def _of_weighted(d: Values, weights: Values, confidence: float) -> tuple[float, float, float, str]:
    kept = weights > 0
    scale = float(np.abs(d).max()) or 1.0
    x, w = d[kept] / scale, weights[kept] / float(weights.max())
    found = weighted_draws(x, w)
    n_eff = effective_size(w)
    if n_eff >= FEW and found.influence.any():
        low, high = bca_ends(found.means, found.mean, found.influence, confidence)
        return low * scale, high * scale, bca_p(found.means, found.mean, found.influence), "bca"
    freedom = max(1, int(n_eff) - 1)
    error = float(np.square(found.influence).sum()) ** 0.5 / float(w.sum()) * (1 + 1 / freedom) ** 0.5
    low, high = t_interval(found.mean, error, freedom, confidence)
    return low * scale, high * scale, t_p(found.mean, error, freedom), "t"


def _crossed(a: Values, b: Values, examples: Examples, confidence: float) -> dict[str, Any]:
    codes = examples.codes(a.mean(axis=0) - b.mean(axis=0))
    found = crossed_difference(a, b, confidence, codes, examples.weights)
    difference = {"value": found.value, "low": found.low, "high": found.high, "interval": "crossed"}
    return {"difference": difference, "p": found.p, "test": "crossed bootstrap", "freedom": found.freedom}


def _judged(pairs: list[dict[str, Any]], confidence: float) -> list[dict[str, Any]]:
    """With p_holm, and `worse` where it says that a is, else `not told apart`."""
    corrected = holm([pair["p"] for pair in pairs])
    return [
        {**pair, "p_holm": p, "verdict": "worse" if p < 1 - confidence else "not told apart"}
        for pair, p in zip(pairs, corrected, strict=True)
    ]
