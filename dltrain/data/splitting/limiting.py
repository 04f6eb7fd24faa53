"""`data.train_limit`: fewer training rows, nested, so that what more of them buy can be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dltrain.data.fitting.cleaning import labels_of
from dltrain.data.labels import numbered
from dltrain.data.splitting.dealing import Drawn
from dltrain.engine.streams import Purpose, permutation

Ints = npt.NDArray[np.int64]
LAYER = 1
"""Of the draw in split.seed's stream, whose place is data.train_limit_seed."""


def limit_train(train: Drawn, limit: int | None, seed: int, which: int, stratify: bool) -> tuple[Drawn, str]:
    """The part with only `limit` of its rows, and what to say of it.

    The rows of a limit are among those of every larger one with the same split.seed `seed` and train_limit_seed
    `which`.
    """
    m = len(train.rows)
    if limit is None or limit >= m:
        return train, "" if limit is None else f"train_limit: there are {m} training rows, all are used"
    classes = numbered(labels_of(train.raw))[1][train.rows] if stratify else None
    groups = train.raw.extras.get("group")
    numbers = None if groups is None else numbered(groups)[1][train.rows]
    order = nested_order(m, seed, which, classes, numbers)
    said = f"train_limit: {limit} of {m} training rows, drawn with split.seed {seed}, train_limit_seed {which}"
    return replace(train, rows=np.sort(train.rows[order[:limit]])), said


def nested_order(m: int, seed: int, which: int, classes: Ints | None = None, groups: Ints | None = None) -> Ints:
    """0..m-1 in an order whose every beginning is a good sample of the whole. Returns (m,).

    Args:
        classes: (m,) numbers from 0. One row of each comes first, then they are in proportion at every length.
        groups: (m,) numbers; the rows of one follow each other, since more data are more groups. They go before
            classes.
    """
    order = permutation(m, seed, Purpose.SPLIT, which, LAYER).astype(np.int64, copy=False)
    if groups is not None:
        _, first = np.unique(groups[order], return_index=True)
        place = np.empty(int(groups.max()) + 1, dtype=np.int64)
        place[groups[order][first]] = first
        return order[np.argsort(place[groups[order]], kind="stable")]
    if classes is None:
        return order
    counts = np.bincount(classes)
    by_class = order[np.argsort(classes[order], kind="stable")]
    rank = np.arange(m) - np.repeat(np.cumsum(counts) - counts, counts)
    share = np.empty(m)
    share[by_class] = np.where(rank == 0, 0.0, (rank + 0.5) / np.repeat(counts, counts))
    return order[np.argsort(share[order], kind="stable")]
