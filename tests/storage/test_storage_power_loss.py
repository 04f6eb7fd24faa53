"""Power losses after every operation (power_loss.py has the rules). Each fsync is taken out in turn: it must show."""

from __future__ import annotations

from pathlib import Path

import pytest
from power_loss import World, first_loss, syncs_in_vain

from dltrain.storage import Lines, fill_folder, make_folders, operations, publish_folder, remove, write_bytes
from dltrain.storage.operations import Operation


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Operation]:
    seen: list[Operation] = []
    monkeypatch.setattr(operations, "hook", seen.append)
    return seen


def test_replacing_a_file(tmp_path: Path, log: list[Operation]) -> None:
    write_bytes(tmp_path / "a", b"new")
    start: World = {"a": b"old"}

    def sound(world: World, done: int) -> bool:
        return world["a"] == b"new" if done == len(log) else world["a"] in (b"old", b"new")

    assert first_loss(str(tmp_path), log, start, sound) is None
    assert syncs_in_vain(str(tmp_path), log, start, sound) == []


def test_appending_to_a_file_just_made(tmp_path: Path, log: list[Operation]) -> None:
    lines = Lines(tmp_path / "lines")
    lines.append("one")
    lines.append("two")
    lines.sync()
    lines.close()

    def sound(world: World, done: int) -> bool:
        return done < len(log) or world.get("lines") == b"one\ntwo\n"

    assert first_loss(str(tmp_path), log, {}, sound) is None
    assert syncs_in_vain(str(tmp_path), log, {}, sound) == []


def test_cutting_lines_and_writing_others(tmp_path: Path, log: list[Operation]) -> None:
    """What was synced before the place of the cut is never touched."""
    (tmp_path / "lines").write_bytes(b"one\ntwo\nthree\n")
    lines = Lines(tmp_path / "lines")
    lines.cut(4)
    lines.append("zwei")
    lines.sync()
    lines.close()

    def sound(world: World, done: int) -> bool:
        data = world["lines"]
        assert data is not None
        return data == b"one\nzwei\n" if done == len(log) else data.startswith(b"one\n")

    start: World = {"lines": b"one\ntwo\nthree\n"}
    assert first_loss(str(tmp_path), log, start, sound) is None
    assert syncs_in_vain(str(tmp_path), log, start, sound) == []


def test_claiming_a_folder(tmp_path: Path, log: list[Operation]) -> None:
    files = {"run.json": b"{}", "config.yaml": b"x: 1"}
    make_folders(tmp_path / "deep")
    make_folders(tmp_path / "deep" / ".staging")
    fill_folder(tmp_path / "deep" / ".staging", files)
    assert publish_folder(tmp_path / "deep" / ".staging", tmp_path / "deep" / "run")
    whole = {f"deep/run/{name}": data for name, data in files.items()}

    def sound(world: World, done: int) -> bool:
        seen = {path: data for path, data in world.items() if path.startswith("deep/run/")}
        if "deep/run" not in world:
            return done < len(log)
        return seen == whole

    assert first_loss(str(tmp_path), log, {}, sound) is None
    vain = syncs_in_vain(str(tmp_path), log, {}, sound)
    assert [(operation.kind, operation.path) for operation in vain] == [
        ("sync folder", str(tmp_path / "deep"))  # of the hidden name, which nobody needs
    ]


def test_what_is_removed_before_the_new_one_is_durable_may_be_all_there_was(
    tmp_path: Path, log: list[Operation]
) -> None:
    """The simulator sees the wrong order of a prune."""
    start: World = {"one": b"1"}
    (tmp_path / "one").write_bytes(b"1")

    def sound(world: World, done: int) -> bool:
        return world.get("one") == b"1" or world.get("two") == b"2"

    write_bytes(tmp_path / "two", b"2")
    remove(tmp_path / "one")
    assert first_loss(str(tmp_path), log, start, sound) is None
    log.insert(0, log.pop())
    assert first_loss(str(tmp_path), log, start, sound) is not None


def test_the_rules_themselves() -> None:
    """By hand: one file, a line written and synced, two not, and a rename that waits."""
    kinds = [
        Operation("create", "/d/f"),
        Operation("write", "/d/f", data=b"ab"),
        Operation("sync", "/d/f"),
        Operation("sync folder", "/d"),
        Operation("write", "/d/f", data=b"cd"),
        Operation("rename", "/d/f", target="/d/g"),
    ]
    seen: list[World] = []
    first_loss("/d", kinds, {}, lambda world, done: done < 6 or not seen.append(world))
    contents = [b"ab", b"abcd", b"abc", b"ab\0\0"]
    assert sorted(map(str, seen)) == sorted(str({name: data}) for name in "fg" for data in contents)
