"""Splitting whole groups, near to the sizes asked and, stratified, to the shares of the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dltrain.data.splitting.sizes import Sizes
from dltrain.engine.streams import Purpose, permutation
from dltrain.errors import InputError, Problem

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Rows = Ints

ONE_BY_ONE = 10_000
"""Of more groups than this the others are dealt in bulk, in proportion; these then make up for what is uneven."""
CELLS = 2_000_000
"""Groups dealt one by one, times classes, at most."""
MOVES = 200
"""Moves of single groups at the end, at most,"""
TIE = 1e-9
"""Costs nearer than this are equal, so that no rounding of a machine decides; the first one wins."""
WORK = 100_000_000
"""and fewer where there are many classes: moves times cells."""


def draw_groups(sizes: Sizes, seed: int, groups: Ints, classes: Ints | None) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """Row numbers of each part, ascending, no group in two parts, and a note on how near the sizes are.

    Minimizes sum_pc (f_pc - t_pc)^2 / t_pc greedily, f_pc being the rows of class c in part p, t_pc = n_p n_c / n
    their proportional number, and all classes together one class more, which holds the sizes. Putting a group with
    x_c rows into part p raises this by a constant and 2 sum_c x_c (f_pc + x_c / 2) / t_pc: Webster's rule of
    apportionment, for rows. The largest and most uneven groups go first (as in scikit-learn's StratifiedGroupKFold),
    about equal ones in random order; then single groups move while that helps. train_dev comes out of train's groups,
    so asking for it changes neither dev nor test.
    """
    numbers = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    n_groups = int(numbers.max()) + 1
    asked = {"test": sizes.test, "dev": sizes.dev, "train": sizes.train + sizes.train_dev}
    _check_enough(n_groups, asked)
    parts = _deal(np.arange(len(groups)), numbers, classes, asked, seed, 0)
    _check_near(parts, asked, n_groups, numbers)
    if sizes.train_dev:
        source = parts["train"]
        within = {"train_dev": sizes.train_dev, "train": len(source) - sizes.train_dev}
        if within["train"] <= 0:
            message = f"{sizes.train_dev} rows leave train empty, whose groups have {len(source)}"
            raise InputError(Problem(message, "split.train_dev"))
        held = len(np.unique(numbers[source]))
        _check_enough(held, within)
        parts |= _deal(source, numbers, classes, within, seed, 1)
        _check_near({part: parts[part] for part in within}, within, held, numbers)
    found = {part: np.sort(parts.get(part, groups[:0])) for part in ("train", "train_dev", "dev", "test")}
    return found, (_note(found, sizes, n_groups),)


def deal_folds(rows: Rows, groups: Ints, classes: Ints | None, k: int, seed: int) -> list[Rows]:
    """The rows in k parts near to one size, no group in two. groups and classes: (n,), of all rows.

    InputError where there are fewer groups than folds.
    """
    held = len(np.unique(groups[rows]))
    if held < k:
        raise InputError(Problem(f"{k} folds of {held} groups would leave one empty; ask for fewer", "split.folds"))
    asked = {str(fold): (len(rows) + k - 1 - fold) // k for fold in range(k)}
    return list(_deal(rows, groups, classes, asked, seed, 2).values())


def check_apart(groups: Ints, parts: dict[str, Rows]) -> None:
    """InputError where a group has rows in two parts that were said otherwise."""
    owner = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
    torn: set[int] = set()
    for number, rows in enumerate(parts.values()):
        here = np.unique(groups[rows])
        torn |= set(here[owner[here] >= 0].tolist())
        owner[here] = number
    if torn:
        first = min(torn)
        spots = {part: int(rows[groups[rows] == first][0]) for part, rows in parts.items() if first in groups[rows]}
        said = " and ".join(f"row {row} ({part})" for part, row in list(spots.items())[:2])
        what = "1 group has" if len(torn) == 1 else f"{len(torn)} groups have"
        raise InputError(Problem(f"{what} rows in two parts, as {said}; expected each group in one", "split.group"))


def _check_enough(n_groups: int, asked: dict[str, int]) -> None:
    parts = [part for part in ("train", "train_dev", "dev", "test") if asked.get(part)]
    if n_groups < len(parts):
        what = "1 group" if n_groups == 1 else f"{n_groups} groups"
        raise InputError(Problem(f"{what} cannot be dealt to {', '.join(parts)} without cutting one", "split.group"))


def _check_near(parts: dict[str, Rows], asked: dict[str, int], n_groups: int, numbers: Ints) -> None:
    """InputError where more than a quarter of the rows are not where the sizes asked want them."""
    n = sum(map(len, parts.values()))
    astray = sum(abs(len(parts[part]) - size) for part, size in asked.items()) / 2
    if astray <= n / 4:
        return
    largest = int(np.bincount(numbers[np.concatenate(list(parts.values()))]).max())
    said = ", ".join(f"{part} {len(parts[part])} ({asked[part]} asked)" for part in reversed(asked) if asked[part])
    message = (
        f"groups are too large for these sizes: the largest of {n_groups} has {largest} of {n} rows, "
        f"and whole groups give {said}; ask for shares nearer to these"
    )
    raise InputError(Problem(message, "split.group"))


def _note(parts: dict[str, Rows], sizes: Sizes, n_groups: int) -> str:
    asked = {"train": sizes.train, "train_dev": sizes.train_dev, "dev": sizes.dev, "test": sizes.test}
    differ = [f"{part} {len(rows)} ({asked[part]} asked)" for part, rows in parts.items() if len(rows) != asked[part]]
    near = f", so the parts are {', '.join(differ)}" if differ else "; the sizes are as asked"
    return f"groups: {n_groups} groups of rows stay whole{near}"


def _deal(
    rows: Rows, numbers: Ints, classes: Ints | None, asked: dict[str, int], seed: int, place: int
) -> dict[str, Rows]:
    """Deals the rows to the parts that are asked for, whole groups at a time."""
    names = [part for part, size in asked.items() if size]
    if len(names) < 2:
        return {part: rows if part in names else rows[:0] for part in asked}
    held, codes = np.unique(numbers[rows], return_inverse=True)
    table = _Table.of(codes.astype(np.int64), None if classes is None else classes[rows], len(held))
    sizes = np.array([asked[part] for part in names], dtype=np.float64)
    part_of_group = _assign(
        table, sizes / sizes.sum(), permutation(len(held), seed, Purpose.SPLIT, place).astype(np.int64)
    )
    part = part_of_group[codes]
    return {name: rows[part == names.index(name)] if name in names else rows[:0] for name in asked}


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of each class in each group, as triples; the last class is all of a group's rows."""

    group: Ints
    kind: Ints
    count: Floats
    n_groups: int
    n_kinds: int

    @classmethod
    def of(cls, codes: Ints, classes: Ints | None, n_groups: int) -> _Table:
        total = np.bincount(codes, minlength=n_groups).astype(np.float64)
        if classes is None:
            return cls(np.arange(n_groups), np.zeros(n_groups, np.int64), total, n_groups, 1)
        n_classes = int(classes.max()) + 1
        pairs, counts = np.unique(codes * n_classes + classes, return_counts=True)
        group = np.concatenate([pairs // n_classes, np.arange(n_groups)])
        kind = np.concatenate([pairs % n_classes, np.full(n_groups, n_classes, np.int64)])
        return cls(group, kind, np.concatenate([counts, total]), n_groups, n_classes + 1)

    def totals(self) -> Floats:
        """(n_kinds,) rows of each class."""
        return np.bincount(self.kind, self.count, self.n_kinds).astype(np.float64)

    def filled(self, part: Ints, n_parts: int) -> Floats:
        """(n_parts, n_kinds) rows of each class in each part; groups of part -1 are in none."""
        here = part[self.group]
        cells = (here * self.n_kinds + self.kind)[here >= 0]
        sums: Floats = np.bincount(cells, self.count[here >= 0], n_parts * self.n_kinds).astype(np.float64)
        return sums.reshape(n_parts, self.n_kinds)

    def dense(self, groups: Ints) -> Floats:
        """(k, n_kinds) of some of the groups."""
        place = np.full(self.n_groups, -1, dtype=np.int64)
        place[groups] = np.arange(len(groups))
        here = place[self.group]
        found = np.zeros((len(groups), self.n_kinds))
        found[here[here >= 0], self.kind[here >= 0]] = self.count[here >= 0]
        return found


def _assign(table: _Table, shares: Floats, order: Ints) -> Ints:
    """The part of each group."""
    totals = table.totals()
    targets = np.multiply.outer(shares, np.maximum(totals, 1))
    weight = np.bincount(table.group, table.count**2 / np.maximum(totals, 1)[table.kind], table.n_groups)
    scale = np.frexp(weight)[1].astype(np.int64)  # groups of one scale differ by less than 1.42 in size
    part = np.full(table.n_groups, -1, dtype=np.int64)
    _deal_in_bulk(table, shares, scale, order, part)
    single = order[part[order] < 0]
    single = single[np.argsort(-scale[single], kind="stable")]
    rows = table.dense(single)
    filled = table.filled(part, len(shares))
    chosen = _greedy(rows, filled, targets)
    _fill_empty(rows, filled, chosen)
    _improve(rows, filled, targets, chosen)
    part[single] = chosen
    return part


def _deal_in_bulk(table: _Table, shares: Floats, scale: Ints, order: Ints, part: Ints) -> None:
    """Deals most of very many groups: of each stratum of about equal groups, to each part its share."""
    few = max(1000, min(ONE_BY_ONE, CELLS // table.n_kinds))
    if table.n_groups <= few:
        return
    stratum = scale - scale.min()
    if 1 < table.n_kinds <= 100:
        main = np.zeros(table.n_groups, dtype=np.int64)
        by_count = np.argsort(table.count[: -table.n_groups], kind="stable")
        main[table.group[by_count]] = table.kind[by_count]
        stratum = stratum * table.n_kinds + main
    by_stratum = order[np.argsort(stratum[order], kind="stable")]
    counts = np.bincount(stratum)
    first = np.cumsum(counts) - counts
    rank = np.arange(table.n_groups) - first[stratum[by_stratum]]
    bulk = counts * (1 - few / table.n_groups)
    ends = np.cumsum(np.floor(np.multiply.outer(bulk, shares)), axis=1).astype(np.int64)
    here = ends[stratum[by_stratum]]
    number = (rank[:, None] >= here).sum(axis=1)
    part[by_stratum] = np.where(number < len(shares), number, -1)


def _greedy(rows: Floats, filled: Floats, targets: Floats) -> Ints:
    """The part of each group (k,), in order, by Webster's rule. Adds the groups to `filled`."""
    inverse = 1 / targets
    chosen = np.empty(len(rows), dtype=np.int64)
    for number, row in enumerate(rows):
        cost = (((0.5 * row + filled) * inverse) * row).sum(axis=1)
        best = int((cost <= cost.min() * (1 + TIE)).argmax())
        filled[best] += row
        chosen[number] = best
    return chosen


def _fill_empty(rows: Floats, filled: Floats, chosen: Ints) -> None:
    """Gives a part without groups the smallest one of a part that has several."""
    for part in np.flatnonzero(filled[:, -1] == 0).tolist():
        groups = np.bincount(chosen, minlength=len(filled))
        rich = np.flatnonzero(groups[chosen] > 1)
        group = int(rich[np.argmin(rows[rich, -1])])
        _move(group, part, rows, filled, chosen)


def _move(group: int, part: int, rows: Floats, filled: Floats, chosen: Ints) -> None:
    filled[chosen[group]] -= rows[group]
    filled[part] += rows[group]
    chosen[group] = part


def _improve(rows: Floats, filled: Floats, targets: Floats, chosen: Ints) -> None:
    """Moves single groups, the most useful first, while that brings the parts nearer to their targets."""
    every = np.arange(len(rows))
    bend = (rows**2) @ (1 / targets).T
    for _ in range(min(MOVES, WORK // rows.size)):
        slope = 2 * rows @ ((filled - targets) / targets).T
        gain = (bend + slope) + (bend - slope)[every, chosen][:, None]
        gain[every, chosen] = 0
        groups = np.bincount(chosen, minlength=len(filled))
        gain[(groups[chosen] == 1) & (filled[chosen, -1] == rows[every, -1])] = 0
        most = gain.min()
        if most >= -TIE:
            return
        group, part = divmod(int((gain <= most + TIE).argmax()), len(filled))
        _move(group, part, rows, filled, chosen)
