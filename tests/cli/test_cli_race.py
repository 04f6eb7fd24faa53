"""Another process ends the run between this one's first look and its claim: nothing is left to do, exit 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_calling import Called, call, trees

from dltrain import runs

TRAIN = ("train", "trees.yaml", "-q", "--run-id", "one")


def looks(monkeypatch: pytest.MonkeyPatch, *first: dict[str, Any] | None) -> None:
    """The first looks at the run see this, later ones what is there."""
    seen, peek = iter(first), runs.peek

    def look(*place: Any) -> dict[str, Any] | None:
        for found in seen:
            return found
        return peek(*place)

    monkeypatch.setattr(runs, "peek", look)


@pytest.fixture
def finished(empty_folder: Path) -> Called:
    trees(empty_folder)
    done = call(*TRAIN)
    assert done.code == 0
    return done


def test_it_was_not_there_at_first(finished: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, None)
    assert call(*TRAIN) == finished


def test_it_was_interrupted_at_first(finished: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    record = runs.read_run(Path("runs/one"))
    looks(monkeypatch, {**record, "state": "interrupted"})
    assert call(*TRAIN) == finished


def test_another_config_is_refused_all_the_same(finished: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, None)
    other = call(*TRAIN, "training.epochs=4")
    assert (other.code, other.out) == (73, "")
    assert "training.epochs" in other.err


def test_a_name_that_is_no_run_is_refused(empty_folder: Path) -> None:
    trees(empty_folder)
    (empty_folder / "runs" / "one").mkdir(parents=True)
    (empty_folder / "runs" / "one" / "mine.txt").write_text("mine")
    assert call(*TRAIN).code == 73
