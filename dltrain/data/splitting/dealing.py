"""From tables to parts: whose rows are drawn, from which table, and those that have their part already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from dltrain.config.records import Split
from dltrain.data.fitting.cleaning import labels_of
from dltrain.data.labels import numbered
from dltrain.data.raw import Raw
from dltrain.data.roles import listed
from dltrain.data.sources import PARTS, Sources
from dltrain.data.splitting.sizes import Sizes, settle_apart, settle_sizes
from dltrain.data.splitting.split import Rows, draw
from dltrain.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class Drawn:
    """One part before it is transformed."""

    raw: Raw
    rows: Rows
    """Rows of raw, ascending."""

    def original(self) -> Rows:
        """Their numbers in the file."""
        return self.rows if self.raw.origin is None else self.raw.origin[self.rows]


def deal(sources: Sources, split: Split, stratify: bool) -> tuple[dict[str, Drawn], list[str]]:
    """All parts that have rows, in the order train, train_dev, dev, test; and what to say of them.

    Dev and test are drawn from data.dev_test_source where there is one, else from the pool.
    """
    if sources.apart is None:
        sizes = settle_sizes(split, sources.pool.n, sources.given)
        found, notes = _draw(sources.pool, split, sizes, stratify)
        notes = [sizes.note, *notes]
    else:
        of_pool, of_apart = settle_apart(split, sources.pool.n, sources.apart.n)
        found, notes = _draw(sources.pool, split, of_pool, stratify)
        others, more = _draw(sources.apart, split, of_apart, stratify)
        found |= {part: drawn for part, drawn in others.items() if part in ("dev", "test")}
        notes = [of_apart.note, *notes, *more]
    found |= {part: Drawn(raw, np.arange(raw.n)) for part, raw in sources.given.items()}
    if split.group is not None:
        _check_groups(found, split.group)
    return {part: found[part] for part in PARTS if part in found and len(found[part].rows)}, notes


def _check_groups(found: dict[str, Drawn], column: str) -> None:
    """InputError for groups that tables of different parts share: a split cannot keep their rows together."""
    groups: dict[str, set[str]] = {}
    for part, one in found.items():
        names, numbers = numbered(one.raw.extras["group"])
        groups[part] = {names[number] for number in np.unique(numbers[one.rows])}
    problems = [
        Problem(
            f"{len(shared)} groups of {column} are in {part} and in {other} ({listed(sorted(shared), 3)}); "
            "take their rows out of one of the files",
            "split.group",
        )
        for part, other in combinations(found, 2)
        if found[part].raw is not found[other].raw and (shared := groups[part] & groups[other])
    ]
    if problems:
        raise InputError(*problems)


def _draw(raw: Raw, split: Split, sizes: Sizes, stratify: bool) -> tuple[dict[str, Drawn], list[str]]:
    groups = raw.extras.get("group")
    try:
        drawn = draw(
            split,
            sizes,
            raw.n,
            classes=numbered(labels_of(raw))[1] if stratify else None,
            groups=None if groups is None else _numbers_of(groups, raw, split),
            column=raw.extras.get("column"),
            dates=raw.dated,
        )
    except InputError as error:
        raise InputError(*(_placed(problem, raw) for problem in error.problems)) from None
    return {part: Drawn(raw, rows) for part, rows in drawn.rows.items()}, list(drawn.notes)


def _numbers_of(groups: npt.NDArray[np.generic], raw: Raw, split: Split) -> npt.NDArray[np.int64]:
    """Group numbers from 0; a row without a group cannot be kept together with its own."""
    names, numbers = numbered(groups)
    lost = np.flatnonzero(np.isin(numbers, [place for place, name in enumerate(names) if name in ("", "nan")]))
    if len(lost):
        message = f"no value in {split.group}, so its group is not known ({len(lost)} such rows); fill it in"
        raise InputError(raw.problem(message, int(lost[0]), "split.group"))
    return numbers


def _placed(problem: Problem, raw: Raw) -> Problem:
    """A problem of `row N` at its line in the file."""
    row = (problem.where or "").removeprefix("row ")
    return (
        replace(raw.problem(problem.message, int(row), problem.key or ""), key=problem.key)
        if row.isdigit()
        else problem
    )
