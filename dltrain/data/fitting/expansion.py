"""From columns of a table to inputs of the network: a number stays one, a category becomes an input each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltrain.data.readers.columns import Kind

OTHER = "other"
Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OneHot:
    """The inputs of a category: one for each name, and one for all others if the training set has some."""

    column: int
    first: int
    """Place of its first input."""
    names: tuple[str, ...]
    other: bool

    @property
    def width(self) -> int:
        return len(self.names) + self.other

    def places(self, vocabulary: Sequence[str]) -> npt.NDArray[np.int64]:
        """For each code of the vocabulary, and last for every code beyond it, the place of the 1; −1 for none."""
        known = {name: place for place, name in enumerate(self.names)}
        unknown = len(self.names) if self.other else -1
        return np.array([*(known.get(name, unknown) for name in vocabulary), unknown], dtype=np.int64)

    def write(self, codes: Table, places: npt.NDArray[np.int64], out: npt.NDArray[np.floating]) -> None:
        """Ones into out: (k, inputs), which is 0 there, for codes (k,) without gaps."""
        found = places[np.minimum(codes, len(places) - 1).astype(np.int64)]
        rows = np.flatnonzero(found >= 0)
        out[rows, self.first + found[rows]] = 1.0


@dataclass(frozen=True, slots=True)
class Expansion:
    """Where each column goes."""

    inputs: tuple[str, ...]
    columns: npt.NDArray[np.int64]
    """Columns that are numbers or dates."""
    places: npt.NDArray[np.int64]
    """Their inputs."""
    one_hot: tuple[OneHot, ...]
    indicators: tuple[tuple[int, int], ...]
    """(column, input that is 1 where the column has a gap)."""


def expand(
    features: Sequence[str],
    kinds: Sequence[Kind],
    categories: Mapping[str, tuple[str, ...]],
    others: Collection[str],
    indicators: Collection[str],
) -> Expansion:
    """The inputs in the order of the columns; an indicator stands behind its column's inputs."""
    inputs: list[str] = []
    columns, places, one_hot, gaps = [], [], [], []
    for column, (name, kind) in enumerate(zip(features, kinds, strict=True)):
        if kind == "category":
            one = OneHot(column, len(inputs), tuple(categories[name]), name in others)
            one_hot.append(one)
            inputs += [f"{name} = {each}" for each in (*one.names, *[OTHER] * one.other)]
        else:
            columns.append(column)
            places.append(len(inputs))
            inputs.append(name)
        if name in indicators:
            gaps.append((column, len(inputs)))
            inputs.append(f"{name} is missing")
    return Expansion(
        tuple(inputs),
        np.array(columns, dtype=np.int64),
        np.array(places, dtype=np.int64),
        tuple(one_hot),
        tuple(gaps),
    )
