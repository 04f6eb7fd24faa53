"""Columns that give the target away alone: a copy, a rescaling, a rank, a code or a score that it follows from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lgamma, log
from typing import Literal

import numpy as np

from dltrain.data.fitting.scaling import Vector
from dltrain.data.suspicion.suspect import Suspect, leave_out
from dltrain.data.suspicion.training_rows import SAMPLE_ROWS, Codes, TrainingRows

SUPPORT = 5
"""Rows that a value has on average, at least: a value of one row alone always has one target."""
CHANCE = log(1e-6)
"""The odds that a column chosen without a look at the target did as well stay below this."""
LEAST_PRESENT = 0.1
"""A column with fewer values than this share of the rows determines nothing."""
RANKS = 20
_FIRST = 2_000

How = Literal["", "range", "map", "rising", "falling"]


@dataclass(frozen=True, slots=True)
class Groups:
    """The values of a column in ascending order, each with the least and the greatest target's code among its rows."""

    low: Codes
    high: Codes
    n: int

    @property
    def pure(self) -> bool:
        """Every value has one target."""
        return bool((self.low == self.high).all())

    @classmethod
    def of(cls, values: Vector, codes: Codes) -> Groups:
        order = np.lexsort((codes, values))
        values, codes = values[order], codes[order]
        starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
        ends = np.append(starts[1:], len(values)) - 1
        return cls(codes[starts], codes[ends], len(values))


def find_single(table: TrainingRows, known: frozenset[str]) -> Iterator[Suspect]:
    """Columns from whose value alone the target follows; not those of `known`."""
    columns = [j for j in range(table.k) if table.features[j] not in known]
    for most in (_FIRST, SAMPLE_ROWS):
        sample, codes = table.sample(most), table.codes(most)
        columns = [j for j in columns if _may(sample[:, j], codes, table, j)]
    for j in columns:
        found = how(table.column(j), table.codes(), table, j)
        if found:
            name = table.features[j]
            text = f"determines: {name} alone gives {table.target}: {_said(found, table, j)}; {known_in_time(table)}"
            yield Suspect(kind="determines", columns=(name,), text=f"{text} {leave_out((name,))}")


def known_in_time(table: TrainingRows) -> str:
    return f"if it is not known before {table.target} is,"


def _may(values: Vector, codes: Codes, table: TrainingRows, j: int) -> bool:
    """Whether the rows of a sample leave it possible that the column gives the target away."""
    there = ~np.isnan(values)
    if there.sum() < 2:
        return True
    codes = codes[there]
    groups = Groups.of(values[there], codes)
    present, different = table.distinct()[j]
    repeats = 2 * different <= present
    return bool((repeats and groups.pure) or _rank(groups, table, j) or _ranges(groups, codes, table, j))


def how(values: Vector, codes: Codes, table: TrainingRows, j: int) -> How:
    """How a column (m,) gives the target away, if more clearly than chance would let it."""
    there = ~np.isnan(values)
    if there.sum() < max(2 * SUPPORT, LEAST_PRESENT * len(values)):
        return ""
    codes = codes[there]
    groups = Groups.of(values[there], codes)
    distinct = len(groups.low)
    rank = _rank(groups, table, j)
    if rank and min(distinct, len(np.unique(codes))) >= RANKS:
        return rank
    if _ranges(groups, codes, table, j) and beats_chance(codes, 0, table.k):
        return "range"
    rare = distinct > groups.n / SUPPORT
    return "map" if groups.pure and not rare and beats_chance(codes, distinct, table.k) else ""


def _rank(groups: Groups, table: TrainingRows, j: int) -> How:
    """The target never falls, or never rises, as the column rises: a rescaling, or the target rounded."""
    if table.task != "regression" or table.kinds[j] == "category":
        return ""
    if (groups.low[1:] >= groups.high[:-1]).all():
        return "rising"
    return "falling" if (groups.high[1:] <= groups.low[:-1]).all() else ""


def _ranges(groups: Groups, codes: Codes, table: TrainingRows, j: int) -> bool:
    """Each class has a range of values that no other enters."""
    if table.task == "regression" or table.kinds[j] == "category" or not groups.pure:
        return False
    return int(np.count_nonzero(np.diff(groups.low))) == len(np.unique(codes)) - 1


def beats_chance(codes: Codes, groups: int, columns: int) -> bool:
    """Whether targets dealt out at random would hardly ever fit any of so many columns.

    Of the n!/Π n_c! ways to deal them, at most C^groups give every value one target, and at most C! give every
    target one range (groups 0).
    """
    counts = np.bincount(codes)
    sizes, times = np.unique(counts[counts > 0], return_counts=True)
    ways = lgamma(len(codes) + 1) - sum(t * lgamma(s + 1) for s, t in zip(sizes.tolist(), times.tolist(), strict=True))
    classes = int(times.sum())
    fitting: float = groups * log(classes) if groups else lgamma(classes + 1)
    return bool(fitting - ways + log(max(1, columns)) < CHANCE)


def _said(found: How, table: TrainingRows, j: int) -> str:
    if found == "rising":
        return "it never falls as the column rises"
    if found == "falling":
        return "it never rises as the column rises"
    if found == "range":
        return "each class is a range of it"
    values = table.column(j)
    each = f"each of its {len(np.unique(values[~np.isnan(values)]))} values"
    gaps = " (gaps aside)" if np.isnan(values).any() else ""
    return f"{each} has one {'value' if table.task == 'regression' else 'class'}{gaps}"
