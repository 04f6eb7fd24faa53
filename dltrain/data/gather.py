"""Chunks of rows, whichever reader gives them, gathered to one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dltrain.data.cells import Chunk
from dltrain.data.coding import Coding
from dltrain.data.labels import all_dates, from_cells, sortable
from dltrain.data.raw import Extra, Labels, Lines, Raw
from dltrain.data.roles import Roles
from dltrain.data.store import Growing

_KNOWN = 100_000
"""So many different cells of the target are kept once each, however often they come."""


@dataclass(slots=True)
class _Gathered:
    """What grows while chunks come."""

    X: Growing
    n: int = 0
    known: dict[str, str] = field(default_factory=dict)
    target: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    extras: dict[Extra, list[str]] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    firsts: list[int | tuple[int, ...]] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        self.X.add(chunk.X)
        self.target += self._once(chunk.target or [])
        self.ids += chunk.ids or []
        for role, cells in chunk.extras.items():
            self.extras.setdefault(role, []).extend(cells)
        self.starts.append(self.n)
        self.firsts.append(chunk.lines)
        self.n += chunk.n

    def _once(self, cells: list[str]) -> list[str]:
        """The same cells; equal ones are one object, while there are few different ones."""
        return [self.known.setdefault(cell, cell) for cell in cells] if len(self.known) < _KNOWN else cells


def gather(chunks: Iterator[Chunk], roles: Roles, names: Sequence[str], coding: Coding, place: str) -> Raw:
    """The table of all chunks."""
    got = _Gathered(Growing(len(roles.inputs)))
    for chunk in chunks:
        got.add(chunk)
    numbers = all(kind == "number" for kind in coding.kinds)
    return Raw(
        X=got.X.all(),
        y=from_cells(got.target) if roles.target is not None else None,
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


def _extra(role: Extra, cells: list[str]) -> Labels:
    return sortable(cells) if role == "column" else from_cells(cells)
