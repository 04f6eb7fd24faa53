"""What is learned of gaps and categories: fills, indicators and the names that get an input. Training rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.scaling import Vector, blocks, fit_scale
from dltrain.data.large.store import column_by_column
from dltrain.data.raw import Numbers
from dltrain.data.readers.columns import Kind

Missing = Literal["error", "mean", "median", "most_frequent", "drop"]
Fill = float | str


@dataclass(frozen=True, slots=True)
class Categories:
    """Names with an input of their own, feature by feature, and the features with an input for all others."""

    names: dict[str, tuple[str, ...]]
    others: tuple[str, ...]
    frequent: dict[str, str]
    """Most frequent name of each, what its gaps are filled with."""


def gaps_in(X: Numbers, rows: npt.NDArray[np.int64] | None) -> npt.NDArray[np.bool_]:
    """(n_x,): whether a column has a gap in the chosen rows."""
    found = np.zeros(X.shape[1], dtype=np.bool_)
    if X.dtype.kind == "f":
        for block in blocks(X, rows):
            found |= np.isnan(block).any(axis=0)
    return found


def fit_categories(
    X: Numbers,
    rows: npt.NDArray[np.int64] | None,
    features: Sequence[str],
    kinds: Sequence[Kind],
    vocabularies: Mapping[str, Sequence[str]],
) -> Categories:
    """Names that occur twice at least, sorted. Those that occur once are learned together, as `other`.

    What was seen once stands for what will be seen for the first time (Good 1953): the weights of `other` are
    then learned. Without any such name an unknown category is all zeros, as an input that is constant on the
    training set is.
    """
    names: dict[str, tuple[str, ...]] = {}
    frequent: dict[str, str] = {}
    others = []
    places = [place for place, kind in enumerate(kinds) if kind == "category"]
    for place, values in zip(places, column_by_column(X, rows, places), strict=True):
        feature = features[place]
        words = vocabularies[feature]
        counts = np.bincount(values[~np.isnan(values)].astype(np.int64), minlength=len(words))
        names[feature] = tuple(sorted(words[code] for code in np.flatnonzero(counts > 1).tolist()))
        if (counts == 1).any():
            others.append(feature)
        most = int(counts.max(initial=0))
        frequent[feature] = (
            min((words[code] for code in np.flatnonzero(counts == most).tolist()), default="") if most else ""
        )
    return Categories(names, tuple(others), frequent)


def fit_fills(
    X: Numbers, rows: npt.NDArray[np.int64] | None, columns: npt.NDArray[np.int64], missing: Missing
) -> Vector:
    """Mean, median or most frequent value (the least of several) of each of the columns; 0 where all is missing."""
    return np.array([_fill(values, missing) for values in column_by_column(X, rows, columns.tolist())])


def _fill(values: Numbers, missing: Missing) -> float:
    present = values[~np.isnan(values)].astype(np.float64) if values.dtype.kind == "f" else values.astype(np.float64)
    if not len(present):
        return 0.0
    if missing == "median":
        return float(np.median(present))
    if missing == "most_frequent":
        distinct, counts = np.unique(present, return_counts=True)
        return float(distinct[counts.argmax()])
    low = float(present.min())
    return low + float(np.mean(present - low))


def fit_inputs(
    X: Numbers,
    rows: npt.NDArray[np.int64] | None,
    features: Sequence[str],
    kinds: Sequence[Kind],
    vocabularies: Mapping[str, Sequence[str]],
    *,
    normalize: Literal["standard", "minmax", "none"],
    missing: Missing,
    missing_indicator: bool,
    channels: int | None,
) -> dict[str, Any]:
    """The fields of a Preparation that are fitted on the inputs: mu, sigma, constant, categories, fills, ..."""
    filled = missing not in ("error", "drop")
    words = [kind == "category" for kind in kinds] or [False] * len(features)
    numbers = np.flatnonzero(np.invert(words))
    fills = fit_fills(X, rows, numbers, missing) if filled else None
    scale = fit_scale(X, rows, normalize, channels, numbers if any(words) else None, fills)
    mu, sigma = scale.mu, scale.sigma
    if any(words):
        mu, sigma = np.zeros(len(features)), np.ones(len(features))
        mu[numbers], sigma[numbers] = scale.mu, scale.sigma
    found = fit_categories(X, rows, features, kinds, vocabularies)
    constant = {features[column] for column in numbers[scale.constant].tolist()}
    constant |= {name for name, names in found.names.items() if len(names) + (name in found.others) < 2}
    values: dict[str, Fill] = dict(found.frequent)
    if fills is not None:
        values |= {features[column]: fill for column, fill in zip(numbers.tolist(), fills.tolist(), strict=True)}
    gaps = gaps_in(X, rows) if filled and missing_indicator else np.zeros(len(features), dtype=np.bool_)
    return {
        "mu": mu,
        "sigma": sigma,
        "constant": tuple(name for name in features if name in constant),
        "categories": found.names,
        "others": found.others,
        "fills": {name: values[name] for name in features} if filled else {},
        "indicators": tuple(features[column] for column in np.flatnonzero(gaps).tolist()),
    }
