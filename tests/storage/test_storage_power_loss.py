"""What a power loss may leave: built from the log of operations, by the rules of a disk that may drop or zero
unsynced bytes and forget unsynced names. Each fsync is taken out in turn: the check must then fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from dltrain.storage import Lines, fill_folder, make_folders, operations, publish_folder, write_bytes
from dltrain.storage.operations import Operation

World = dict[str, bytes]


class Disk:
    """Files (by number) with written and synced bytes; names that wait for their folder's sync."""

    def __init__(self, start: World) -> None:
        self.start = {path: number for number, path in enumerate(start)}
        self.written = list(start.values())
        self.synced = list(start.values())
        self.names = dict(self.start)
        self.waiting: list[tuple[str, Operation, int]] = []  # (folder, what, file number)
        self.lasting: list[tuple[Operation, int]] = []

    def apply(self, operation: Operation) -> None:
        path, folder = operation.path, os.path.dirname(operation.path)
        if operation.kind in ("create", "open") and path not in self.names:
            self.names[path] = len(self.written)
            self.written.append(b"")
            self.synced.append(b"")
            self.waiting.append((folder, operation, self.names[path]))
        elif operation.kind == "write":
            self.written[self.names[path]] += operation.data
        elif operation.kind == "sync":
            self.synced[self.names[path]] = self.written[self.names[path]]
        elif operation.kind == "rename":
            self.names = _renamed(self.names, operation)
            self.waiting.append((folder, operation, -1))
        elif operation.kind == "sync folder":
            self.lasting += [(what, number) for where, what, number in self.waiting if where == path]
            self.waiting = [entry for entry in self.waiting if entry[0] != path]

    def worlds(self) -> Iterator[World]:
        """Every state after a crash now: any number of the waiting names, unsynced bytes dropped, zeroed or there."""
        for some in range(len(self.waiting) + 1):
            names = dict(self.start)
            for what, number in self.lasting + [(what, number) for _, what, number in self.waiting[:some]]:
                if what.kind == "rename":
                    names = _renamed(names, what)
                else:
                    names[what.path] = number
            yield {path: self.synced[number] for path, number in names.items()}
            yield {path: self.written[number] for path, number in names.items()}
            yield {path: self._zeroed(number) for path, number in names.items()}

    def _zeroed(self, number: int) -> bytes:
        return self.synced[number] + bytes(len(self.written[number]) - len(self.synced[number]))


def _renamed(names: dict[str, int], what: Operation) -> dict[str, int]:
    old, new = what.path, what.target
    moved = {path: n for path, n in names.items() if path == old or path.startswith(old + "/")}
    rest = {path: n for path, n in names.items() if path not in moved and path != new}
    return rest | {new + path[len(old) :]: n for path, n in moved.items()}


def check(log: Sequence[Operation], start: World, sound: Callable[[World, bool], bool]) -> bool:
    """Whether every world after every prefix of the log is sound; sound(world, finished)."""
    disk = Disk(start)
    for operation in (None, *log):
        if operation is not None:
            disk.apply(operation)
        finished = operation is log[-1]
        if not all(sound(world, finished) for world in disk.worlds()):
            return False
    return True


def each_sync_counts(log: list[Operation], start: World, sound: Callable[[World, bool], bool]) -> None:
    assert check(log, start, sound)
    syncs = [k for k, operation in enumerate(log) if operation.kind.startswith("sync") and k < len(log) - 1]
    for k in syncs:
        assert not check(log[:k] + log[k + 1 :], start, sound), f"{log[k]} is not needed"
    # the last one is what makes it last: without it the end is not sound though every state before is
    assert log[-1].kind.startswith("sync")
    assert not check([*log[:-1], Operation("make folder", "/none")], start, sound)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Operation]:
    seen: list[Operation] = []
    monkeypatch.setattr(operations, "hook", seen.append)
    return seen


def test_replacing_a_file(tmp_path: Path, log: list[Operation]) -> None:
    target = str(tmp_path / "a")
    write_bytes(target, b"new")

    def sound(world: World, finished: bool) -> bool:
        return world[target] == b"new" if finished else world[target] in (b"old", b"new")

    each_sync_counts(log, {target: b"old"}, sound)


def test_appending_to_a_file_just_made(tmp_path: Path, log: list[Operation]) -> None:
    target = str(tmp_path / "lines")
    lines = Lines(target)
    lines.append("one")
    lines.append("two")
    lines.sync()
    lines.close()

    def sound(world: World, finished: bool) -> bool:
        return not finished or world.get(target) == b"one\ntwo\n"

    each_sync_counts(log, {}, sound)


def test_claiming_a_folder(tmp_path: Path, log: list[Operation]) -> None:
    staging, target = tmp_path / ".staging", tmp_path / "run"
    make_folders(staging)
    log.clear()
    files = {"run.json": b"{}", "config.yaml": b"x: 1"}
    fill_folder(staging, files)
    assert publish_folder(staging, target)
    whole = {str(target / name): data for name, data in files.items()}

    def sound(world: World, finished: bool) -> bool:
        seen = {path: data for path, data in world.items() if path.startswith(str(target))}
        return seen == whole if finished else seen in ({}, whole)

    each_sync_counts(log, {}, sound)
