"""What is said of columns that a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

SuspectKind: TypeAlias = Literal["identifier", "determines", "high cardinality", "mostly missing", "spelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """One or two columns and what is the matter with them, in a line that begins with the kind."""

    kind: SuspectKind
    columns: tuple[str, ...]
    text: str


def leave_out(columns: Sequence[str]) -> str:
    return f"leave {'it' if len(columns) == 1 else 'them'} out with data.exclude: [{', '.join(columns)}]"
