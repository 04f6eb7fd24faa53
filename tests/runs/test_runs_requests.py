"""Requests to a live run: left by anybody, taken once, by the live process alone."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dltrain import runs
from dltrain.runs.following import Follower


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with runs.create(tmp_path, "a", "x", {}) as made:
        made.state("running")
        return made.path


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in (folder / "requests").iterdir())


def test_they_are_taken_in_order_and_once(folder: Path) -> None:
    held = runs.Requests(folder)
    assert not held.waiting() and held.take() == []
    names = [runs.ask(folder, {"optimizer.learning_rate": n}) for n in range(5)]
    assert names == sorted(names) and held.waiting()
    taken = held.take()
    assert [(one.name, one.changes["optimizer.learning_rate"]) for one in taken] == list(
        zip(names, range(5), strict=True)
    )
    assert files(folder) == [".taken"] * 5
    assert [one.name for one in held.take()] == names, "what was taken and not done is taken again, as after a kill"
    for one in taken:
        held.done(one.name)
    assert files(folder) == [] and not held.waiting()


def test_many_at_once_do_not_clash(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda n: runs.ask(folder, {"a": n}), range(40)))
    taken = runs.Requests(folder).take()
    assert sorted(one.name for one in taken) == sorted(set(names)) and len(taken) == 40
    assert sorted(one.changes["a"] for one in taken) == list(range(40))


def test_one_is_withdrawn_or_taken_never_both(folder: Path) -> None:
    first, second = (runs.ask(folder, {"a": n}) for n in range(2))
    assert runs.withdraw(folder, first) == [first]
    assert [one.name for one in runs.Requests(folder).take()] == [second]
    assert runs.withdraw(folder) == []
    assert runs.withdraw(folder.parent) == [], "nobody ever asked"


def test_checkpoints_alone_are_taken_amid_an_epoch(folder: Path) -> None:
    runs.ask(folder, {"a": 1}, checkpoint=True)
    runs.ask(folder, {}, stop=True)
    name = runs.ask(folder, {}, checkpoint=True)
    assert [one.name for one in runs.Requests(folder).take(only_saving=True)] == [name]
    assert files(folder) == [".json", ".json", ".taken"]


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"set": 3}', "x" * 100_000, "[" * 5000])
def test_what_makes_no_sense_is_no_request(text: str, folder: Path) -> None:
    name = runs.ask(folder, {})
    (folder / "requests" / f"{name}.json").write_text(text)
    (one,) = runs.Requests(folder).take()
    assert one.fault == "it is no request" and one.changes == {}


def test_foreign_files_are_left_alone(folder: Path) -> None:
    runs.ask(folder, {})
    (folder / "requests" / "notes.txt").write_text("")
    (folder / "requests" / ".x.json.12345678.tmp").write_text("")
    assert len(runs.Requests(folder).take()) == 1
    assert (folder / "requests" / "notes.txt").exists()


def test_a_trial_is_asked_nothing(tmp_path: Path) -> None:
    trials = tmp_path / "s" / "trials"
    trials.mkdir(parents=True)
    (tmp_path / "s" / "study.json").write_text("{}")
    with runs.create(trials, "0", "x", {}) as made:
        runs.ask(made.path, {"a": 1})
        assert runs.Requests(made.path).take() == []


def test_how_a_run_lives(folder: Path) -> None:
    assert runs.life_of(folder) == "interrupted"
    made = runs.reopen(folder.parent, "a")
    made.state("running")
    assert runs.life_of(folder) == "live"
    made.close()
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "process": {"pid": 1, "host": "another"}}))
    assert runs.life_of(folder) == "elsewhere", "its lock may be out of sight"
    (folder / "run.json").write_text(json.dumps({**record, "state": "finished"}))
    assert runs.life_of(folder) == "finished"


def test_answers_come_after_what_was_there(folder: Path) -> None:
    made = runs.reopen(folder.parent, "a")
    made.event("adjustment", request="one", epoch=2, set={})
    since = runs.end_of_events(folder)
    made.event("note", text="x")
    made.event("adjustment refused", request="two", why="no")
    made.close()
    with open(folder / "events.jsonl", "a") as file:
        file.write('{"request": "torn"')
    assert set(runs.answers(folder)) == {"one", "two"}
    assert set(runs.answers(folder, since)) == {"two"}


def test_words() -> None:
    assert runs.words_of({"a": 0.0003, "b": {"kind": "x", "c": None, "d": True}, "e": 5}) == (
        "a=0.0003 b={kind: x, c: null, d: true} e=5"
    )


def test_a_file_is_followed(tmp_path: Path) -> None:
    path, follower = tmp_path / "m.jsonl", Follower(tmp_path / "m.jsonl")
    assert follower.more() == []
    path.write_text('{"a": 1}\n{"a"')
    assert follower.more() == [{"a": 1}] and follower.more() == []
    with open(path, "a") as file:
        file.write(': 2}\n{"a": 3}\n')
    assert follower.more() == [{"a": 2}, {"a": 3}]
    assert follower.records == [{"a": 1}, {"a": 2}, {"a": 3}]
    os.truncate(path, 9)
    assert follower.more() == [{"a": 1}] == follower.records, "cut on resume"


def test_of_a_long_file_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("".join(f'{{"a": {n}}}\n' for n in range(1000)))
    found = Follower(path, tail=100).more()
    assert found == [{"a": n} for n in range(1000 - len(found), 1000)] and 5 < len(found) < 12
