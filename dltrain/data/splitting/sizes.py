"""How many rows each part gets: ratios, counts, `rest`, or by the size of the data."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from dltrain.config.records import Share, Split
from dltrain.config.shares import fill_in, fill_in_apart
from dltrain.errors import InputError, Problem

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Ratios:
    """Shares of the keys; `train` with train_dev, which is a share of it."""

    train: float
    dev: float
    test: float
    train_dev: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows drawn for each part; 0 for a part that is not drawn. They add up to the rows there are.

    By column all are 0: who is in which part, the rows say.
    """

    train: int
    train_dev: int
    dev: int
    test: int
    note: str = ""
    """Why, where nothing was asked for."""
    ratios: Ratios | None = None
    """By hash these decide, and the sizes are only what to expect."""


def settle_sizes(split: Split, n: int, given: Collection[str]) -> Sizes:
    """Sizes of the parts drawn from n rows. `given` are the parts whose rows come from elsewhere.

    Ratios are of all n rows; `train_dev` as a ratio is of the training rows, from which it is taken. A count
    is the size of its part. By hash, sizes are what to expect, and the ratios decide; by column, the rows do.
    InputError for every share that cannot be.
    """
    if split.by == "column":
        return _untold(split)
    shares, note = fill_in(split, n, given)
    return _settle(split, n, given, shares, note)


def settle_apart(split: Split, n: int, n_apart: int) -> tuple[Sizes, Sizes]:
    """Sizes of train and train_dev of the n rows of data.source, and of dev and test of data.dev_test_source.

    Train takes all of its source but train_dev, which is a ratio of these rows or a count. Ratios of dev and
    test are of the n_apart rows; null is half each, or the rest. InputError for every share that cannot be.
    """
    problems = []
    if split.train is not None:
        message = f"is {split.train}, but train takes all of data.source with data.dev_test_source; leave it out"
        problems.append(Problem(message, "split.train"))
    source: dict[str, Share] = {"train": 1.0 if split.by == "hash" else "rest", "dev": 0, "test": 0}
    apart, note = fill_in_apart(split)
    if split.by == "column":
        message = "does not go with data.dev_test_source, which says already where dev and test come from"
        problems.append(Problem(message, "split.by"))
    found: list[Sizes] = []
    alone = replace(split, train=None, train_dev=0)
    for half, rows, shares, why in ((split, n, source, ""), (alone, n_apart, {"train": 0, **apart}, note)):
        try:
            asked = replace(half, dev=None, test=None) if half is split else half
            found.append(_settle(asked, rows, (), shares, why))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return found[0], found[1]


def _untold(split: Split) -> Sizes:
    problems = [
        Problem(f"is {share}, but by: column takes each row's part from {split.column}; leave it out", f"split.{part}")
        for part in ("train", "dev", "test", "train_dev")
        if (share := getattr(split, part)) not in (None, 0)
    ]
    if problems:
        raise InputError(*problems)
    return Sizes(0, 0, 0, 0)


def _settle(split: Split, n: int, given: Collection[str], shares: dict[str, Share], note: str) -> Sizes:
    problems = [*_check(shares, split, given), *(_check_ratios(shares, split) if split.by == "hash" else ())]
    if problems:
        raise InputError(*problems)
    sizes = _count(shares, n)
    train, train_dev = _carve(sizes, shares["train"], split.train_dev, "train_dev" in given)
    settled = Sizes(train, train_dev, sizes["dev"], sizes["test"], note)
    if split.by == "hash":
        held = 0.0 if "train_dev" in given else float(split.train_dev)
        return replace(
            settled, ratios=Ratios(float(shares["train"]), float(shares["dev"]), float(shares["test"]), held)
        )
    _check_sum(settled, n, shares)
    _check_empty(settled, shares, split, n)
    return settled


def _check_ratios(shares: dict[str, Share], split: Split) -> list[Problem]:
    """By hash, a count of rows or a rest would move rows between the parts as the data grow."""
    asked = {**shares, "train_dev": split.train_dev}
    problems = []
    if split.train == 0 or split.train_dev == 1.0:
        part = "train" if split.train == 0 else "train_dev"
        problems.append(Problem(f"{getattr(split, part)} leaves train empty", f"split.{part}"))
    return problems + [
        Problem(f"by: hash needs a ratio, not {share}: rows keep their part as the data grow", f"split.{part}")
        for part, share in asked.items()
        if not isinstance(share, float) and share != 0
    ]


def _check(shares: dict[str, Share], split: Split, given: Collection[str]) -> list[Problem]:
    problems = [
        Problem(f"is {share}, but {part}'s rows are given; leave it out", f"split.{part}")
        for part in ("train", "dev", "test", "train_dev")
        if part in given and (share := getattr(split, part)) not in (None, 0)
    ]
    rest = [part for part, share in shares.items() if share == "rest"]
    if len(rest) > 1:
        problems.append(Problem(f"only one part can get the rest, not {' and '.join(rest)}", f"split.{rest[1]}"))
    if split.train_dev == "rest":
        problems.append(Problem("must be a ratio of the training rows or a count", "split.train_dev"))
    ratios = [share for part, share in shares.items() if isinstance(share, float)]
    total = math.fsum(ratios)
    counts = any(isinstance(share, int) and share for share in shares.values())
    if ratios and not rest and not counts and abs(total - 1) > _TOLERANCE:
        sums = " + ".join(f"{part} {share:g}" for part, share in shares.items() if isinstance(share, float))
        problems.append(Problem(f"ratios must sum to 1: {sums} = {total:g}; write `rest` for one of them", "split"))
    elif total > 1 + _TOLERANCE:
        problems.append(Problem(f"ratios sum to {total:g}, more than 1", "split"))
    return problems


def _count(shares: dict[str, Share], n: int) -> dict[str, int]:
    """Shares as counts: ratios that sum to 1 by largest remainder, so that nothing is left over."""
    ratios = {part: share for part, share in shares.items() if isinstance(share, float)}
    sizes = {part: share for part, share in shares.items() if isinstance(share, int)}
    if ratios and abs(math.fsum(ratios.values()) - 1) <= _TOLERANCE:
        exact = {part: n * share for part, share in ratios.items()}
        sizes |= {part: math.floor(size + _TOLERANCE) for part, size in exact.items()}
        short = n - sum(sizes[part] for part in ratios)
        for part in sorted(ratios, key=lambda part: sizes[part] - exact[part])[:short]:
            sizes[part] += 1
    else:
        sizes |= {part: math.floor(n * share + 0.5) for part, share in ratios.items()}
    for part, share in shares.items():
        if share == "rest":
            sizes[part] = max(0, n - sum(sizes.values()))
    return sizes


def _carve(sizes: dict[str, int], train: Share, train_dev: Share, given: bool) -> tuple[int, int]:
    """(train, train_dev): train_dev comes out of train's rows, unless train is a count, which is exact."""
    if given or not train_dev or isinstance(train_dev, str):
        return sizes["train"], 0
    rows = train_dev if isinstance(train_dev, int) else math.floor(sizes["train"] * train_dev + 0.5)
    return (sizes["train"], rows) if isinstance(train, int) else (sizes["train"] - rows, rows)


def _check_sum(sizes: Sizes, n: int, shares: dict[str, Share]) -> None:
    total = max(0, sizes.train) + sizes.train_dev + sizes.dev + sizes.test
    if total == n and sizes.train >= 0:
        return
    parts = ("train", "train_dev", "dev", "test")
    terms = [f"{part} {getattr(sizes, part)}" for part in parts if getattr(sizes, part) > 0]
    if total > n or sizes.train < 0:
        message = f"{' + '.join(terms)} = {total} rows, but there are {n}"
    else:
        hint = "write `rest` for one part, or take fewer rows with data.limit"
        message = f"{' + '.join(terms)} = {total} rows leave {n - total} of {n} unused; {hint}"
    if any(shares[part] == 1 and isinstance(shares[part], int) for part in shares):
        message += " (1 is a count: write 1.0 for all)"
    raise InputError(Problem(message, "split"))


def _check_empty(sizes: Sizes, shares: dict[str, Share], split: Split, n: int) -> None:
    problems = []
    asked = {**shares, "train_dev": split.train_dev}
    for part in ("train", "train_dev", "dev", "test"):
        if getattr(sizes, part) == 0 and (asked[part] != 0 or (part == "train" and split.train == 0)):
            share = asked[part]
            problems.append(Problem(f"{share} of {n} rows leaves {part} empty", f"split.{part}"))
    if problems:
        raise InputError(*problems)
