"""`dltrain search --recheck STUDY`: the winner and its neighbours on the data as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calling import call, table, trees, two_kinds

SEARCH = "{trials: 3, kind: random, winner_seeds: 1, space: {optimizer.learning_rate: %s}}"
RANGE = "{kind: log_uniform, low: 0.01, high: 0.1}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that is finished; then its data and its config changed."""
    folder = tmp_path_factory.mktemp("stale")
    trees(folder)
    (folder / "trees.csv").write_text(table(two_kinds(300)))
    options = ["training.epochs=2", f"search={SEARCH % RANGE}"]
    where = ["--run-id", "found", "--runs-dir", folder / "runs", "-q"]
    assert call("search", folder / "trees.yaml", *options, *where).code == 0
    one = ["train", folder / "trees.yaml", "training.epochs=2", "--run-id", "single", "--runs-dir", folder / "runs"]
    assert call(*one, "-q").code == 0
    (folder / "trees.csv").write_text(table(two_kinds(360)))
    return folder


def test_the_winner_is_compared_with_its_neighbours_and_what_changed_is_said(place: Path) -> None:
    ended = call("search", "--recheck", "found", "--runs-dir", place / "runs", "--run-id", "again", "--json")
    assert ended.code == 0, ended.err
    found = ended.json
    assert found["study"]["kind"] == "recheck" and found["study"]["study"] == "found"
    assert found["changed"] == ["the data"]
    assert len(found["steps"]) == 2 and len(found["trials"]) == 9
    assert [row["overrides"]["seed"] for row in found["trials"][:3]] == [1, 2, 3]
    assert found["stands"] == (found["best"] is None)
    assert all(step["verdict"] in ("helped", "hurt", "not told apart") for step in found["steps"])
    assert "found" in found["headline"] and found["winner"]["then"]["value"] is not None
    again = call("search", "--recheck", "found", "--runs-dir", place / "runs", "--run-id", "again")
    assert again.code == 0 and "finished already" in again.err and found["headline"] in again.out
    assert "A search, checked again" in (place / "runs" / "again" / "report.html").read_text()


def test_another_config_is_said_to_be_one(place: Path) -> None:
    where = ["--runs-dir", place / "runs", "--json"]
    ended = call("search", place / "trees.yaml", "training.epochs=1", "--recheck", "found", *where)
    assert ended.code == 0, ended.err
    assert ended.json["changed"] == ["the data", "training.epochs: 2 -> 1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["single"], "single run"), (["again"], "no search"), (["none"], "none"), (["found", "--plan"], "--plan")],
)
def test_what_is_no_finished_search_is_refused(words: list[str], said: str, place: Path) -> None:
    if words == ["again"]:
        call("train", place / "trees.yaml", "--seeds", "2", "training.epochs=1", "-q", "--run-id", "again",
             "--runs-dir", place / "runs")  # fmt: skip
    ended = call("search", "--recheck", *words, "--runs-dir", place / "runs")
    assert ended.code == 2 and said in ended.err, ended.err
