"""Numbers and dates that are written so that they were read as words: 1,234.50, 12 %, $5, 31/12/2024."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from dltrain.data.readers.dialect import is_number
from dltrain.data.suspicion.suspect import Suspect, leave_out
from dltrain.data.suspicion.training_rows import TrainingRows

LOOKED_AT = 1_000
"""Names of each column that are looked at,"""
MOSTLY = 0.9
"""and the share of them that is written so."""
LEAST = 3
"""Fewer names are no numbers, but the names of classes."""

_DIGITS = r"(?:\d+|\d{1,3}(?:[ ,.'\u2019\u00a0\u202f_]\d{3})+)"
_AROUND = "$\u20ac\u00a3\u00a5%\u2030 \u00a0"
_NUMBER = re.compile(rf"[+\-\u2212]?\s*[{_AROUND}]*{_DIGITS}(?:[.,]\d*)?(?:[eEdD][+-]?\d+)?[{_AROUND}]*", re.ASCII)
_DATE = re.compile(
    r"(?:\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d\d)|\d{4}[/.]\d{1,2}[/.]\d{1,2})(?:[ T]\d{1,2}:\d\d.*)?", re.ASCII
)


def find_spelled(table: TrainingRows) -> Iterator[Suspect]:
    """Categories whose names are numbers or dates of another spelling."""
    for j, name in enumerate(table.features):
        if table.kinds[j] == "category":
            codes = table.sample()[:, j]
            found = np.unique(codes[~np.isnan(codes)]).astype(np.int64)[:LOOKED_AT].tolist()
            names = [word for code in found if not is_number(word := table.vocabularies[name][code])]
            for what, pattern, plain in (("dates", _DATE, "2024-12-31"), ("numbers", _NUMBER, "1234.5")):
                if _mostly(names, pattern):
                    yield _suspect(name, names, what, plain)
                    break


def _mostly(names: Sequence[str], pattern: re.Pattern[str]) -> bool:
    return len(names) >= LEAST and sum(pattern.fullmatch(name) is not None for name in names) >= MOSTLY * len(names)


def _suspect(name: str, names: Sequence[str], what: str, plain: str) -> Suspect:
    text = (
        f"{what} read as words: {name} holds {names[0]!r} and the like; write them as {plain}, or {leave_out((name,))}"
    )
    return Suspect(kind="spelled", columns=(name,), text=text)
