"""Chunks of rows, whichever reader gives them, gathered to one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dltrain.data.labels import all_dates, from_cells, sortable
from dltrain.data.large.spilled import SpilledTable
from dltrain.data.large.spilling import current
from dltrain.data.large.store import Growing
from dltrain.data.raw import Extra, Labels, Lines, Raw
from dltrain.data.readers.cells import Chunk
from dltrain.data.readers.coding import Coding
from dltrain.data.roles import Roles

_KNOWN = 100_000
"""So many different cells of the target are kept once each, however often they come."""


@dataclass(slots=True)
class _Beside:
    """What grows beside the numbers while chunks come."""

    coding: Coding
    known: dict[str, str] = field(default_factory=dict)
    target: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    extras: dict[Extra, list[str]] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    firsts: list[int | tuple[int, ...]] = field(default_factory=list)
    told: tuple[int, int] = (0, 0)
    """Rows and pieces of lines that `since` has given already."""

    def add(self, chunk: Chunk, n: int) -> None:
        """A chunk whose first row has the number n."""
        self.target += self._once(chunk.target or [])
        self.ids += chunk.ids or []
        for role, cells in chunk.extras.items():
            self.extras.setdefault(role, []).extend(cells)
        self.starts.append(n)
        self.firsts.append(chunk.lines)

    def _once(self, cells: list[str]) -> list[str]:
        """The same cells; equal ones are one object, while there are few different ones."""
        return list(map(self.known.setdefault, cells, cells)) if len(self.known) < _KNOWN else cells

    def since(self) -> dict[str, Any]:
        """What came since the last call, as plain data."""
        rows, lines = self.told
        self.told = max(len(self.target), len(self.ids), *map(len, self.extras.values()), 0, 0), len(self.starts)
        return {
            "target": self.target[rows:],
            "ids": self.ids[rows:],
            "extras": {role: cells[rows:] for role, cells in self.extras.items()},
            "starts": self.starts[lines:],
            "firsts": self.firsts[lines:],
            "words": self.coding.names_by_feature(),
        }

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Starts with what these calls gave."""
        for state in states:
            self.target += self._once(state["target"])
            self.ids += state["ids"]
            for role, cells in state["extras"].items():
                self.extras.setdefault(role, []).extend(cells)
            self.starts += state["starts"]
            self.firsts += [tuple(first) if isinstance(first, list) else first for first in state["firsts"]]
        for column, words in self.coding.vocabularies.items():
            words.codes(states[-1]["words"][self.coding.names[column]])
        self.since()


def gather(chunks: Iterator[Chunk], roles: Roles, names: Sequence[str], coding: Coding, place: str) -> Raw:
    """The table of all chunks, of which those that lie on the disk already come empty."""
    got = _Beside(coding)
    X = _numbers(roles, names, coding, got)
    n = 0
    for chunk in chunks:
        if chunk.n and not chunk.X.shape[1] and roles.inputs:
            n += chunk.n
            continue
        X.add(chunk.X)
        got.add(chunk, n)
        n += chunk.n
    numbers = all(kind == "number" for kind in coding.kinds)
    table = X.all()
    y = from_cells(got.target) if roles.target is not None else None
    got.target = []
    return Raw(
        X=table,
        y=y,
        features=tuple(names[column] for column in roles.inputs),
        target=names[roles.target] if roles.target is not None else "",
        columns=tuple(names),
        ids=got.ids if roles.id is not None else None,
        place=place,
        lines=Lines(starts=tuple(got.starts), firsts=tuple(got.firsts)),
        kinds=() if numbers else coding.kinds,
        vocabularies=coding.names_by_feature(),
        extras={role: _extra(role, cells) for role, cells in got.extras.items()},
        dated=all_dates(got.extras.get("column", ())),
    )


def _numbers(roles: Roles, names: Sequence[str], coding: Coding, got: _Beside) -> Growing | SpilledTable:
    spill = current()
    if spill is None or not roles.inputs:
        return Growing(len(roles.inputs), coding.rules.exact)
    columns = [roles.inputs, roles.target, roles.id, roles.extras]
    identity = {"columns": columns, "names": names, "kinds": coding.kinds, "words": coding.names_by_feature()}
    return spill.table(len(roles.inputs), identity, got, coding.rules.exact)


def _extra(role: Extra, cells: list[str]) -> Labels:
    return sortable(cells) if role == "column" else from_cells(cells)
