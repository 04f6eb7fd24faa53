"""Random and stratified draws with exact sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltrain.data.splitting.sizes import Sizes
from dltrain.engine.streams import Purpose, permutation

Rows = npt.NDArray[np.int64]


def draw_parts(sizes: Sizes, seed: int, classes: npt.NDArray[np.int64] | None) -> dict[str, Rows]:
    """Row numbers of train, train_dev, dev and test, each ascending.

    Args:
        sizes: rows of each part.
        seed: split.seed.
        classes: (n,) class numbers to keep in proportion, or None for a plain random split.

    train_dev is drawn last, from what would be train: asking for it changes neither dev nor test.
    """
    n = sizes.train + sizes.train_dev + sizes.dev + sizes.test
    order = permutation(n, seed, Purpose.SPLIT).astype(np.int64, copy=False)
    test, dev, source = deal_order(order, (sizes.test, sizes.dev, sizes.train + sizes.train_dev), classes)
    train_dev, train = deal_order(source, (sizes.train_dev, sizes.train), classes)
    parts = {"train": train, "train_dev": train_dev, "dev": dev, "test": test}
    return {part: np.sort(rows) for part, rows in parts.items()}


def deal_order(order: Rows, sizes: tuple[int, ...], classes: npt.NDArray[np.int64] | None) -> list[Rows]:
    """Deals the rows, in their random order, to parts of the given sizes."""
    if classes is None or not len(order):
        return np.split(order, np.cumsum(sizes)[:-1])
    by_class = order[np.argsort(classes[order], kind="stable")]
    counts = np.bincount(classes[order])
    table = proportional(counts, np.array(sizes))
    ends = np.cumsum(table.ravel())
    pieces = np.split(by_class, ends[:-1])
    parts = len(sizes)
    return [np.concatenate(pieces[part::parts]) for part in range(parts)]


def proportional(counts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Whole numbers near counts_k sizes_p / n with exactly these row and column sums.

    Controlled rounding (Cox 1987): every entry is the exact share rounded up or down. Who is rounded up goes
    by the largest remainder, first where rounding down would leave a class out of a part. Where that leaves a
    column over or under its sum, an augmenting path (as in bipartite matching) mends it; one always exists.

    Args:
        counts: (C,) rows of each class. sizes: (P,) rows of each part, with the same sum n.

    Returns: (C, P).
    """
    n = max(1, int(counts.sum()))
    table, remainder = np.divmod(np.multiply.outer(counts, sizes), n)
    urgency = np.where((table == 0) & (remainder > 0), remainder + n, remainder)
    up = _round_up(remainder > 0, urgency, counts - table.sum(1), sizes - table.sum(0))
    return np.asarray(table + up, dtype=np.int64)


def _round_up(
    allowed: npt.NDArray[np.bool_],
    urgency: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    room: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """A 0/1 table with `rows` ones in each row and `room` in each column, ones only where allowed."""
    up = np.zeros(allowed.shape, dtype=np.bool_)
    load = np.zeros_like(room)

    def place(k: int, visited: set[int]) -> bool:
        """One more 1 in row k: where there is room, else by moving another row's 1 out of the way."""
        wanted = [p for p in np.argsort(-urgency[k], kind="stable").tolist() if allowed[k, p] and not up[k, p]]
        for p in wanted:
            if p not in visited and load[p] < room[p]:
                load[p] += 1
                up[k, p] = True
                return True
        for p in wanted:
            others = [] if p in visited else np.flatnonzero(up[:, p]).tolist()
            visited.add(p)
            for other in others:
                if place(other, visited):
                    up[other, p] = False
                    up[k, p] = True
                    return True
        return False

    most = np.where(allowed, urgency, -1).max(axis=1, initial=-1)
    for k in np.argsort(-most, kind="stable").tolist():
        for _ in range(int(rows[k])):
            place(k, set())
    return up
