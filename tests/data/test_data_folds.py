"""Folds and nested training subsets: what they must hold for any table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltrain import config, data
from dltrain.config.records import Split
from dltrain.data.splitting.folds import draw_folds
from dltrain.data.splitting.limiting import nested_order
from dltrain.data.splitting.sizes import Sizes
from dltrain.errors import InputError


def folds_of(n: int, k: int, test: int, classes=None, groups=None, seed: int = 0):
    sizes = Sizes(train=n - test - 3, train_dev=0, dev=3, test=test)
    found = []
    for fold in range(k):
        parts, _ = draw_folds(Split(folds=k, fold=fold, seed=seed), sizes, classes, groups)
        found.append(parts)
    return found


@given(n=st.integers(20, 200), k=st.integers(2, 8), test=st.integers(0, 10), seed=st.integers(0, 99))
def test_every_row_of_the_pool_is_dev_once_and_the_test_part_is_left_out(n: int, k: int, test: int, seed: int) -> None:
    found = folds_of(n, k, test, seed=seed)
    assert len({tuple(parts["test"]) for parts in found}) == 1 and len(found[0]["test"]) == test
    pool = np.setdiff1d(np.arange(n), found[0]["test"])
    assert np.array_equal(np.sort(np.concatenate([parts["dev"] for parts in found])), pool)
    sizes = [len(parts["dev"]) for parts in found]
    assert max(sizes) - min(sizes) <= 1
    for parts in found:
        assert np.array_equal(np.sort(np.concatenate([parts["train"], parts["dev"]])), pool)


def test_classes_are_in_proportion_in_every_fold(rng: np.random.Generator) -> None:
    classes = np.repeat([0, 1, 2], [60, 30, 10])[rng.permutation(100)]
    for parts in folds_of(100, 5, 0, classes):
        assert np.bincount(classes[parts["dev"]]).tolist() == [12, 6, 2]


def test_a_group_is_in_one_fold(rng: np.random.Generator) -> None:
    groups = rng.integers(0, 25, 200)
    found = folds_of(200, 5, 30, None, groups)
    owner: dict[int, int] = {}
    for fold, parts in enumerate(found):
        assert not set(groups[parts["train"]]) & set(groups[parts["dev"]])
        assert not set(groups[parts["test"]]) & set(groups[np.concatenate([parts["train"], parts["dev"]])])
        for group in set(groups[parts["dev"]].tolist()):
            assert owner.setdefault(group, fold) == fold


def test_more_folds_than_there_are_rows_or_groups_are_refused() -> None:
    with pytest.raises(InputError, match="leave one empty; ask for fewer"):
        folds_of(6, 8, 0)
    with pytest.raises(InputError, match="5 folds of 3 groups"):
        folds_of(30, 5, 0, None, np.arange(30) % 3)


@given(m=st.integers(3, 120), k=st.integers(1, 6), which=st.integers(0, 5))
def test_subsets_are_nested_and_hold_every_class_in_proportion(m: int, k: int, which: int) -> None:
    classes = np.arange(m) % min(k, m)
    order = nested_order(m, 7, which, classes.astype(np.int64))
    assert np.array_equal(np.sort(order), np.arange(m))
    counts = np.bincount(classes)
    for limit in range(len(counts), m + 1):
        kept = np.bincount(classes[order[:limit]], minlength=len(counts))
        assert kept.min() >= 1
        assert (np.abs(kept - limit * counts / m) <= 1.5).all()


def test_subsets_take_whole_groups_one_after_the_other(rng: np.random.Generator) -> None:
    groups = rng.integers(0, 12, 90)
    along = groups[nested_order(90, 1, 0, None, groups)]
    assert (np.diff(along) != 0).sum() == len(np.unique(groups)) - 1


def test_another_seed_gives_another_subset() -> None:
    assert nested_order(50, 0, 0).tolist() != nested_order(50, 0, 1).tolist() != nested_order(50, 1, 1).tolist()


def prepared(*overrides: str) -> data.Prepared:
    loaded = config.load([], ["data={source: breast_cancer, target: diagnosis}", *overrides])
    return data.prepare(loaded.experiment)


def test_a_limit_changes_train_alone_and_its_rows_are_nested() -> None:
    whole, less, least = prepared(), prepared("data.train_limit=200"), prepared("data.train_limit=50")
    for part in ("dev", "test"):
        assert np.array_equal(whole.parts[part].rows, least.parts[part].rows)
    rows = [set(one.parts["train"].rows.tolist()) for one in (least, less, whole)]
    assert [len(one) for one in rows[:2]] == [50, 200] and rows[0] < rows[1] < rows[2]
    assert less.settled_split == whole.settled_split
    assert any("train_limit: 200 of 341 training rows" in note for note in less.notes)
    assert not np.array_equal(
        least.parts["train"].rows, prepared("data.train_limit=50", "data.train_limit_seed=1").parts["train"].rows
    )


@pytest.mark.parametrize("overrides", [["data.train_limit=70"], ["split.folds=4", "split.fold=2"]])
def test_the_settled_config_draws_the_same_rows(overrides: list[str], tmp_path) -> None:
    from dltrain import experiment

    base = ["data={source: breast_cancer, target: diagnosis}", "architecture.layers=[4]"]
    ready = experiment.prepare(config.load([], [*base, *overrides]))
    (tmp_path / "resolved.yaml").write_text(config.dump(ready.plan, ready.loaded))
    again = experiment.prepare(config.load([tmp_path / "resolved.yaml"]))
    assert again.plan.experiment == ready.plan.experiment
    for part, one in ready.data.parts.items():
        assert np.array_equal(one.rows, again.data.parts[part].rows)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["split.fold=1"], "split.fold: 1 is no fold; there are none (split.folds)"),
        (["split.folds=3", "split.fold=3"], "split.fold: 3 is no fold; there are 0 to 2"),
        (["split.folds=3", "split.train_dev=0.1"], "split.train_dev: does not go with split.folds"),
        (["split.folds=3", "split.by=hash", "split.column=a"], "split.folds: are dealt at random"),
        (["split.folds=3", "data.dev_test_source=digits"], "split.folds: do not go with data.dev_test_source"),
    ],
)
def test_folds_that_cannot_be_are_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(InputError) as refused:
        config.load([], ["data={source: breast_cancer, target: diagnosis}", *overrides])
    assert said in str(refused.value)
