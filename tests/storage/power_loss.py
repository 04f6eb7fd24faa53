"""What a power loss may leave on the disk, built from the log of operations.

The rules are those of a disk that owes us nothing before an fsync: of a file's writes and truncations since its last
sync any first few are there, the last of them perhaps half or as zeros, or all of them as zeros; of a folder's changes
since its last sync any are there, in any combination. A rename within a folder is one change.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from dltrain.storage.operations import Operation

MANY = 5
"""Up to so many unsynced changes of a folder are tried in any combination; of more, the first few, each alone, and
all but one."""

World = dict[str, bytes | None]
"""Path to bytes; None for a folder."""


class File:
    def __init__(self, data: bytes = b"") -> None:
        self.synced = data
        self.pending: list[Operation] = []

    def written(self) -> bytes:
        return _apply(self.synced, self.pending)

    def versions(self) -> list[bytes]:
        """Everything that may be left of it."""
        found = [self.synced, self.written()]
        for k, last in enumerate(self.pending):
            before = _apply(self.synced, self.pending[:k])
            found.append(_apply(before, [last]))
            if last.kind == "write":
                found += [before + last.data[: len(last.data) // 2], before + bytes(len(last.data))]
        if self.pending and self.pending[0].kind == "write":
            found.append(self.synced + bytes(len(self.written()) - len(self.synced)))
        return list(dict.fromkeys(found))


def _apply(data: bytes, pending: Sequence[Operation]) -> bytes:
    for operation in pending:
        data = data + operation.data if operation.kind == "write" else data[: operation.length]
    return data


Node = Any  # File | Folder
Change = dict[str, "Node | None"]


class Folder:
    def __init__(self) -> None:
        self.synced: dict[str, Node] = {}
        self.pending: list[Change] = []

    def now(self) -> dict[str, Node]:
        return self._with(self.pending)

    def versions(self) -> Iterator[dict[str, Node]]:
        pending = self.pending
        if len(pending) <= MANY:
            for size in range(len(pending) + 1):
                for some in combinations(pending, size):
                    yield self._with(some)
            return
        for k in range(len(pending)):  # too many to try them all
            yield self._with(pending[:k])
            yield self._with([pending[k]])
            yield self._with(pending[:k] + pending[k + 1 :])
        yield self._with(pending)

    def _with(self, changes: Sequence[Change]) -> dict[str, Node]:
        names = dict(self.synced)
        for change in changes:
            names.update(change)
        return {name: node for name, node in names.items() if node is not None}


class Disk:
    """The folder `root` and what is in it; `start` is there and synced."""

    def __init__(self, root: str, start: World) -> None:
        self.root = root
        self.top = Folder()
        for path, data in sorted(start.items()):
            folder, name = self._place(os.path.join(root, path))
            folder.synced[name] = Folder() if data is None else File(data)

    def _node(self, path: str) -> Node:
        node: Node = self.top
        relative = os.path.relpath(path, self.root)
        for name in () if relative == os.curdir else relative.split(os.sep):
            node = node.now()[name]
        return node

    def _place(self, path: str) -> tuple[Folder, str]:
        folder, name = os.path.split(path)
        return self._node(folder), name

    def apply(self, operation: Operation) -> None:
        kind, path = operation.kind, operation.path
        if not _inside(self.root, operation):
            return
        if kind == "sync folder":
            folder = self._node(path)
            folder.synced, folder.pending = folder.now(), []
        elif kind == "sync":
            file = self._node(path)
            file.synced, file.pending = file.written(), []
        elif kind in ("write", "truncate"):
            self._node(path).pending.append(operation)
        else:
            self._change(operation)

    def _change(self, operation: Operation) -> None:
        folder, name = self._place(operation.path)
        if operation.kind in ("create", "open"):
            if name not in folder.now():
                folder.pending.append({name: File()})
        elif operation.kind == "make folder":
            folder.pending.append({name: Folder()})
        elif operation.kind == "rename":
            _, target = self._place(operation.target)
            folder.pending.append({name: None, target: folder.now()[name]})
        else:
            folder.pending.append({name: None})

    def worlds(self) -> list[World]:
        """Every state after a crash now. Where several files are unsynced, one at a time is in every state while
        the others are as synced, or as written."""
        found: list[World] = []
        for tree in self._trees("", self.top):
            files = {path: node for path, node in tree.items() if isinstance(node, File)}
            folders: World = {path: None for path, node in tree.items() if isinstance(node, Folder)}
            found += [folders | contents for contents in _contents(files)]
        return [dict(pairs) for pairs in dict.fromkeys(tuple(sorted(world.items())) for world in found)]

    def _trees(self, path: str, folder: Folder) -> Iterator[dict[str, Node]]:
        for names in folder.versions():
            trees: list[dict[str, Node]] = [{}]
            for name, node in names.items():
                place = os.path.join(path, name)
                below = list(self._trees(place, node)) if isinstance(node, Folder) else [{}]
                trees = [{**tree, place: node, **more} for tree in trees for more in below]
            yield from trees


def _contents(files: dict[str, File]) -> Iterator[World]:
    for others in ({path: file.synced for path, file in files.items()}, {p: f.written() for p, f in files.items()}):
        yield dict(others)
        for path, file in files.items():
            for data in file.versions():
                yield {**others, path: data}


Log = Sequence["Operation | None"]
"""None stands for an operation that was taken out, so that the others keep their places."""
Sound = Callable[[World, int], bool]


def first_loss(root: str, log: Log, start: World, sound: Sound) -> tuple[int, World] | None:
    """The first crash whose world is not `sound(world, operations done)`, or None. Paths in a world are relative
    to root; what happens outside of it does not count."""
    disk = Disk(root, start)
    for done in range(len(log) + 1):
        operation = log[done - 1] if done else None
        if operation is not None:
            disk.apply(operation)
        for world in disk.worlds():
            if not sound(world, done):
                return done, world
    return None


def syncs_in_vain(root: str, log: Sequence[Operation], start: World, sound: Sound) -> list[Operation]:
    """Each sync inside root is taken out in turn: those without which nothing is lost, so that they prove nothing."""
    syncs = [k for k, operation in enumerate(log) if operation.kind.startswith("sync") and _inside(root, operation)]
    assert syncs
    return [log[k] for k in syncs if first_loss(root, [*log[:k], None, *log[k + 1 :]], start, sound) is None]


def _inside(root: str, operation: Operation) -> bool:
    return os.path.relpath(operation.path, root).split(os.sep)[0] != os.pardir
