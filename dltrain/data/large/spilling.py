"""Tables larger than memory: while they are read their rows go to the disk, in pieces that a later try goes on from.

Readers say where a block of their file begins (`passed`), since there everything before it has been gathered: a
finished piece knows how many blocks it took, and what was gathered beside the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltrain.data.large import memory
from dltrain.data.large.spilled import SpilledTable, State

Report = Callable[[str, int, int], None]
"""What is being done, how far it is, and of how much (0 where that is not known)."""


@dataclass(slots=True)
class Spill:
    """Where the tables of one preparation go that do not fit into memory."""

    folder: Callable[[], Path]
    """Makes the folder when it is first needed."""
    total: int = 0
    """Bytes of the files that are read."""
    report: Report | None = None
    begun: Path | None = None
    """The folder, if an earlier try left something there."""
    room: int = field(default_factory=memory.available)
    used: bool = False
    """Something went to the disk."""
    _tables: int = 0
    _current: SpilledTable | None = None
    _seen: int = 0

    def table(self, k: int, identity: Mapping[str, Any], state: State, exact: bool) -> SpilledTable:
        """The next table that is read, of k columns, known again by its identity. `state` is of what is gathered
        beside the numbers."""
        self._tables += 1
        number = self._tables

        def place() -> Path:
            self.used = True
            return self.folder() / f"table-{number}"

        self._current = SpilledTable(place, k, dict(identity), state, self.room, exact)
        if self.begun is not None:
            self._current.resume(self.begun / f"table-{number}")
        return self._current

    @property
    def stored(self) -> int:
        return 0 if self._current is None else self._current.stored

    def begins(self, size: int) -> int | None:
        self._seen += size
        if self.report is not None and self.used:
            self.report("reading", self._seen, max(self.total, self._seen))
        return None if self._current is None else self._current.block_begins()


_SPILL: ContextVar[Spill | None] = ContextVar("spill", default=None)


@contextmanager
def spilling(spill: Spill) -> Iterator[Spill]:
    """Tables that are read inside go to the disk where they do not fit into memory."""
    token = _SPILL.set(spill)
    try:
        yield spill
    finally:
        _SPILL.reset(token)


def passed(size: int) -> int | None:
    """To be called where a reader begins a block of `size` bytes: its rows, if they are there from an earlier try
    (a chunk of as many empty rows stands for them), else None."""
    spill = _SPILL.get()
    return None if spill is None else spill.begins(size)


def current() -> Spill | None:
    """Where tables go now that do not fit, if they may go anywhere."""
    return _SPILL.get()


def stored_blocks() -> int:
    """How many of the blocks to come are there from an earlier try."""
    spill = _SPILL.get()
    return 0 if spill is None else spill.stored
