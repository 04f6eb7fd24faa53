"""A table while it is read: in memory as long as there is room, then in pieces on the disk."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from dltrain import storage
from dltrain.data.large.filed import Piece, Pieces, bytes_of
from dltrain.data.large.store import MOST, Growing, Values, stored

PIECE = 16 * 2**20
"""Bytes of numbers after which a piece is finished where a block begins; four times as many wherever it is."""
NEED = 2.5
"""A table in memory needs so many times its size, with what is made of it."""


class State(Protocol):
    """What is gathered beside the numbers."""

    def since(self) -> dict[str, Any]:
        """What came since the last call, as plain data."""

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Starts with what these calls gave."""


class SpilledTable:
    """The numbers of one table, (n, k)."""

    def __init__(
        self,
        place: Callable[[], Path],
        k: int,
        identity: Mapping[str, Any],
        state: State,
        room: int,
        exact: bool = False,
    ) -> None:
        self.k, self.identity, self.state, self.room = k, identity, state, room
        self.n = 0
        self._place = place
        self._memory: Growing | None = Growing(k, exact)
        self._folder = Path()
        self._offset: npt.NDArray[np.float64] | None = None
        self._dtype: np.dtype[Any] = np.dtype("f4")
        self._pieces: list[Piece] = []
        self._held: list[Values] = []
        self._blocks: list[int] = []
        self._done: list[int] = []
        self._begun = -1

    @property
    def stored(self) -> int:
        """Blocks to come that an earlier try stored."""
        return len(self._done)

    # ---- while it is read

    def add(self, X: Values) -> None:
        """Takes rows (j, k)."""
        self.n += len(X)
        if self._memory is None:
            self._hold(X)
            if self._held_bytes() >= 4 * PIECE:
                self._flush(False)
            return
        self._memory.add(X)
        if NEED * self._memory.bytes > self.room:
            self._leave_memory()

    def block_begins(self) -> int | None:
        """Everything before this block of the file has been added. Its rows, if an earlier try stored them."""
        if self._done:
            rows = self._done.pop(0)
            self.n += rows
            return rows
        self._close_block()
        if self._memory is None and self._held_bytes() >= PIECE:
            self._flush(True)
        self._begun = self.n
        return None

    def all(self) -> npt.NDArray[np.float64]:
        """The whole table: an array, or what reads as one."""
        if self._memory is not None:
            return self._memory.all()
        self._close_block()
        self._flush(True)
        return cast("npt.NDArray[np.float64]", Pieces(self.k, self._pieces, self._offset))

    def _close_block(self) -> None:
        if self._begun >= 0:
            self._blocks.append(self.n - self._begun)
        self._begun = -1

    # ---- on the disk

    def _leave_memory(self) -> None:
        """All rows so far go to the disk, and those to come."""
        assert self._memory is not None
        X = self._memory.all()
        table = stored(X)
        self._offset, self._dtype = self._memory.settled() if table is None else (table.offset, table.kept)
        self._memory = None
        self._folder = self._place()
        storage.remove(self._folder)
        storage.make_folders(self._folder)
        offset = None if self._offset is None else self._offset.tolist()
        storage.write_json(self._folder / "table.json", {"identity": self.identity, "offset": offset})
        step = max(1, PIECE // (4 * max(1, self.k)))
        for start in range(0, len(X), step):
            self._hold(X[start : start + step])
            self._flush(False)
            if table is not None:
                table.release(start + step)

    def _hold(self, X: Values) -> None:
        if self._dtype.itemsize == 4 and np.max(np.abs(X), where=~np.isnan(X), initial=0.0) > MOST:
            self._flush(False)
            self._dtype = np.dtype("f8")
        if self._dtype.itemsize == 8 or self._offset is None:
            self._held.append(X.astype(self._dtype))
        else:
            self._held.append((X - self._offset).astype(self._dtype))

    def _held_bytes(self) -> int:
        return sum(part.nbytes for part in self._held)

    def _flush(self, complete: bool) -> None:
        """What is held becomes a piece. It is complete where a block begins: a later try can go on from there."""
        if not (self._held or complete):
            return
        parts = [np.ascontiguousarray(part) for part in self._held]
        self._held = []
        rows, name = sum(map(len, parts)), f"{len(self._pieces):06d}"
        path = self._folder / f"{name}.rows"
        storage.write_pieces(path, map(bytes_of, parts))
        check = 0
        for part in parts:
            check = zlib.crc32(bytes_of(part), check)
        record: dict[str, Any] = {"rows": rows, "dtype": self._dtype.str, "crc32": check, "blocks": None}
        if complete:
            record |= {"blocks": self._blocks, "state": self.state.since()}
            self._blocks = []
        storage.write_json(self._folder / f"{name}.json", record)
        self._pieces.append(Piece(path, rows, self._dtype.str))

    # ---- a later try

    def resume(self, folder: Path) -> bool:
        """Takes up what an earlier try of the same table left in the folder; False where there is nothing."""
        try:
            head = json.loads((folder / "table.json").read_bytes())
            if head["identity"] != json.loads(json.dumps(self.identity)):
                return False
            records = self._sound(folder)
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if not records:
            return False
        self._memory, self._folder = None, self._place()
        self._offset = None if head["offset"] is None else np.array(head["offset"])
        self._dtype = np.dtype(records[-1]["dtype"])
        self._pieces = [
            Piece(folder / f"{number:06d}.rows", one["rows"], one["dtype"]) for number, one in enumerate(records)
        ]
        self._done = [rows for one in records for rows in one["blocks"] or ()]
        self.state.restore([one["state"] for one in records if one["blocks"] is not None])
        return True

    def _sound(self, folder: Path) -> list[dict[str, Any]]:
        """The records of the pieces up to the last complete one before any that is missing or damaged."""
        records: list[dict[str, Any]] = []
        while (path := folder / f"{len(records):06d}.json").exists():
            record = json.loads(path.read_bytes())
            data = path.with_suffix(".rows")
            size = record["rows"] * self.k * np.dtype(record["dtype"]).itemsize
            if not data.exists() or data.stat().st_size != size or zlib.crc32(data.read_bytes()) != record["crc32"]:
                break
            records.append(record)
        while records and records[-1]["blocks"] is None:
            records.pop()
        return records
