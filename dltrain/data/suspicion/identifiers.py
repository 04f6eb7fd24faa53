"""Columns that name the rows or nearly so: they promise much on the training set and say nothing of new rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dltrain.data.fitting.scaling import Vector
from dltrain.data.suspicion.suspect import Suspect, leave_out
from dltrain.data.suspicion.training_rows import TrainingRows

LEAST_ROWS = 20
"""Fewer values say nothing."""
DIFFERENT = 0.995
"""So large a share of a numbering's values is different."""
NAMES = 0.95
"""Categories are names if so large a share of them stands in one row alone."""
COLLISIONS = 15
"""Random whole numbers are expected to repeat at least so often, where none that do are called a numbering."""
SPREAD = 10
"""A numbering has gaps (rows of other parts, deleted ones), but is not more than so many times as long as the file."""
CATEGORIES, SHARE, FEW = 50, 0.1, 10
"""Many categories: more than 50, or more than a tenth of the rows (but for up to 10)."""
GAPS = 0.5

_NAMED_ID = re.compile(r"(?:^|[\W_])(?:id|ids|idx|index|uuid|guid|rowid)$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])I[dD]$")


def find_identifiers(table: TrainingRows) -> Iterator[Suspect]:
    """Numbers that number the rows, and categories of which nearly every row has its own."""
    for j, (present, different) in enumerate(table.distinct()):
        if present < LEAST_ROWS or different < NAMES * present:
            continue
        name, text = table.features[j], ""
        if table.kinds[j] == "category":
            text = _naming(table, j)
        elif table.kinds[j] == "number" and _may_number(table, j):
            text = _numbering(table, j)
        if text:
            yield Suspect(kind="identifier", columns=(name,), text=f"identifier: {text}; {leave_out((name,))}")


def find_many_categories(table: TrainingRows, known: frozenset[str]) -> Iterator[Suspect]:
    """Categories in such number that one-hot columns of them have few rows each; not those of `known`.

    A category becomes an input if two training rows have it; all others become one together.
    """
    for j, name in enumerate(table.features):
        if table.kinds[j] != "category" or name in known:
            continue
        if len(table.vocabularies[name]) <= min(CATEGORIES, max(FEW, SHARE * table.m)):
            continue
        values = table.column(j)
        counts = np.bincount(values[~np.isnan(values)].astype(np.int64))
        different, inputs = int(np.count_nonzero(counts)), int((counts > 1).sum() + (counts == 1).any())
        if different > CATEGORIES or different > max(FEW, SHARE * table.m):
            text = (
                f"high cardinality: {name} has {different} categories in {table.m} training rows and becomes "
                f"{inputs} inputs; merge the rare ones, or {leave_out((name,))}"
            )
            yield Suspect(kind="high cardinality", columns=(name,), text=text)


def find_mostly_missing(table: TrainingRows) -> Iterator[Suspect]:
    """Columns with a gap in more than half of the training rows."""
    likely = np.isnan(table.sample()).mean(axis=0) > 0.8 * GAPS
    for j in np.flatnonzero(likely).tolist():
        share = float(np.isnan(table.column(j)).mean())
        if share > GAPS:
            name = table.features[j]
            text = (
                f"mostly missing: {name} has no value in {share:.0%} of the training rows; "
                f"{leave_out((name,))}, or keep what a gap says with data.missing_indicator: true"
            )
            yield Suspect(kind="mostly missing", columns=(name,), text=text)


def _is_named(name: str) -> bool:
    return bool(_NAMED_ID.search(name) or _CAMEL.search(name))


def _may_number(table: TrainingRows, j: int) -> bool:
    """Whether the sample's values are whole, and near enough or of a column that is called an identifier."""
    values = table.sample()[:, j]
    values = values[~np.isnan(values)]
    if (values != np.floor(values)).any() or np.abs(values).max() >= 2**53:
        return False
    return _is_named(table.features[j]) or _steps(values)[1] <= SPREAD * len(table.X)


def _steps(values: Vector) -> tuple[int, int]:
    """The largest step in which all of these whole numbers are reached, and how long a numbering in it is."""
    whole = values.astype(np.int64)
    low, high = int(whole.min()), int(whole.max())
    step = int(np.gcd.reduce(whole - low)) or 1
    return step, (high - low) // step + 1


def _numbering(table: TrainingRows, j: int) -> str:
    """Different whole numbers, so near to each other that others than a numbering's would repeat."""
    values = table.column(j)
    values = values[~np.isnan(values)]
    if (values != np.floor(values)).any() or np.abs(values).max() >= 2**53:
        return ""
    name, m, different = table.features[j], len(values), len(np.unique(values))
    step, length = _steps(values)
    dense = length <= SPREAD * len(table.X) and m * m / (2 * length) >= COLLISIONS
    if dense and different >= DIFFERENT * m:
        return f"{name} numbers the rows" + (f" in steps of {step}" if step > 1 else "")
    if _is_named(name) and different >= NAMES * m:
        return f"{name} has {different} different whole numbers in {m} rows"
    return ""


def _naming(table: TrainingRows, j: int) -> str:
    values = table.column(j)
    values = values[~np.isnan(values)]
    different = len(np.unique(values))
    if different < NAMES * len(values):
        return ""
    return f"{table.features[j]} names the rows ({different} different values in {len(values)})"
