"""A line of JSON as one flat object, whose numbers stay the text they are written as; and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dltrain.data.readers.cells import TELL
from dltrain.errors import Problem


@dataclass(slots=True)
class BadLines:
    """What is wrong with whole lines."""

    place: str
    told: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, message: str, column: int | None = None) -> None:
        self.count += 1
        if len(self.told) < TELL:
            where = f"{self.place}:{line}" + (f":{column}" if column else "")
            self.told.append(Problem(message, where=where))

    def problems(self, cut: bool) -> list[Problem]:
        more = self.count - len(self.told)
        least = "at least " if cut else ""
        return [*self.told, *([Problem(f"{least}{more} more lines cannot be read", where=self.place)] if more else [])]


class _Twice(ValueError):
    """A key that an object has twice."""


def objects(block: bytes, line: int, bad: BadLines) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number and object; numbers stay the text they are written as. What is wrong goes to `bad`."""
    for number, raw in enumerate(block.split(b"\n"), line):
        if raw and not raw.isspace():
            row = _object(raw, number, bad)
            if row is not None:
                yield number, row


def _object(raw: bytes, line: int, bad: BadLines) -> dict[str, Any] | None:
    try:
        text = raw.decode()
        row = _DECODER.decode(text.strip())
        if "\\u" in text:
            json.dumps(row, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        bad.add(line, f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8")
    except UnicodeEncodeError:
        bad.add(line, "half of a character (\\ud800 to \\udfff alone); expected pairs, or UTF-8")
    except json.JSONDecodeError as error:
        whole = "; expected one whole object a line" if not text.rstrip().endswith("}") else ""
        column = error.colno + len(text) - len(text.lstrip())
        bad.add(line, f"not valid JSON ({_lowered(error.msg)}){whole}", column)
    except _Twice as error:
        bad.add(line, f"key {str(error)!r} is given twice")
    except RecursionError:
        bad.add(line, "nested too deep; expected a flat object, one value a key")
    else:
        return _flat(row, line, bad)
    return None


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _flat(row: Any, line: int, bad: BadLines) -> dict[str, Any] | None:
    if not isinstance(row, dict):
        what = "a list" if isinstance(row, list) else "a single value"
        bad.add(line, f"{what}; expected an object, {{key: value}}")
        return None
    nested = [(key, value) for key, value in row.items() if isinstance(value, (dict, list))]
    if not nested:
        return row
    for key, value in nested:
        what = "a list" if isinstance(value, list) else "an object"
        bad.add(line, f"{key}: holds {what}; expected a number, text, true, false or null")
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return row


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
