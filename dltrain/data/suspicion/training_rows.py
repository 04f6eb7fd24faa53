"""The training rows as those see them who look for what is suspicious: evenly drawn samples first, all if needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.scaling import Vector
from dltrain.data.labels import SettledTask, numbered
from dltrain.data.raw import Labels, Numbers, is_text
from dltrain.data.readers.columns import Kind

SAMPLE_ROWS = 20_000
SAMPLE_VALUES = 2_000_000
"""A sample has at most so many rows, and so many values unless that were fewer than 1,000 rows."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingRows:
    """X: (n, k), the chosen rows of which are the training set; y: (n,)."""

    X: Numbers
    kinds: Sequence[Kind]
    features: Sequence[str]
    vocabularies: Mapping[str, Sequence[str]]
    y: Labels
    task: SettledTask
    rows: npt.NDArray[np.int64]
    target: str = "the target"
    _columns: dict[int, Vector] = field(default_factory=dict)
    _codes: dict[int, Codes] = field(default_factory=dict)
    _samples: dict[int, Vector] = field(default_factory=dict)
    _distinct: list[tuple[int, int]] = field(default_factory=list)

    @property
    def m(self) -> int:
        return len(self.rows)

    @property
    def k(self) -> int:
        return int(self.X.shape[1])

    def column(self, j: int) -> Vector:
        """(m,) float64: one column of all training rows, NaN where there is a gap. Kept: it is asked for again."""
        if j not in self._columns:
            self._columns[j] = self.X[self.rows, j].astype(np.float64)
        return self._columns[j]

    def drawn(self, most: int = SAMPLE_ROWS) -> npt.NDArray[np.int64]:
        """Row numbers of an evenly drawn sample of the training rows, ascending."""
        size = min(most, self.m, max(1_000, SAMPLE_VALUES // max(1, self.k)))
        return self.rows[np.linspace(0, self.m - 1, size).astype(np.int64)]

    def sample(self, most: int = SAMPLE_ROWS) -> Vector:
        """(s, k) float64: the inputs of these rows."""
        if most not in self._samples:
            self._samples[most] = self.X[self.drawn(most)].astype(np.float64)
        return self._samples[most]

    def distinct(self) -> list[tuple[int, int]]:
        """Of each column in the sample: how many values, and how many different ones."""
        if not self._distinct:
            ordered = np.sort(self.sample(), axis=0)  # gaps last
            present = (~np.isnan(ordered)).sum(axis=0).tolist()
            steps = (ordered[1:] > ordered[:-1]).sum(axis=0).tolist()
            self._distinct.extend((n, step + 1 if n else 0) for n, step in zip(present, steps, strict=True))
        return self._distinct

    def codes(self, most: int | None = None) -> Codes:
        """The distinct targets of a sample, or of all training rows, by number: in order of value, or of name."""
        key = most or 0
        if key not in self._codes:
            y = self.y[self.rows if most is None else self.drawn(most)]
            codes = numbered(y)[1] if is_text(y) else np.unique(y, return_inverse=True)[1]
            self._codes[key] = codes.astype(np.int64)
        return self._codes[key]

    def numeric(self, most: int | None = None) -> Vector | None:
        """The targets as numbers, 0 and 1 for two classes; None for more classes that are text."""
        if not is_text(self.y) and self.task != "binary":
            rows = self.rows if most is None else self.drawn(most)
            return self.y[rows].astype(np.float64)
        return self.codes(most).astype(np.float64) if self.task == "binary" else None
