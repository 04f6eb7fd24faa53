"""A bar for work that is counted, not timed: on a terminal's stderr, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from dltrain.report.console import make_console, plain

T = TypeVar("T")


def counting(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """The same items, counted as they come."""
    if plain(sys.stderr):
        yield from items
        return
    from rich.progress import track

    yield from track(items, label, total, transient=True, console=make_console(sys.stderr, sys.stderr))
