"""Folds: the rows that would be train and dev, dealt into k parts of about one size, each of which is dev once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dltrain.config.records import Split
from dltrain.data.splitting.deal import Rows, deal_order, draw_parts
from dltrain.data.splitting.groups import Ints, deal_folds, draw_groups
from dltrain.data.splitting.sizes import Sizes
from dltrain.engine.streams import Purpose, permutation
from dltrain.errors import InputError, Problem

PLACE = 2
"""Of the draw in split.seed's stream; the parts themselves have 0 and 1."""


def draw_folds(
    split: Split, sizes: Sizes, classes: Ints | None, groups: Ints | None
) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """Row numbers of each part, ascending, with fold `split.fold` (0 if none is named) as dev; and what to say.

    The test rows are drawn first and depend on their own size alone, so that every fold has the same. classes: (n,)
    numbers to keep in proportion in every fold; groups: (n,) numbers whose rows stay in one fold.
    """
    assert split.folds is not None
    pooled = replace(sizes, train=sizes.train + sizes.dev, dev=0)
    if groups is None:
        parts = draw_parts(pooled, split.seed, classes)
    else:
        parts, _ = draw_groups(pooled, split.seed, groups, classes)
    pool, number = parts["train"], split.fold or 0
    folds = _deal(pool, split, classes, groups)
    if not all(len(fold) for fold in folds):
        message = f"{split.folds} folds of {len(pool)} rows leave one empty; ask for fewer"
        raise InputError(Problem(message, "split.folds"))
    parts |= {"dev": folds[number], "train": np.setdiff1d(pool, folds[number])}
    kept = "" if groups is None else f", whole groups of {split.group}"
    return parts, (f"folds: dev is fold {number} of 0 to {split.folds - 1}, of {len(pool)} rows{kept}",)


def _deal(pool: Rows, split: Split, classes: Ints | None, groups: Ints | None) -> list[Rows]:
    assert split.folds is not None
    k = split.folds
    if groups is not None:
        return [np.sort(fold) for fold in deal_folds(pool, groups, classes, k, split.seed)]
    sizes = tuple((len(pool) + k - 1 - fold) // k for fold in range(k))
    order = pool[permutation(len(pool), split.seed, Purpose.SPLIT, PLACE)]
    return [np.sort(fold) for fold in deal_order(order, sizes, classes)]
