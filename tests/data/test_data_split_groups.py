"""Splits by group: no group in two parts, sizes and classes as near as whole groups allow."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltrain.config.records import Split
from dltrain.data.splitting.groups import draw_groups
from dltrain.data.splitting.sizes import Sizes, settle_sizes
from dltrain.data.splitting.split import draw
from dltrain.errors import InputError

Ints = np.ndarray[Any, np.dtype[np.int64]]
PARTS = ("train", "train_dev", "dev", "test")
ASKED: dict[str, Any] = {"train": 0.6, "dev": 0.2, "test": 0.2}


def rows_of(groups: Ints, classes: Ints | None = None, **more: Any) -> dict[str, Ints]:
    split = Split(group="g", **{**ASKED, **more})
    return draw(split, settle_sizes(split, len(groups), ()), len(groups), groups=groups, classes=classes).rows


def assert_whole_groups(rows: dict[str, Ints], groups: Ints) -> None:
    assert (np.sort(np.concatenate([rows[part] for part in PARTS])) == np.arange(len(groups))).all()
    assert all((np.diff(rows[part]) > 0).all() for part in PARTS)
    held = [set(groups[rows[part]].tolist()) for part in PARTS]
    assert sum(map(len, held)) == len(set(groups.tolist()))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=40),
    st.sampled_from([None, 2, 5]),
    st.sampled_from([0, 0.1, 0.3]),
    st.integers(0, 2**62),
)
def test_no_group_is_cut_and_every_row_is_dealt(
    sizes: list[int], n_classes: int | None, held: float, seed: int
) -> None:
    groups = np.repeat(np.arange(len(sizes)) * 7 % 101, sizes)
    groups = groups[np.argsort(np.arange(len(groups)) * 31 % 97, kind="stable")]
    classes = None if n_classes is None else np.arange(len(groups)) % n_classes
    try:
        rows = rows_of(groups, classes, train_dev=held, seed=seed)
    except InputError as error:
        words = ("without cutting one", "too large for these sizes", "leaves", "leave train empty")
        assert any(word in str(error) for word in words), error
        assert len(sizes) < 4 + 8 * max(sizes) or len(groups) < 20
        return
    assert_whole_groups(rows, groups)
    asked = settle_sizes(Split(**{**ASKED, "train_dev": held}), len(groups), ())
    assert all(len(rows[part]) > 0 for part in PARTS if getattr(asked, part))
    again = rows_of(groups, classes, train_dev=held, seed=seed)
    assert all((rows[part] == again[part]).all() for part in PARTS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=4, max_size=7), st.integers(0, 1000))
def test_sizes_are_near_the_best_that_whole_groups_allow(sizes: list[int], seed: int) -> None:
    """Against every way to deal a few groups."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    n = len(groups)
    asked = settle_sizes(Split(**ASKED), n, ()) if n > 4 else Sizes(n - 2, 0, 1, 1)
    wanted = np.array([asked.train, asked.dev, asked.test])
    ways = np.array(list(product(range(3), repeat=len(sizes))))
    filled = np.stack([(np.array(sizes) * (ways == part)).sum(1) for part in range(3)], axis=1)
    best = np.abs(filled[(filled > 0).all(1)] - wanted).sum(1).min()
    try:
        rows, _ = draw_groups(asked, seed, groups, None)
    except InputError as error:
        assert "too large for these sizes" in str(error) and max(sizes) > n / 5
        return
    off = sum(abs(len(rows[part]) - size) for part, size in zip(("train", "dev", "test"), wanted, strict=True))
    assert off <= best + 2 * max(sizes)


@settings(max_examples=40, deadline=None)
@given(st.integers(30, 400), st.integers(0, 2**40))
def test_many_groups_come_as_near_as_a_small_group(n_groups: int, seed: int) -> None:
    sizes = 1 + np.arange(n_groups) % 5
    groups = np.repeat(np.arange(n_groups), sizes)
    rows = rows_of(groups, seed=seed)
    for part, share in ASKED.items():
        assert abs(len(rows[part]) - share * len(groups)) <= 2


@pytest.mark.parametrize("n_groups", [200, 30_000])
def test_groups_of_one_row_are_a_stratified_split(n_groups: int) -> None:
    classes = np.arange(n_groups) * 7919 % 10 % 4
    rows = rows_of(np.arange(n_groups), classes, train_dev=0.1)
    counts = np.bincount(classes)
    for part, share in {"train": 0.54, "train_dev": 0.06, "dev": 0.2, "test": 0.2}.items():
        assert len(rows[part]) == round(share * n_groups)
        assert (np.abs(np.bincount(classes[rows[part]], minlength=4) - share * counts) <= 2).all()


def uneven(seed: int, n_groups: int) -> tuple[Ints, Ints]:
    """Groups of 1 to 60 rows, each with its own preference for one of three classes."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 61, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    favourite = random.choice(3, n_groups, p=[0.6, 0.3, 0.1])[groups]
    classes = np.where(random.random(len(groups)) < 0.7, favourite, random.choice(3, len(groups), p=[0.6, 0.3, 0.1]))
    return groups, classes.astype(np.int64)


def unlike(rows: dict[str, Ints], classes: Ints) -> float:
    """The largest difference of a class's share in a part from its share in all rows."""
    shares = np.bincount(classes, minlength=3) / len(classes)
    return max(
        float(np.abs(np.bincount(classes[part], minlength=3) / len(part) - shares).max())
        for part in rows.values()
        if len(part)
    )


@pytest.mark.parametrize("n_groups", [40, 400, 20_000])
def test_stratified_groups_keep_classes_and_sizes(n_groups: int) -> None:
    groups, classes = uneven(3, n_groups)
    rows = rows_of(groups, classes)
    assert_whole_groups(rows, groups)
    assert unlike(rows, classes) < (0.03 if n_groups == 40 else 0.001)
    for part, share in ASKED.items():
        assert abs(len(rows[part]) / len(groups) - share) < (0.02 if n_groups == 40 else 0.001)


def test_stratified_groups_are_no_worse_than_scikit_learns() -> None:
    model_selection = pytest.importorskip("sklearn.model_selection", reason="scikit-learn is an oracle")
    ours, theirs = [], []
    for seed in range(6):
        groups, classes = uneven(seed, 60)
        rows = rows_of(groups, classes, train=0.8, dev=0.2, test=0, seed=seed)
        ours.append(unlike(rows, classes))
        folds = model_selection.StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        train, dev = next(folds.split(groups, classes, groups))
        theirs.append(unlike({"train": train, "dev": dev}, classes))
    assert np.mean(ours) < np.mean(theirs)


def test_the_seed_decides_who_is_where() -> None:
    groups = np.repeat(np.arange(100), 3)
    times = np.zeros(100)
    for seed in range(300):
        times[np.unique(groups[rows_of(groups, seed=seed)["test"]])] += 1
    assert (np.abs(times - 60) < 5 * np.sqrt(300 * 0.2 * 0.8)).all()


def test_large_groups_do_not_all_become_training_data() -> None:
    sizes = np.where(np.arange(200) % 10 == 0, 50, 2)
    groups = np.repeat(np.arange(200), sizes)
    rows = rows_of(groups)
    large = [sum(sizes[group] == 50 for group in set(groups[rows[part]].tolist())) for part in ("train", "dev", "test")]
    assert large == [12, 4, 4]


def test_train_dev_takes_groups_of_train_alone() -> None:
    groups, classes = uneven(5, 300)
    without = rows_of(groups, classes)
    with_it = rows_of(groups, classes, train_dev=0.1)
    assert (without["dev"] == with_it["dev"]).all() and (without["test"] == with_it["test"]).all()
    assert not set(groups[with_it["train"]]) & set(groups[with_it["train_dev"]])
    assert abs(len(with_it["train_dev"]) / len(without["train"]) - 0.1) < 0.01


def test_a_part_smaller_than_every_group_still_gets_one() -> None:
    groups = np.repeat(np.arange(20), 50)
    rows = rows_of(groups, train=0.98, dev=0.01, test=0.01)
    assert [len(rows[part]) for part in ("train", "dev", "test")] == [900, 50, 50]


def test_the_note_says_how_near() -> None:
    split = Split(group="g", **ASKED)
    groups = np.repeat(np.arange(10), 10)
    assert draw(split, Sizes(60, 0, 20, 20), 100, groups=groups).notes == (
        "groups: 10 groups of rows stay whole; the sizes are as asked",
    )
    assert draw(split, Sizes(65, 0, 17, 18), 100, groups=groups).notes == (
        "groups: 10 groups of rows stay whole, so the parts are train 60 (65 asked), dev 20 (17 asked), test 20 (18 asked)",
    )


@pytest.mark.parametrize(
    ("sizes", "shares", "line"),
    [
        ([5, 5], {}, "2 groups cannot be dealt to train, dev, test without cutting one"),
        ([90, 5, 5], {"train": 0.2, "dev": 0.4, "test": 0.4}, "groups are too large for these sizes: the largest of 3 has 90 of 100 rows, and whole groups give train 5 (20 asked), dev "),
        ([9], {"dev": 0, "test": 0, "train": 1.0, "train_dev": 0.5}, "1 group cannot be dealt to train, train_dev without cutting one"),
        ([60, 20, 20], {"train_dev": 0.5}, "1 group cannot be dealt to train, train_dev without cutting one"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be_dealt(sizes: list[int], shares: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        rows_of(np.repeat(np.arange(len(sizes)), sizes), **shares)
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"split.group: {line}")
