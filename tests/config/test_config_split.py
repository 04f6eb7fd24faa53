"""Contradictions in `split`, and with where the rows come from."""

from __future__ import annotations

import pytest

from dltrain import config
from dltrain.errors import InputError

HASH = "split={by: hash, column: k}"
APART = "data.dev_test_source=b.csv"


def refusal(*overrides: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        config.load([], ["data.source=a.csv", "data.target=label", *overrides])
    return [problem.line().removeprefix("command line: ") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (["split.by=time"], ["split.column: is required: the column that by: time sorts the rows by"]),
        (["split.by=column"], ["split.column: is required: the column that by: column reads each row's part from"]),
        (["split.column=t"],
         ["split.column: is read with by: time, hash or column, not by: random; set split.by to one of these, or leave it out (split.group keeps the rows of one value together)"]),
        (["split={by: column, column: label}"],
         ["split.column: label is the target (data.target), and parts that go by it can't be compared; expected another column"]),
        (["split.group=label"],
         ["split.group: label is the target (data.target), and parts that go by it can't be compared; expected another column"]),
        (["split={by: time, column: t, stratify: true}"],
         ["split.stratify: true does not go with by: time, where the column alone decides; leave it at auto"]),
        (["split={by: time, column: t, group: g}"],
         ["split.group: by: time cuts a group whose rows lie before and after a boundary; leave one of the two out"]),
        ([HASH, "split.group=g"],
         ["split.group: by: hash keeps the rows of one key together; set split.column to g, and leave this out"]),
        ([HASH, "split.train=rest", "split.dev=100", "split.test=0.2"],
         ["split.train: rest is not a ratio, and by: hash needs one, so that rows keep their part as the data grow; expected a number like 0.2",
          "split.dev: 100 is not a ratio, and by: hash needs one, so that rows keep their part as the data grow; expected a number like 0.2"]),
        ([HASH, "split.train_dev=50"],
         ["split.train_dev: 50 is not a ratio, and by: hash needs one, so that rows keep their part as the data grow; expected a number like 0.2"]),
        ([HASH, "split.train=0.5", "split.dev=0.2", "split.test=0.2"],
         ["split.train: train 0.5 + dev 0.2 + test 0.2 is 0.9; expected ratios that sum to 1 (or rest for one)"]),
        (["split={by: column, column: p, dev: 0.2, train_dev: 0.1}"],
         ["split.train_dev: by: column takes each row's part from split.column; leave it out",
          "split.dev: by: column takes each row's part from split.column; leave it out"]),
        (["split={by: column, column: p, files: {test: t.csv}}"],
         ["split.files.test: by: column takes each row's part from split.column; leave this out"]),
        (["split={by: column, column: p}", "data.arrays={train: [x, y], dev: [u, v]}"],
         ["data.arrays.dev: by: column takes each row's part from split.column; leave this out"]),
        ([APART, "split.train=0.5"],
         ["split.train: train takes all of data.source, since dev and test come from data.dev_test_source; leave it out"]),
        ([APART, "split.dev=0.6", "split.test=0.6"],
         ["split.dev: dev 0.6 + test 0.6 is 1.2; expected ratios that sum to 1 (or rest for one)"]),
        ([APART, "split.dev=500", "split.test=0.5"],
         ["split.dev: ratios and counts are mixed, so the parts can't add up; write rest for one of them"]),
        ([APART, "split={by: column, column: p}"],
         ["split.by: by: column names each row's part, and data.dev_test_source says where they come from; leave one"]),
        ([APART, "split={by: files, files: {train: a.csv, dev: b.csv}}"],
         ["split.by: by: files names files for dev and test, and data.dev_test_source says where they come from; leave one"]),
        ([APART, "split={files: {test: t.csv}}"],
         ["split.files.test: the test rows come from data.dev_test_source; leave this out"]),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(overrides: list[str], lines: list[str]) -> None:
    assert refusal(*overrides) == lines


@pytest.mark.parametrize(
    "overrides",
    [
        ["split={by: time, column: date, train_dev: 0.05}"],
        [HASH, "split={by: hash, column: k, group: k}"],
        [HASH, "split.dev=0.1"],
        ["split={by: column, column: part, group: g}"],
        ["split={group: user, train: rest, dev: 100, test: 100}"],
        ["split={group: user, files: {test: t.csv}}"],
        [APART],
        [APART, "split={dev: 0.3, train_dev: 0.05}"],
        [APART, "split={dev: 500, test: rest}"],
        [APART, "split={by: time, column: date}"],
        [APART, "split={by: hash, column: id, dev: 0.5, test: 0.5}"],
    ],
)
def test_what_goes_together_is_taken(overrides: list[str]) -> None:
    config.load([], ["data.source=a.csv", "data.target=label", *overrides])
