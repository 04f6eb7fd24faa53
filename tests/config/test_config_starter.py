"""The first config for a data file, written from what was seen: it loads without a notice and says what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dltrain import config
from dltrain.config.proportions import proportions
from dltrain.config.starter import Column, Look, training_rows, write

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


def column(name: str, role: Any = "input", **more: Any) -> Column:
    return Column(name=name, **{"kind": "number", "gaps": 0, "distinct": 9, "example": "1", "role": role, **more})


def loaded(look: Look, folder: str | None = None) -> config.Loaded:
    return config.load(["starter.yaml"], (), {"starter.yaml": write(look, folder)})


def test_every_key_stands_in_the_experiment() -> None:
    columns = (
        column("n", "id", why="numbers the rows"),
        column("age", gaps=3),
        column("name", "excluded", why="names the rows"),
        column("y", "target"),
    )
    look = Look(
        sources=("/data/a.csv", "/data/b.csv"),
        rows=1000,
        columns=columns,
        target="y",
        names=("n", "age", "name", "y"),
        test="/data/test.csv",
        tested=True,
        task="binary",
        why="y holds 2 words",
        missing="median",
        label_map={"yes.": "yes"},
    )
    found = loaded(look)
    data, split = found.experiment.data, found.experiment.split
    assert found.notices == ()
    assert (data.source, data.target, data.id, data.exclude) == (["/data/a.csv", "/data/b.csv"], "y", "n", ["name"])
    assert (data.task, data.missing, data.label_map) == ("binary", "median", {"yes.": "yes"})
    assert split.files is not None and split.files.test == "/data/test.csv"
    assert (split.train, split.dev, split.test) == (0.9, 0.1, None)
    assert "gaps: age 3;" in write(look) and "- name  # names the rows" in write(look)


@pytest.mark.parametrize(("rows", "train"), [(99_999, 0.6), (100_000, 0.98), (2_000_000, 0.995)])
def test_the_split_goes_by_size(rows: int, train: float) -> None:
    look = Look(sources=("/a.csv",), rows=rows, target="y")
    assert loaded(look).experiment.split.train == train
    assert training_rows(look) == int(train * rows)


def test_paths_are_relative_where_that_is_shorter() -> None:
    look = Look(sources=("/srv/work/data/a.csv",), rows=10, target="y")
    assert "source: data/a.csv" in write(look, "/srv/work")
    assert "source: ../data/a.csv" in write(look, "/srv/work/configs")
    assert "source: /srv/work/data/a.csv" in write(look, "/a/b/c/d/e/f")
    assert "source: /srv/work/data/a.csv" in write(look)


@given(st.lists(TEXT, min_size=1, max_size=4, unique=True), TEXT, TEXT)
def test_no_name_or_reason_breaks_the_file(names: list[str], target: str, reason: str) -> None:
    assume(target not in names)
    columns = tuple(column(name, "excluded", why=reason) for name in names)
    look = Look(sources=("/x.csv",), rows=100, columns=columns, target=target, time=names[0], why=reason)
    found = loaded(look)
    assert found.experiment.data.exclude == names
    assert (found.experiment.data.target, found.experiment.split.column) == (target, names[0])


@given(st.integers(1, 10**7), st.integers(1, 5000))
def test_proportions_fit_the_size(m: int, n_x: int) -> None:
    small, large = proportions(m, n_x), proportions(2 * m, n_x)
    assert small.layers <= large.layers and small.epochs >= large.epochs
    assert small.batch_size is None or small.batch_size < m
    assert small.lambd > 0 and 0 < small.patience < small.epochs


def test_the_configs_of_a_run_and_of_init_say_the_same(tmp_path: Path) -> None:
    look = Look(sources=(str(tmp_path / "a.csv"),), rows=500, target="y")
    (tmp_path / "here.yaml").write_text(write(look, str(tmp_path)))
    here, run = config.load([tmp_path / "here.yaml"]), loaded(look)
    assert here.experiment == run.experiment
