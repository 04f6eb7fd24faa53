"""Sources, splits and preparation: from files to the arrays that the engine trains on.

The names below are imported when they are first asked for: this room costs nothing until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltrain.data.fitting.preparation import Preparation as Preparation
    from dltrain.data.large.cache import prepare as prepare
    from dltrain.data.large.spilling import Report as Report
    from dltrain.data.preparing import Part as Part
    from dltrain.data.preparing import Prepared as Prepared
    from dltrain.data.rows import RawRows as RawRows
    from dltrain.data.rows import read_rows as read_rows
    from dltrain.data.sets.builtin_sets import BuiltIn as BuiltIn
    from dltrain.data.sets.builtin_sets import built_in_sets as built_in_sets

_HOMES = {
    "BuiltIn": "sets.builtin_sets",
    "Part": "preparing",
    "Preparation": "fitting.preparation",
    "Prepared": "preparing",
    "RawRows": "rows",
    "Report": "large.spilling",
    "built_in_sets": "sets.builtin_sets",
    "prepare": "large.cache",
    "read_rows": "rows",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
