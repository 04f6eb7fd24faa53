"""Who is in which part. It depends on split.seed and the rows alone, never on the training seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dltrain.config.records import Split
from dltrain.data.raw import Labels, is_text
from dltrain.data.splitting.deal import Rows, draw_parts, proportional
from dltrain.data.splitting.folds import draw_folds
from dltrain.data.splitting.groups import check_apart, draw_groups
from dltrain.data.splitting.hashing import draw_by_hash
from dltrain.data.splitting.named_parts import TELL, draw_by_name
from dltrain.data.splitting.periods import check_times, draw_by_time
from dltrain.data.splitting.sizes import Sizes
from dltrain.engine.streams import Purpose, permutation
from dltrain.errors import InputError, Problem

__all__ = ["Drawn", "Rows", "draw", "draw_limit", "draw_parts", "proportional"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Who is in which part, and what to say of it."""

    rows: dict[str, Rows]
    """Row numbers of train, train_dev, dev and test, each ascending; together every row once."""
    notes: tuple[str, ...] = field(default=())


def draw_limit(n: int, limit: int, seed: int) -> Rows:
    """`limit` of n row numbers, ascending."""
    return np.sort(permutation(n, seed, Purpose.LIMIT)[:limit]).astype(np.int64, copy=False)


def draw(
    split: Split,
    sizes: Sizes,
    n: int,
    *,
    classes: npt.NDArray[np.int64] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    column: Labels | None = None,
    dates: bool = False,
) -> Drawn:
    """Deals n rows to the parts, as `split` says.

    Args:
        sizes: from `settle_sizes` or `settle_apart`.
        classes: (n,) class numbers to keep in proportion, or None.
        groups: (n,) group numbers from 0; the rows of one stay together. By column it is only checked that they do.
        column: (n,) values of split.column, where `by` reads one; a gap is NaN or empty text.
        dates: its numbers are days since 1970-01-01, which notes write as dates.

    Raises InputError for a split that cannot be; a problem's `where` is `row N`, from 0, where one row is at fault.
    """
    if column is not None and split.by in ("time", "hash", "column"):
        _check_gaps(column, split)
        if split.by == "time":
            check_times(column, split.column or "the column")
            rows, notes = draw_by_time(sizes, split.seed, column, dates=dates)
        elif split.by == "hash":
            assert sizes.ratios is not None
            rows, notes = draw_by_hash(sizes.ratios, split.seed, column)
        else:
            rows, notes = draw_by_name(column, split.column or "the column")
            if groups is not None:
                check_apart(groups, rows)
    elif split.folds is not None:
        rows, notes = draw_folds(split, sizes, classes, groups)
    elif groups is not None:
        rows, notes = draw_groups(sizes, split.seed, groups, classes)
    else:
        rows, notes = draw_parts(sizes, split.seed, classes), ()
    return Drawn(rows=rows, notes=notes)


def _check_gaps(column: Labels, split: Split) -> None:
    """Nobody can tell the part of a row whose cell is empty."""
    if is_text(column):
        gaps = np.flatnonzero(np.array([not cell or cell.isspace() for cell in column.tolist()], dtype=np.bool_))
    else:
        gaps = np.flatnonzero(np.isnan(column)) if column.dtype.kind == "f" else np.empty(0, np.int64)
    if not len(gaps):
        return
    why = {"time": "it has no place in time", "hash": "it has no key", "column": "its part is not said"}[split.by]
    problems = [
        Problem(f"no value in {split.column}, so {why}; fill it in, or take the row out", "split.column", f"row {row}")
        for row in gaps[:TELL].tolist()
    ]
    if len(gaps) > TELL:
        problems.append(Problem(f"{len(gaps) - TELL} more rows have no value in {split.column}", "split.column"))
    raise InputError(*problems)
