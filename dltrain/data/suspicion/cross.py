"""Two columns of few values each that determine the target together, though neither does alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from dltrain.data.fitting.scaling import Vector
from dltrain.data.suspicion.determines import SUPPORT, beats_chance
from dltrain.data.suspicion.suspect import Suspect, leave_out
from dltrain.data.suspicion.training_rows import SAMPLE_ROWS, Codes, TrainingRows

FEW = 100
"""Values of a column, at most."""
COLUMNS = 30
"""Columns that are tried with each other, at most: those of fewest values."""
TOLD = 3
_FIRST = 2_000


def find_crossed(table: TrainingRows, known: frozenset[str]) -> Iterator[Suspect]:
    """Pairs of columns, each pair of whose values has one target; none of `known`."""
    first, codes = table.sample(_FIRST), table.codes(_FIRST)
    columns = _of_few_values(first, [j for j in range(table.k) if table.features[j] not in known])
    pairs = [pair for pair in combinations(columns, 2) if _agrees(first[:, pair], codes)]
    if pairs and table.m > _FIRST:
        sample, codes = table.sample(SAMPLE_ROWS), table.codes(SAMPLE_ROWS)
        pairs = [pair for pair in pairs if _agrees(sample[:, pair], codes)]
    told = 0
    for pair in pairs:
        both = np.column_stack([table.column(j) for j in pair])
        groups = _agrees(both, table.codes())
        tried = len(columns) ** 2
        if told < TOLD and groups and groups <= table.m / SUPPORT and beats_chance(table.codes(), groups, tried):
            told += 1
            yield _suspect(table, pair, groups)


def _suspect(table: TrainingRows, pair: tuple[int, ...], groups: int) -> Suspect:
    names = tuple(table.features[j] for j in pair)
    one = "value" if table.task == "regression" else "class"
    text = (
        f"determines: {names[0]} and {names[1]} together give {table.target}: each of their {groups} pairs of values "
        f"has one {one}; if they are not known before {table.target} is, {leave_out(names)}"
    )
    return Suspect(kind="determines", columns=names, text=text)


def _of_few_values(sample: Vector, columns: list[int]) -> list[int]:
    """Those with 2 to 100 values, gaps among them, the fewest first."""
    counted = [(len(np.unique(sample[:, j])), j) for j in columns]
    return [j for count, j in sorted(counted) if 1 < count <= FEW][:COLUMNS]


def _agrees(both: Vector, codes: Codes) -> int:
    """How many pairs of values there are if each has one target, else 0. A gap is a value of its own."""
    if codes.min() == codes.max():
        return 0
    a, b = (np.unique(column, return_inverse=True)[1] for column in both.T)
    pair = a.astype(np.int64) * (int(b.max()) + 1) + b
    targets = np.full(int(pair.max()) + 1, -1, dtype=np.int64)
    targets[pair] = codes
    return int((targets >= 0).sum()) if (targets[pair] == codes).all() else 0
