"""What is contradictory in `split`: who is in which part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from dltrain.config.english import join
from dltrain.config.parts import DRAWN, PARTS, given_by, shares
from dltrain.config.records import Experiment
from dltrain.errors import Problem

Found = Iterator[Problem]
TOLERANCE = 1e-9
READS = {"time": "sorts the rows by", "hash": "hashes", "column": "reads each row's part from"}
"""What split.by does with split.column."""


def _files(experiment: Experiment) -> Found:
    split, arrays = experiment.split, experiment.data.arrays or {}
    files = {part: name for part, name in given_by(experiment).items() if name.startswith("split.files")}
    if split.by == "files":
        if "train" not in files:
            yield Problem(
                "by: files needs a file of training rows, files: {train: a.csv, dev: b.csv}", "split.files.train"
            )
        for part in DRAWN:
            if getattr(split, part) is not None:
                yield Problem(
                    f"by: files takes whole files; name it as files.{part}, or set by: random", f"split.{part}"
                )
    else:
        for part in sorted(set(files) - {"test"}):
            yield Problem("is read with by: files alone; set split.by to files", f"split.files.{part}")
    for part in sorted(set(files) & set(arrays)):
        yield Problem(f"the {part} rows are given twice, by data.arrays.{part} too; leave one", f"split.files.{part}")


def _column(experiment: Experiment) -> Found:
    """split.column and split.by belong together."""
    split, target = experiment.split, experiment.data.target
    if split.by in READS and split.column is None:
        yield Problem(f"is required: the column that by: {split.by} {READS[split.by]}", "split.column")
    elif split.by not in READS and split.column is not None:
        hint = "set split.by to one of these, or leave it out"
        if split.group is None:
            hint += " (split.group keeps the rows of one value together)"
        yield Problem(f"is read with by: time, hash or column, not by: {split.by}; {hint}", "split.column")
    for key, name in (("column", split.column), ("group", split.group)):
        if name is not None and name == target:
            message = f"{name} is the target (data.target), and parts that go by it can't be compared"
            yield Problem(f"{message}; expected another column", f"split.{key}")
    if split.by in READS and split.stratify is True:
        message = f"true does not go with by: {split.by}, where the column alone decides; leave it at auto"
        yield Problem(message, "split.stratify")


def _group(experiment: Experiment) -> Found:
    """Groups are kept whole by a draw at random; by hash the key's rows are together anyhow."""
    split = experiment.split
    if split.group is None:
        return
    if split.by == "hash" and split.column not in (None, split.group):
        message = f"by: hash keeps the rows of one key together; set split.column to {split.group}, and leave this out"
        yield Problem(message, "split.group")
    elif split.by == "time":
        message = "by: time cuts a group whose rows lie before and after a boundary; leave one of the two out"
        yield Problem(message, "split.group")


def _named(experiment: Experiment) -> Found:
    """By column every row says its part, so nothing else may."""
    split, given = experiment.split, given_by(experiment)
    if split.by != "column":
        return
    for part in PARTS:
        if getattr(split, part) not in (None, 0) and part not in given:
            yield Problem("by: column takes each row's part from split.column; leave it out", f"split.{part}")
        if part == "test" and part in given or given.get(part, "").startswith("data.arrays"):
            yield Problem("by: column takes each row's part from split.column; leave this out", given[part])


def _hash(experiment: Experiment) -> Found:
    """By hash a count, or a rest beside it, would move rows between the parts as the data grow."""
    if experiment.split.by != "hash":
        return
    for part, share in shares(experiment).items():
        if isinstance(share, str) or (isinstance(share, int) and share):
            message = f"{share} is not a ratio, and by: hash needs one, so that rows keep their part as the data grow"
            yield Problem(f"{message}; expected a number like 0.2", f"split.{part}")


def _apart(experiment: Experiment) -> Found:
    """With data.dev_test_source, train and train_dev come from one source, dev and test from the other."""
    split, given = experiment.split, given_by(experiment)
    if experiment.data.dev_test_source is None:
        return
    if split.by in ("files", "column"):
        what = "names files for dev and test" if split.by == "files" else "names each row's part"
        message = f"by: {split.by} {what}, and data.dev_test_source says where they come from; leave one"
        yield Problem(message, "split.by")
        return
    for part in ("dev", "test"):
        if part in given:
            yield Problem(f"the {part} rows come from data.dev_test_source; leave this out", given[part])
    if split.train is not None:
        message = "train takes all of data.source, since dev and test come from data.dev_test_source; leave it out"
        yield Problem(message, "split.train")
    drawn = {part: getattr(split, part) for part in ("dev", "test") if getattr(split, part) is not None}
    if len(drawn) == 1 and 1.0 not in drawn.values():
        drawn |= {part: "rest" for part in ("dev", "test") if part not in drawn}
    yield from _add_up(drawn)


def _shares(experiment: Experiment) -> Found:
    split, given = experiment.split, given_by(experiment)
    if split.by in ("files", "column"):
        return
    twice = [part for part in given if getattr(split, part) not in (None, 0)]
    for part in twice:
        yield Problem(f"the {part} rows come from {given[part]}, so it takes no share; leave it out", f"split.{part}")
    drawn = {part: share for part, share in shares(experiment).items() if share is not None and part != "train_dev"}
    if split.train_dev == "rest" and "train_dev" not in given and split.by != "hash":
        yield Problem("rest is not allowed; expected a ratio of the training rows or a count", "split.train_dev")
    if not drawn or twice or experiment.data.dev_test_source is not None:
        return
    if drawn.get("train") == 0:
        yield Problem("0 leaves nothing to train on; expected a ratio, a count or rest", "split.train")
    elif drawn.get("train") == 1 and isinstance(drawn["train"], int):
        yield Problem("1 is a count, of one example; expected 1.0 for all, a larger count or rest", "split.train")
    else:
        yield from _sum(drawn, "dev" in given)


def _sum(drawn: dict[str, int | float | str], dev_given: bool) -> Found:
    """Ratios of the drawn parts sum to 1. A train or dev left out takes the rest; train_dev comes out of train."""
    if "train" not in drawn or ("dev" not in drawn and not dev_given and "rest" not in drawn.values()):
        drawn = {**drawn, ("dev" if "train" in drawn else "train"): "rest"}
    yield from _add_up(drawn)


def _add_up(drawn: dict[str, Any]) -> Found:
    """Ratios sum to 1, with at most one rest, for which something is left."""
    first = "train" if "train" in drawn else next(iter(drawn), "dev")
    ratios = [share for share in drawn.values() if isinstance(share, float)]
    counts = [share for share in drawn.values() if isinstance(share, int) and share]
    rest = [part for part, share in drawn.items() if share == "rest"]
    total = math.fsum(ratios)
    said = " + ".join(f"{part} {share}" for part, share in drawn.items() if isinstance(share, float))
    if len(rest) > 1:
        yield Problem(f"{join(rest, 'and')} would each take the rest; expected one rest at most", f"split.{rest[1]}")
    elif rest and total >= 1 - TOLERANCE and ratios:
        yield Problem(
            f"{said} leaves nothing for the rest; expected ratios of less than 1 together", f"split.{rest[0]}"
        )
    elif not rest and ratios and counts:
        message = "ratios and counts are mixed, so the parts can't add up; write rest for one of them"
        yield Problem(message, f"split.{first}")
    elif not rest and ratios and abs(total - 1) > TOLERANCE:
        yield Problem(
            f"{said} is {round(total, 9):g}; expected ratios that sum to 1 (or rest for one)", f"split.{first}"
        )


def _folds(experiment: Experiment) -> Found:
    """Folds are dealt at random from the rows that would be train and dev."""
    split, given = experiment.split, given_by(experiment)
    if split.fold is not None and (split.folds is None or split.fold >= split.folds):
        there = "there are none" if split.folds is None else f"there are 0 to {split.folds - 1}"
        yield Problem(f"{split.fold} is no fold; {there} (split.folds)", "split.fold")
    if split.folds is None:
        return
    if split.by != "random":
        message = f"are dealt at random, which does not go with by: {split.by}; leave one of the two out"
        yield Problem(message, "split.folds")
    if split.train_dev != 0:
        yield Problem("does not go with split.folds, each of which is dev once; leave one out", "split.train_dev")
    if experiment.data.dev_test_source is not None:
        yield Problem("do not go with data.dev_test_source, where dev comes from; leave one out", "split.folds")
    elif split.by == "random" and "dev" in given:
        yield Problem(f"are dev in turn, and its rows come from {given['dev']}; leave one out", "split.folds")


SPLIT_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Experiment], Found]], ...] = (
    (("data", "split"), _files),
    (("data", "split"), _column),
    (("split",), _group),
    (("data", "split"), _named),
    (("data", "split"), _hash),
    (("data", "split"), _apart),
    (("data", "split"), _shares),
    (("data", "split"), _folds),
)
