"""Rows changed beyond recognition, for the proof that those of other parts do not reach the training set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.cleaning import labels_of
from dltrain.data.large.store import Store, Stored
from dltrain.data.raw import Labels, Numbers, Raw, is_text
from dltrain.data.splitting.split import Rows

Counts = npt.NDArray[np.int64]
GAP_EVERY = 7
"""Every seventh cell or so becomes a gap, where gaps are filled."""
FAR = 10
"""Numbers move by ten times the largest of their column."""
NEW_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbed:
    """The changed table and how many cells of each row changed: (n,) each, 0 where the row was kept."""

    raw: Raw
    cells: Counts
    gaps: Counts
    categories: Counts
    targets: Counts

    def of(self, rows: Rows) -> Perturbed:
        """The counts of these rows alone."""
        counts = {name: getattr(self, name)[rows] for name in ("cells", "gaps", "categories", "targets")}
        return replace(self, **counts)


def perturbed(raw: Raw, kept: Rows | None, train: Labels, *, quantity: bool, gaps: bool) -> Perturbed:
    """A copy of the table with every cell, target and weight changed, but for the `kept` rows.

    Args:
        train: the training rows' targets; for classes the others get one of these, so that they stay valid.
        quantity: the target is one.
        gaps: some cells become gaps.
    """
    free = np.ones(raw.n, dtype=np.bool_)
    if kept is not None:
        free[kept] = False
    y = labels_of(raw).copy()
    y[free] = far_off(y[free]) if quantity else other_classes(y[free], train)
    before = raw.X[:]
    after = _other_inputs(raw, before, free, gaps)
    other = replace(
        raw,
        X=_kept_like(raw.X, after),
        y=y,
        vocabularies={name: (*names, *_new_names(names)) for name, names in raw.vocabularies.items()},
        extras={role: _other_extra(role, values, free) for role, values in raw.extras.items()},
    )
    return _counted(raw, other, before, after)


def _kept_like(table: object, X: Numbers) -> Numbers:
    """X: (n, k), kept in memory as the table is, so that sums are taken in the same order."""
    if not isinstance(table, Stored):
        return X
    found = Store(table.k, table.offset, table.kept)
    found.append(X)
    return cast("Numbers", found)


def _other_inputs(raw: Raw, before: Labels, free: npt.NDArray[np.bool_], gaps: bool) -> Labels:
    X = before.copy()
    number = np.arange(raw.n)
    for j, name in enumerate(raw.features):
        names = raw.vocabularies.get(name)
        X[free, j] = far_off(X[free, j]) if names is None else other_codes(X[free, j], len(names))
        if gaps and X.dtype.kind == "f":
            X[free & ~np.isnan(before[:, j]) & ((number + j) % GAP_EVERY == 0), j] = np.nan
    return X


def _counted(raw: Raw, other: Raw, before: Labels, after: Labels) -> Perturbed:
    had, has = np.isnan(before), np.isnan(after)
    beyond = np.array([len(raw.vocabularies.get(name, ())) or np.inf for name in raw.features])
    return Perturbed(
        raw=other,
        cells=((after != before) & ~(had & has)).sum(axis=1),
        gaps=(has & ~had).sum(axis=1),
        categories=(after >= beyond).sum(axis=1),
        targets=(labels_of(other) != labels_of(raw)).astype(np.int64),
    )


def far_off(values: Labels) -> Labels:
    """Numbers (n,) of which each differs from what it was, a gap filled: −x − 10 max|x|; −x − 1 for integers."""
    if values.dtype.kind != "f":
        return np.asarray(np.invert(values))
    there = ~np.isnan(values)
    largest = float(np.abs(values[there]).max(initial=0.0)) or 1.0
    if largest > 1e30:
        return np.where(there & (values != 0), -values, largest).astype(values.dtype)
    return np.where(there, -values - FAR * largest, -FAR * largest).astype(values.dtype)


def other_codes(codes: Labels, size: int) -> Labels:
    """Codes (n,) of other categories: by turns the next one that is known, and one of three beyond `size`."""
    turn = np.arange(len(codes))
    known = np.where(np.isnan(codes), 0, (codes + 1) % max(1, size))
    return np.where((turn % 2 == 0) | (size < 2), size + turn % NEW_NAMES, known)


def other_classes(y: Labels, train: Labels) -> Labels:
    """Each of y: (n,) replaced by the next of the classes that train: (m,) has."""
    text = is_text(y)
    classes = np.unique(train.astype(str) if text else train)
    place = np.searchsorted(classes, y.astype(str) if text else y)
    found = classes[(place + 1) % len(classes)]
    return np.asarray(found.astype(object if text else y.dtype))


def _new_names(names: tuple[str, ...]) -> list[str]:
    known, n = set(names), 0
    found: list[str] = []
    while len(found) < NEW_NAMES:
        n += 1
        if f"perturbed {n}" not in known:
            found.append(f"perturbed {n}")
    return found


def _other_extra(role: str, values: Labels, free: npt.NDArray[np.bool_]) -> Any:
    if role != "weight":
        return values
    weights = values.copy()
    weights[free] = 3 * weights[free] + 1
    return weights
