"""Looking on while a run writes: what a file of lines has gained since the last look."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dltrain.runs.records import checked
from dltrain.runs.shapes import Shape
from dltrain.storage import read_from

PathLike = str | os.PathLike[str]
TAIL = 4 << 20
"""Of a longer file the first look takes the last so many bytes."""


class Follower:
    """Reads a JSON Lines file as it grows. One that became shorter (a run that was resumed cuts what no checkpoint
    holds) is read from its beginning again."""

    def __init__(self, path: PathLike, shape: Shape | None = None, *, tail: int = TAIL) -> None:
        self.path = Path(path)
        self.shape = shape
        self.tail = tail
        self.records: list[dict[str, Any]] = []
        """All that were read and still stand in the file."""
        self._offset: int | None = None

    def more(self) -> list[dict[str, Any]]:
        """The records that came since the last look. What follows the last end of line is still being written; a line
        that is no JSON is what a look in the midst of a change shows. Raises Damaged for one of another shape."""
        try:
            size = os.stat(self.path).st_size
        except FileNotFoundError:
            return []
        cut = False
        if self._offset is None or size < self._offset:
            self.records = []
            self._offset = max(0, size - self.tail)
            cut = self._offset > 0
        if size == self._offset:
            return []
        whole = read_from(self.path, self._offset).rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        lines = whole.split(b"\n")[1 if cut else 0 :]
        found = [checked(record, self.path, self.shape) for line in lines if (record := _parsed(line)) is not _NONE]
        self.records += found
        return found


_NONE = object()


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return _NONE
