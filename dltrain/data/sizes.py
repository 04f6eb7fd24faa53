"""How many rows each part gets: ratios, counts, `rest`, or by the size of the data."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from dltrain.config.records import Share, Split
from dltrain.errors import InputError, Problem

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows drawn for each part; 0 for a part that is not drawn. They add up to the rows there are."""

    train: int
    train_dev: int
    dev: int
    test: int
    note: str = ""
    """Why, where nothing was asked for."""


def by_size(n: int) -> tuple[float, float, float]:
    """Ratios of train, dev and test for n rows (section 1.1 of the notes)."""
    if n < 100_000:
        return 0.6, 0.2, 0.2
    if n <= 1_000_000:
        return 0.98, 0.01, 0.01
    return 0.995, 0.0025, 0.0025


def settle_sizes(split: Split, n: int, given: Collection[str]) -> Sizes:
    """Sizes of the parts drawn from n rows. `given` are the parts whose rows come from elsewhere.

    Ratios are of all n rows; `train_dev` as a ratio is of the training rows, from which it is taken. A count
    is the size of its part. InputError for every share that cannot be.
    """
    shares, note = _fill_in(split, n, given)
    problems = _check(shares, split, given)
    if problems:
        raise InputError(*problems)
    sizes = _count(shares, n)
    train, train_dev = _carve(sizes, shares["train"], split.train_dev, "train_dev" in given)
    settled = Sizes(train, train_dev, sizes["dev"], sizes["test"], note)
    _check_sum(settled, n, shares)
    _check_empty(settled, shares, split, n)
    return settled


def _fill_in(split: Split, n: int, given: Collection[str]) -> tuple[dict[str, Share], str]:
    """Shares for train, dev and test, where null is settled; 0 for a part that is given."""
    asked = {part: getattr(split, part) for part in ("train", "dev", "test")}
    drawn = [part for part in asked if part not in given]
    if all(asked[part] is None for part in drawn):
        return _by_default(n, given)
    shares = {part: 0 if share is None else share for part, share in asked.items()}
    if asked["train"] is None:
        shares["train"] = "rest"
    elif asked["dev"] is None and "dev" in drawn and "rest" not in shares.values():
        shares["dev"] = "rest"
    return shares, ""


def _by_default(n: int, given: Collection[str]) -> tuple[dict[str, Share], str]:
    if "dev" in given:
        return {"train": "rest", "dev": 0, "test": 0}, ""
    if "test" in given:
        return {"train": 0.9, "dev": 0.1, "test": 0}, "split: 90/10 into train and dev, since test rows are given"
    train, dev, test = by_size(n)
    why = {0.6: "fewer than 100,000", 0.98: "100,000 to 1,000,000", 0.995: "more than 1,000,000"}[train]
    text = "/".join(f"{100 * share:g}" for share in (train, dev, test))
    return {"train": train, "dev": dev, "test": test}, f"split: {text}, since there are {why} rows ({n})"


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
        if getattr(sizes, part) == 0 and (part == "train" or asked[part] != 0):
            share = asked[part]
            problems.append(Problem(f"{share} of {n} rows leaves {part} empty", f"split.{part}"))
    if problems:
        raise InputError(*problems)
