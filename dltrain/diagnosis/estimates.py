"""An error with its interval: what is known of each part, and by what method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from dltrain.diagnosis.intervals import Interval, wilson, wilson_finite

if TYPE_CHECKING:
    from dltrain.engine.arrays import Floats, Ints

Source: TypeAlias = Literal["measured", "stated", "human", "estimated", "assumed", "typed"]
Method: TypeAlias = Literal["exact", "wilson", "wilson_finite", "bca", "t_skew", "t", "chi_square", "clustered", "none"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """An error as it was measured, stated, assumed or typed by hand.

    `value` is a fraction misclassified, or for regression the mean of `errors`, e_i = (y − ŷ)²/Var_train(y).
    """

    value: float
    n: int | None = None
    """Examples it was measured on; None if unknown (there is no interval then) or if nothing was measured."""
    source: Source | str = "measured"
    """measured, stated, human, estimated, assumed or typed."""
    errors: Floats | None = field(default=None, compare=False, repr=False)
    """(n,): e_i of each example, for regression and with `groups`."""
    selected: bool = False
    """True for a dev set that early stopping or a search has looked at: its error is too good."""
    population: int | None = None
    """Examples of the training set, when only n of them, drawn at random, were measured."""
    weights: Floats | None = field(default=None, compare=False, repr=False)
    """(n,): of each example, where `value` is a weighted mean."""
    groups: Ints | None = field(default=None, compare=False, repr=False)
    """(n,): the group of each example, where whole groups were drawn, or its block in time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An error with its interval. `low` and `high` equal `value` when exact, and are None when unknown."""

    value: float
    low: float | None
    high: float | None
    n: int | None
    source: str
    method: Method
    selected: bool = False
    population: int | None = None
    n_eff: float | None = None
    """What the n examples are worth in the interval: (Σw)²/Σw² with weights, n/deff with groups."""
    mean: bool = False
    """Of a regression: its interval is that of a mean, not of a rate."""

    @property
    def interval(self) -> Interval | None:
        return None if self.low is None or self.high is None else Interval(self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """`value, low, high, n, source, interval` (the method), and `n_eff`, `selected` and `population` where they
        apply."""
        entry: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high, "n": self.n}
        entry |= {"source": self.source, "interval": self.method}
        if self.n_eff is not None:
            entry["n_eff"] = self.n_eff
        if self.selected:
            entry["selected"] = True
        if self.population is not None:
            entry["population"] = self.population
        return entry

    def on_more(self, n: int, confidence: float) -> Estimate:
        """The same error seen on n examples, n_eff growing with n: what the interval would then be. Ends of a mean
        move in as 1/√n."""
        if self.interval is None or self.n is None or self.method == "exact":
            return self
        n_eff = None if self.n_eff is None else self.n_eff * n / self.n
        if self.method == "wilson" or (self.method == "clustered" and not self.mean):
            ends = wilson(self.value, n_eff or n, confidence)
        elif self.method == "wilson_finite" and self.population is not None:
            ends = wilson_finite(self.value, n, self.population, confidence, n_eff)
        else:
            ends = _narrowed(self.interval, self.value, math.sqrt(self.n / n))
        return replace(self, n=n, n_eff=n_eff, low=ends.low, high=ends.high)


def estimate(part: str, measurement: Measurement, *, task: str, confidence: float) -> Estimate:
    """The error of a part with the interval that fits it.

    train is exact, since it is measured on all that the network was fitted on; bayes is exact unless it has an n.
    """
    m = measurement
    value = float(m.value)
    n = len(m.errors) if m.errors is not None else m.n
    n_eff = _effective(m, confidence)
    ends: Interval | None
    method: Method
    if _is_exact(part, m, n):
        ends, method = Interval(value, value), "exact"
    elif n is None or (task == "regression" and m.errors is None):
        ends, method = None, "none"
    elif m.groups is not None:
        ends, method = _of_groups(m, n_eff or 1.0, task, confidence), "clustered"
    elif task == "regression":
        ends, method = _of_mean(m, n, confidence)
    elif m.population is not None:
        ends, method = wilson_finite(value, n, m.population, confidence, n_eff), "wilson_finite"
    else:
        ends, method = wilson(value, n_eff or n, confidence), "wilson"
    low, high = (None, None) if ends is None else (min(ends.low, value), max(ends.high, value))
    return Estimate(value, low, high, n, m.source, method, m.selected, m.population, n_eff, task == "regression")


def from_json(entry: Mapping[str, Any], *, task: str) -> Estimate:
    """An estimate back from `to_json`, or from any {value, low, high, n} of the same task."""
    usual: Method = "none" if entry.get("low") is None else "bca" if task == "regression" else "wilson"
    return Estimate(
        value=entry["value"],
        low=entry.get("low"),
        high=entry.get("high"),
        n=entry.get("n"),
        source=entry.get("source", "measured"),
        method=entry.get("interval", usual),
        selected=entry.get("selected", False),
        population=entry.get("population"),
        n_eff=entry.get("n_eff"),
        mean=task == "regression",
    )


def _effective(m: Measurement, confidence: float) -> float | None:
    if m.groups is not None:
        from dltrain.diagnosis.clusters import effective_examples

        assert m.errors is not None
        return effective_examples(m.errors, m.groups, confidence, m.weights)
    if m.weights is None:
        return None
    from dltrain.diagnosis.weighted import effective_size

    return effective_size(m.weights)


def _is_exact(part: str, m: Measurement, n: int | None) -> bool:
    if part == "train":
        return m.population is None or n is None or n >= m.population
    return part == "bayes" and n is None


def _of_mean(m: Measurement, n: int, confidence: float) -> tuple[Interval, Method]:
    from dltrain.diagnosis.means import mean_interval

    assert m.errors is not None
    ends, method = mean_interval(m.errors, confidence, m.weights)
    if m.population is not None:
        ends = _narrowed(ends, float(m.value), math.sqrt((m.population - n) / (m.population - 1)))
    return ends, method


def _of_groups(m: Measurement, n_eff: float, task: str, confidence: float) -> Interval:
    """Wilson's of a rate on n_eff examples; of a mean the bootstrap that draws whole groups."""
    if task != "regression":
        return wilson(float(m.value), n_eff, confidence)
    from dltrain.diagnosis.clusters import cluster_means
    from dltrain.diagnosis.weighted import weighted_interval

    assert m.errors is not None and m.groups is not None
    means, sizes = cluster_means(m.errors, m.groups, m.weights)
    return weighted_interval(means, sizes, confidence)[0]


def _narrowed(ends: Interval, value: float, factor: float) -> Interval:
    return Interval(value - (value - ends.low) * factor, value + (ends.high - value) * factor)
