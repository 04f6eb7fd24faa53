"""The checkpoints of a run that this process holds: which are there, which stay."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from dltrain import storage
from dltrain.errors import Damaged, StorageError
from dltrain.runs.checkpoints import (
    CHECKPOINTS,
    Checkpoint,
    Head,
    Protection,
    names,
    read_head,
    read_sound,
    step_and_hash,
)
from dltrain.runs.tensors import Unsound

Fault = Callable[[Checkpoint], str | None]
"""What is wrong with a checkpoint whose bytes are sound, or None."""


class Shelf:
    """The folder `checkpoints` of a run. Only what this process wrote, or found readable, counts when it is
    decided what stays: damaged files never push out sound ones."""

    def __init__(self, run: Path) -> None:
        self.folder = run / CHECKPOINTS
        self._known: dict[str, Protection] = {}  # oldest first

    def sweep(self) -> None:
        """Removes temporary files that a killed process left."""
        storage.sweep_temporaries(self.folder)

    def put(self, name: str, pieces: Iterable[bytes | memoryview], protected: Protection) -> None:
        """Writes a checkpoint durably; one that is there already, sound, is left as it is. Raises StorageError."""
        storage.make_folders(self.folder)
        file = self.folder / name
        if self._is_sound(name):
            storage.sync_folder(self.folder)  # who wrote it may have been killed just before this
        else:
            if file.is_dir():
                storage.remove(file)
            storage.write_pieces(file, pieces)
        self._known.pop(name, None)
        self._known[name] = protected

    def _is_sound(self, name: str) -> bool:
        try:
            read_sound(self.folder, name)
        except Unsound:
            return False
        return True

    def read_back(self, name: str) -> None:
        """Raises StorageError unless the disk gives back what was just written."""
        file = self.folder / name
        _, expected = step_and_hash(name) or (-1, "")
        if storage.sha256_file(file, from_disk=True) != expected:
            raise StorageError(f"{storage.shown(file)} does not read back as it was written: its disk loses data")

    def prune(self, keep: int) -> None:
        """Keeps the newest `keep` and the protected ones; of those that are the best, the newest."""
        newest = list(self._known)[-keep:]
        always = [name for name, protected in self._known.items() if protected is True]
        best = [name for name, protected in self._known.items() if protected == "best"][-1:]
        self.keep_only({*newest, *always, *best})

    def keep_only(self, kept: Collection[str]) -> None:
        """Removes every other checkpoint, damaged ones included. Raises StorageError."""
        for name in names(self.folder):
            if name not in kept:
                storage.remove(self.folder / name)
        self._known = {name: protected for name, protected in self._known.items() if name in kept}

    def sync(self) -> None:
        """Returns when no checkpoint that was removed can come back after a power loss. Raises StorageError."""
        if self.folder.is_dir():
            storage.sync_folder(self.folder)

    def newest_sound(self, fault: Fault, note: Callable[[str, str], None]) -> Checkpoint | None:
        """The newest checkpoint without a fault; every damaged one is told to `note(name, why)`. None when there
        are no checkpoints. Raises Damaged when there are, and none is sound."""
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise Damaged(f"{storage.shown(self.folder)} is damaged: not a folder")
        heads = {name: read_head(self.folder, name) for name in names(self.folder)}
        found = None
        self._known = {}
        damaged: list[str] = []
        for name in sorted(heads, key=lambda name: _age(name, heads[name]), reverse=True):
            try:
                if found is None:
                    found = self._try(name, fault)
                elif heads[name].fault:
                    raise Unsound(heads[name].fault)
                self._known[name] = heads[name].protected
            except Unsound as error:
                damaged.append(f"{name} ({error})")
                note(name, str(error))
        if damaged and found is None:
            raise Damaged(_none_sound(self.folder, damaged))
        self._known = dict(reversed(self._known.items()))
        return found

    def _try(self, name: str, fault: Fault) -> Checkpoint:
        checkpoint = read_sound(self.folder, name)
        if wrong := fault(checkpoint):
            raise Unsound(wrong)
        return checkpoint


def _age(name: str, head: Head) -> tuple[int, int, str]:
    """Steps, then lines of metrics: at an epoch's last step there may be a checkpoint before its line and one after."""
    metrics = head.meta.get("metrics")
    length = metrics.get("bytes") if isinstance(metrics, dict) else None
    return head.step, length if isinstance(length, int) else -1, name


def _none_sound(folder: Path, damaged: list[str]) -> str:
    return (
        f"no checkpoint in {storage.shown(folder)} is sound: {'; '.join(damaged)}. "
        "Put sound copies back, or start again under another run id"
    )
