"""The shares of a split with nothing left open, and which of them a settled config keeps."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from dltrain.config.parts import DRAWN, given_by
from dltrain.config.records import Experiment, Share, Split

HASHED = {"train": 0.6, "dev": 0.2, "test": 0.2}
"""Default ratios of by: hash. They don't go by the size of the data, or growing data would change parts."""
GIVEN_TEST = {"train": 0.9, "dev": 0.1}


def by_size(n: int) -> tuple[float, float, float]:
    """Ratios of train, dev and test for n rows (section 1.1 of the notes)."""
    if n < 100_000:
        return 0.6, 0.2, 0.2
    if n <= 1_000_000:
        return 0.98, 0.01, 0.01
    return 0.995, 0.0025, 0.0025


def fill_in(split: Split, n: int, given: Collection[str]) -> tuple[dict[str, Share], str]:
    """Shares of train, dev and test of n rows, null settled, and why where nothing was asked for.

    0 for a part in `given`, whose rows come from elsewhere.
    """
    asked = {part: getattr(split, part) for part in DRAWN}
    drawn = [part for part in asked if part not in given]
    if all(asked[part] is None for part in drawn):
        return _by_default(split, n, given)
    shares = {part: 0 if share is None else share for part, share in asked.items()}
    if asked["train"] is None:
        shares["train"] = "rest"
    elif asked["dev"] is None and "dev" in drawn and "rest" not in shares.values():
        shares["dev"] = "rest"
    return (_without_rest(shares, asked) if split.by == "hash" else shares), ""


def fill_in_apart(split: Split) -> tuple[dict[str, Share], str]:
    """Shares of dev and test of the rows of data.dev_test_source: half each, or what one leaves to the other."""
    asked: dict[str, Any] = {"dev": split.dev, "test": split.test}
    if asked == {"dev": None, "test": None}:
        return {"dev": 0.5, "test": 0.5}, "split: dev and test are half each of data.dev_test_source"
    shares: dict[str, Share] = {part: "rest" if share is None else share for part, share in asked.items()}
    if 1.0 in [share for share in shares.values() if isinstance(share, float)]:
        shares = {part: 0 if share == "rest" else share for part, share in shares.items()}
    return (_without_rest(shares, asked) if split.by == "hash" else shares), ""


def _without_rest(shares: dict[str, Share], asked: Mapping[str, Share | None]) -> dict[str, Share]:
    """What a part that was left out gets, as a ratio."""
    left = round(1 - math.fsum(share for share in shares.values() if isinstance(share, float)), 12)
    return {part: left if share == "rest" and asked[part] is None else share for part, share in shares.items()}


def _by_default(split: Split, n: int, given: Collection[str]) -> tuple[dict[str, Share], str]:
    if "dev" in given:
        return {"train": 1.0 if split.by == "hash" else "rest", "dev": 0, "test": 0}, ""
    if "test" in given:
        return {**GIVEN_TEST, "test": 0}, "split: 90/10 into train and dev, since test rows are given"
    if split.by == "hash":
        return {**HASHED}, "split: 60/20/20, whatever the number of rows, so that rows keep their part as the data grow"
    train, dev, test = by_size(n)
    why = {0.6: "fewer than 100,000", 0.98: "100,000 to 1,000,000", 0.995: "more than 1,000,000"}[train]
    text = "/".join(f"{100 * share:g}" for share in (train, dev, test))
    return {"train": train, "dev": dev, "test": test}, f"split: {text}, since there are {why} rows ({n})"


def settled_split(experiment: Experiment, parts: Mapping[str, int], stratify: bool) -> Split:
    """The split that draws the same rows from the same data again, with nothing left open.

    Args:
        parts: rows of each part that came out.
        stratify: what `auto` became.

    Drawn at random or by time, the parts are written as counts. By hash or in groups they are only near what was
    asked, and another asking could come out otherwise, so ratios stay. A part with rows of its own has no share.
    """
    split, given = replace(experiment.split, stratify=stratify), given_by(experiment)
    if split.by in ("files", "column"):
        return replace(split, train=None, dev=None, test=None, train_dev=0)
    apart = experiment.data.dev_test_source is not None
    keep = split.by == "hash" or split.group is not None
    drawn = {part for part in DRAWN if part not in given and not (apart and part == "train")}
    if keep:
        n = sum(rows for part, rows in parts.items() if part not in given)
        shares: Mapping[str, Share] = fill_in_apart(split)[0] if apart else fill_in(split, n, given)[0]
    else:
        shares = {part: parts.get(part, 0) for part in drawn}
    if {"dev", "test"} <= set(given):
        drawn = set()
    train_dev: Share = 0 if "train_dev" in given else split.train_dev if keep else parts.get("train_dev", 0)
    kept: dict[str, Any] = {part: shares[part] if part in drawn else None for part in DRAWN}
    return replace(split, **kept, train_dev=train_dev)
