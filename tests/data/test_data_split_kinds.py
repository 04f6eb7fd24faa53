"""Splits by time, hash and column: who is in which part, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.config.records import Split
from dltrain.data.raw import Labels, as_text
from dltrain.data.splitting.hashing import places
from dltrain.data.splitting.sizes import Sizes, settle_apart, settle_sizes
from dltrain.data.splitting.split import Drawn, draw
from dltrain.errors import InputError

PARTS = ("train", "train_dev", "dev", "test")
Split_ = dict[str, Any]


def drawn(column: Labels, dates: bool = False, given: tuple[str, ...] = (), **split: Any) -> Drawn:
    settled = Split(column="c", **split)
    return draw(settled, settle_sizes(settled, len(column), given), len(column), column=column, dates=dates)


def refusal(*args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        drawn(*args, **kwargs)
    return [problem.line() for problem in caught.value.problems]


def assert_whole(rows: dict[str, np.ndarray[Any, Any]], n: int) -> None:
    assert tuple(rows) == PARTS
    assert (np.sort(np.concatenate(list(rows.values()))) == np.arange(n)).all()
    assert all((np.diff(part) > 0).all() and part.dtype == np.int64 for part in rows.values())


# By time


def test_time_cuts_the_rows_in_their_order() -> None:
    column = np.array([5.0, 1, 9, 3, 7, 0, 8, 2, 6, 4])
    rows = drawn(column, by="time", train=0.6, dev=0.2, test=0.2).rows
    assert {part: sorted(column[rows[part]]) for part in PARTS} == {
        "train": [0, 1, 2, 3, 4, 5],
        "train_dev": [],
        "dev": [6, 7],
        "test": [8, 9],
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=4, max_size=80), st.integers(0, 5), st.integers(0, 2**62), st.booleans())
def test_time_keeps_order_and_cuts_no_moment(times: list[int], held: int, seed: int, text: bool) -> None:
    numbers = np.array(times, dtype=np.float64)
    column = as_text([f"{time + 50:03d}" for time in times]) if text else numbers
    n = len(times)
    split = Split(by="time", column="c", train=0.5, dev=0.25, test=0.25, train_dev=held, seed=seed)
    try:
        sizes = settle_sizes(split, n, ())
        rows = draw(split, sizes, n, column=column).rows
    except InputError as error:
        few = len(set(times)) < 3 or "train empty" in str(error) or "leaves" in str(error)
        assert few or "rows, but there are" in str(error), error
        return
    assert_whole(rows, n)
    source = np.concatenate([rows["train"], rows["train_dev"]])
    assert numbers[source].max() < numbers[rows["dev"]].min()
    assert numbers[rows["dev"]].max() < numbers[rows["test"]].min()
    assert len(rows["train_dev"]) == held
    # No boundary lies nearer to the one asked for, as far as the others allow it.
    ends = np.flatnonzero(np.diff(np.sort(numbers))) + 1
    free = ends[:-1]
    asked = sizes.train + sizes.train_dev
    assert abs(len(source) - asked) == np.abs(free - asked).min()
    again = draw(split, sizes, n, column=column).rows
    assert all((rows[part] == again[part]).all() for part in PARTS)
    counts = Split(by="time", column="c", seed=seed, **{part: len(rows[part]) for part in PARTS})  # type: ignore[arg-type]
    settled = draw(counts, settle_sizes(counts, n, ()), n, column=column).rows
    assert all((rows[part] == settled[part]).all() for part in PARTS)


def test_the_held_out_part_of_train_is_of_the_whole_period_of_train() -> None:
    rows = drawn(np.arange(1000.0), by="time", train=0.8, dev=0.1, test=0.1, train_dev=0.5).rows
    assert rows["train_dev"].min() < 50 and rows["train_dev"].max() > 750
    other = drawn(np.arange(1000.0), by="time", train=0.8, dev=0.1, test=0.1, train_dev=0.5, seed=1).rows
    assert (rows["test"] == other["test"]).all() and not np.array_equal(rows["train_dev"], other["train_dev"])


def test_time_says_its_boundaries() -> None:
    first = (date(2012, 6, 1) - date(1970, 1, 1)).days
    days = first + np.repeat(np.arange(10.0), 2)
    notes = drawn(days, dates=True, by="time", train=11, dev=5, test=4).notes
    assert notes == (
        "time: train 2012-06-01 to 2012-06-05, dev 2012-06-06 to 2012-06-08, test 2012-06-09 to 2012-06-10",
        "time: rows of one time stay together, so the parts are train 10 (11 asked), dev 6 (5 asked)",
    )
    (note,) = drawn(first + np.arange(4) / 4, dates=True, by="time", train=2, dev=1, test=1).notes
    assert note == "time: train 2012-06-01 to 2012-06-01 06:00, dev 2012-06-01 12:00, test 2012-06-01 18:00"
    notes = drawn(as_text(["b", "c", "a"]), by="time", train=1, dev=1, test=1).notes
    assert notes == ("time: train a, dev b, test c", "time: text is sorted letter by letter, from 'a' to 'c'")
    assert drawn(np.array([3, 1, 2]), by="time", train=1, dev=1, test=1).notes == ("time: train 1, dev 2, test 3",)


def test_too_few_times_are_refused() -> None:
    lines = refusal(np.array([1.0, 1, 1, 2, 2]), by="time", train=0.6, dev=0.2, test=0.2)
    message = "there are 2 different times, which cannot be cut into train, dev, test; rows of one time stay together"
    assert lines == [f"split.column: {message}"]
    assert "every row has the same time" in refusal(np.ones(9), by="time")[0]
    lines = refusal(np.array([0.0, 1, 1, 1, 1, 1, 1, 1, 1, 2]), by="time", train=5, dev=2, test=1, train_dev=2)
    assert lines == ["split.train_dev: 2 rows leave train empty, whose period has 1"]


@pytest.mark.parametrize("by", ["time", "hash", "column"])
@pytest.mark.parametrize("text", [True, False])
def test_gaps_are_refused_row_by_row(by: str, text: bool) -> None:
    column = as_text(["train", " ", "dev", ""]) if text else np.array([1.0, np.nan, 2.0, np.nan])
    lines = refusal(column, by=by)
    assert [line.partition(",")[0] for line in lines] == [
        "row 1: split.column: no value in c",
        "row 3: split.column: no value in c",
    ]
    many = refusal(as_text([""] * 25), by=by)
    assert len(many) == 11 and many[-1] == "split.column: 15 more rows have no value in c"


# By hash

KEYS = st.lists(st.text(max_size=8).filter(str.strip) | st.integers(-50, 10**12).map(str), min_size=1, max_size=60)
HASHED: Split_ = {"by": "hash", "train": 0.6, "dev": 0.2, "test": 0.2, "train_dev": 0.1}


def parts_of(column: Labels, **more: Any) -> list[str] | None:
    """The part of each row; None where one came out empty."""
    try:
        rows = drawn(column, **{**HASHED, **more}).rows
    except InputError as error:
        assert "few for a share of" in str(error)
        return None
    assert_whole(rows, len(column))
    of = np.empty(len(column), dtype=object)
    for part, here in rows.items():
        of[here] = part
    return list(of)


FULL = [f"key {number}" for number in range(300)]
"""Enough keys that no part is empty."""


@settings(max_examples=80, deadline=None)
@given(KEYS, KEYS, st.randoms(use_true_random=False), st.integers(0, 2**63 - 1))
def test_hash_membership_survives_growth_and_order(keys: list[str], more: list[str], random: Any, seed: int) -> None:
    before = parts_of(as_text([*keys, *FULL]), seed=seed)
    everything = [*keys, *more, *FULL]
    order = list(range(len(everything)))
    random.shuffle(order)
    after = parts_of(as_text([everything[place] for place in order]), seed=seed)
    assert before is not None and after is not None
    known = dict(zip([*keys, *FULL], before, strict=True))
    for place, part in zip(order, after, strict=True):
        assert known.setdefault(everything[place], part) == part


def test_a_number_is_one_key_however_it_is_written() -> None:
    numbers = np.arange(400.0)
    expected = parts_of(numbers)
    assert parts_of(np.arange(400)) == expected
    assert parts_of(as_text([f"{number:.0f}" for number in numbers])) == expected
    assert parts_of(as_text([f" {number:.2f} " for number in numbers])) == expected
    assert parts_of(as_text([f"{number:05.0f}" for number in numbers])) == expected
    halves = parts_of(numbers + 0.5)
    assert parts_of(as_text([str(number + 0.5) for number in numbers])) == halves != expected


def test_repeated_keys_and_different_ones_go_the_same_way() -> None:
    once = [f"user {number}" for number in range(9000)]
    alone = parts_of(as_text(once))
    repeated = parts_of(as_text([key for key in once for _ in range(3)]))
    assert repeated is not None and repeated[::3] == repeated[1::3] == repeated[2::3] == alone


KNOWN = [0.459120593682, 0.996767998345, 0.550338667967]


def test_known_places_never_change() -> None:
    """What the hash says of a key is part of what makes two runs equal."""
    assert [round(place, 12) for place in places(["1", "2", "müller"], 0)] == KNOWN
    assert not np.allclose(places(["1", "2", "müller"], 1), KNOWN)


@pytest.mark.parametrize("seed", [0, 1, 2**40, 2**63 - 1])
@pytest.mark.parametrize("form", ["{}", "user{:06d}", "2012-06-{}", "{0}{0}{0}{0}"])
def test_hashes_of_regular_keys_are_uniform_and_independent(form: str, seed: int) -> None:
    from scipy.stats import chisquare, kstest

    u = places([form.format(number) for number in range(20_000)], seed)
    assert kstest(u, "uniform").pvalue > 1e-4
    pairs = np.histogram2d(u[:-1], u[1:], bins=8, range=[[0, 1], [0, 1]])[0]
    assert chisquare(pairs.ravel()).pvalue > 1e-4
    other = places([form.format(number) for number in range(20_000)], seed ^ 1)
    assert abs(np.corrcoef(u, other)[0, 1]) < 0.03


def test_hash_meets_ratios_on_average_and_says_what_came_out() -> None:
    found = drawn(np.arange(100_000), **HASHED)
    shares = {part: len(rows) / 100_000 for part, rows in found.rows.items()}
    for part, share in {"train": 0.54, "train_dev": 0.06, "dev": 0.2, "test": 0.2}.items():
        assert abs(shares[part] - share) < 5 * np.sqrt(share * (1 - share) / 100_000)
    assert found.notes[0].startswith(f"hash: 100000 rows came out as train {len(found.rows['train'])} (")


def test_asking_for_train_dev_moves_no_other_row() -> None:
    without = drawn(np.arange(1000), **{**HASHED, "train_dev": 0}).rows
    with_it = drawn(np.arange(1000), **HASHED).rows
    assert (without["dev"] == with_it["dev"]).all() and (without["test"] == with_it["test"]).all()
    assert set(with_it["train"]) < set(without["train"])


def test_the_default_ratios_of_hash_are_the_same_for_any_size() -> None:
    small, large = (settle_sizes(Split(by="hash", column="c"), n, ()) for n in (100, 10_000_000))
    assert small.ratios == large.ratios
    assert "60/20/20, whatever the number of rows" in small.note
    given_test = settle_sizes(Split(by="hash", column="c"), 100, {"test"}).ratios
    assert given_test is not None and (given_test.train, given_test.dev, given_test.test) == (0.9, 0.1, 0)
    left = settle_sizes(Split(by="hash", column="c", dev=0.1, test=0.2), 100, ()).ratios
    assert left is not None and left.train == 0.7


def test_too_few_keys_are_refused() -> None:
    lines = refusal(as_text(["a"] * 50), by="hash")
    assert len(lines) == 2
    assert all("leaves" in line and "empty: 1 key, few for a share of" in line for line in lines)


@pytest.mark.parametrize(
    ("shares", "lines"),
    [
        (
            {"train": "rest", "dev": 100, "test": 0.2},
            [
                "split.train: by: hash needs a ratio, not rest: rows keep their part as the data grow",
                "split.dev: by: hash needs a ratio, not 100: rows keep their part as the data grow",
            ],
        ),
        ({"train_dev": 1.0}, ["split.train_dev: 1.0 leaves train empty"]),
        ({"train": 0.5, "dev": 0.2, "test": 0.2}, ["split: ratios must sum to 1: train 0.5 + dev 0.2 + test 0.2 = 0.9; write `rest` for one of them"]),
    ],
)  # fmt: skip
def test_hash_needs_ratios(shares: dict[str, Any], lines: list[str]) -> None:
    assert refusal(np.arange(100), by="hash", **shares) == lines


# By a column


def test_a_column_says_who_is_in_which_part() -> None:
    found = drawn(as_text(["train", "dev", " Train", "test", "train-dev", "TEST", "train"]), by="column")
    assert {part: rows.tolist() for part, rows in found.rows.items()} == {
        "train": [0, 2, 6],
        "train_dev": [4],
        "dev": [1],
        "test": [3, 5],
    }
    assert found.notes == ("split: train 3, train_dev 1, dev 1, test 2 rows, as c says",)


def test_what_others_call_the_parts_is_understood_and_said() -> None:
    found = drawn(as_text(["training", "val", "valid", "validation", "testing"]), by="column")
    assert [len(found.rows[part]) for part in PARTS] == [1, 0, 3, 1]
    assert "split: 'training' is read as train" in found.notes
    assert [note for note in found.notes if "as dev" in note] == ["split: 'val', 'valid', 'validation' are read as dev"]


def test_other_values_are_refused_row_by_row() -> None:
    lines = refusal(as_text(["train", "tset", "dev", "3", "fold 1"]), by="column")
    expected = "names no part; expected train, train_dev, dev or test"
    assert lines == [
        f"row 1: split.column: 'tset' {expected}; did you mean test?",
        f"row 3: split.column: '3' {expected}",
        f"row 4: split.column: 'fold 1' {expected}",
    ]
    lines = refusal(np.arange(25.0), by="column")
    assert len(lines) == 11
    assert lines[0] == f"row 0: split.column: 0 {expected}" and lines[-1] == "split.column: 15 more rows name no part"
    assert refusal(as_text(["dev", "test", "test"]), by="column") == [
        "split.column: no row says train (there are 1 dev, 2 test)"
    ]
    message = "is 0.2, but by: column takes each row's part from c; leave it out"
    assert refusal(as_text(["train"]), by="column", dev=0.2) == [f"split.dev: {message}"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=40))
def test_a_column_is_taken_at_its_word(said: list[str]) -> None:
    said = ["train", *said]
    rows = drawn(as_text(said), by="column").rows
    assert_whole(rows, len(said))
    assert all(said[row] == part for part in PARTS for row in rows[part])


def test_groups_are_checked_where_a_column_says_the_part() -> None:
    split = Split(by="column", column="c", group="g")
    column = as_text(["train", "train", "dev", "dev", "test"])
    draw(split, Sizes(0, 0, 0, 0), 5, column=column, groups=np.array([0, 0, 1, 1, 2]))
    with pytest.raises(InputError) as caught:
        draw(split, Sizes(0, 0, 0, 0), 5, column=column, groups=np.array([0, 1, 1, 2, 2]))
    message = "2 groups have rows in two parts, as row 1 (train) and row 2 (dev); expected each group in one"
    assert str(caught.value) == f"split.group: {message}"


# dev and test of another source


def apart(n: int, m: int, **split: Any) -> list[tuple[int, ...]]:
    settled = settle_apart(Split(**split), n, m)
    return [(sizes.train, sizes.train_dev, sizes.dev, sizes.test) for sizes in settled]


@pytest.mark.parametrize(
    ("split", "source", "other"),
    [
        ({}, (1000, 0, 0, 0), (0, 0, 50, 50)),
        ({"train_dev": 0.05}, (950, 50, 0, 0), (0, 0, 50, 50)),
        ({"train_dev": 30, "dev": 0.2, "test": 0.8}, (970, 30, 0, 0), (0, 0, 20, 80)),
        ({"dev": 0.2}, (1000, 0, 0, 0), (0, 0, 20, 80)),
        ({"dev": 1.0}, (1000, 0, 0, 0), (0, 0, 100, 0)),
        ({"test": 30}, (1000, 0, 0, 0), (0, 0, 70, 30)),
        ({"dev": 60, "test": 40}, (1000, 0, 0, 0), (0, 0, 60, 40)),
        ({"dev": "rest", "test": 0}, (1000, 0, 0, 0), (0, 0, 100, 0)),
        ({"by": "hash", "column": "c", "train_dev": 0.1}, (900, 100, 0, 0), (0, 0, 50, 50)),
    ],
)
def test_sizes_of_two_sources(split: Split_, source: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert apart(1000, 100, **split) == [source, other]


def test_two_sources_say_the_default() -> None:
    source, other = settle_apart(Split(), 10, 10)
    assert (source.note, other.note) == ("", "split: dev and test are half each of data.dev_test_source")


@pytest.mark.parametrize(
    ("split", "lines"),
    [
        ({"train": 0.5}, ["split.train: is 0.5, but train takes all of data.source with data.dev_test_source; leave it out"]),
        ({"dev": 0.6, "test": 0.6}, ["split: ratios must sum to 1: dev 0.6 + test 0.6 = 1.2; write `rest` for one of them"]),
        ({"dev": 60, "test": 60}, ["split: dev 60 + test 60 = 120 rows, but there are 100"]),
        ({"dev": 6, "test": 6}, ["split: dev 6 + test 6 = 12 rows leave 88 of 100 unused; write `rest` for one part, or take fewer rows with data.limit"]),
        ({"train_dev": 1000}, ["split.train: rest of 1000 rows leaves train empty"]),
        ({"train_dev": "rest"}, ["split.train_dev: must be a ratio of the training rows or a count"]),
        ({"train": 5, "dev": 0.001, "test": 0.999}, ["split.train: is 5, but train takes all of data.source with data.dev_test_source; leave it out", "split.dev: 0.001 of 100 rows leaves dev empty"]),
        ({"by": "hash", "column": "c", "dev": 50}, ["split.dev: by: hash needs a ratio, not 50: rows keep their part as the data grow"]),
    ],
)  # fmt: skip
def test_shares_of_two_sources_that_cannot_be(split: Split_, lines: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        apart(1000, 100, **split)
    assert [problem.line() for problem in caught.value.problems] == lines


@pytest.mark.parametrize("by", ["random", "time", "hash"])
def test_two_sources_are_drawn_one_by_one(by: Any) -> None:
    split = Split(by=by, column=None if by == "random" else "c", train_dev=0.1)
    first, second = settle_apart(split, 1000, 300)
    source = draw(split, first, 1000, column=np.arange(1000.0)).rows
    other = draw(split, second, 300, column=np.arange(300.0)).rows
    assert_whole(source, 1000)
    assert_whole(other, 300)
    assert not len(source["dev"]) and not len(source["test"]) and len(source["train_dev"]) > 50
    assert not len(other["train"]) and not len(other["train_dev"]) and min(map(len, (other["dev"], other["test"]))) > 90
