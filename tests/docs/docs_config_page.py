"""The key reference of docs/config.md, made from the config's own records.

Write it anew after a change of the records: python tests/docs/docs_config_page.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dltrain.config import schema
from dltrain.config.english import describe
from dltrain.config.hints import Key, as_data, entry_hint, is_kind, item_hint, keys, kinds, records
from dltrain.config.records import Experiment
from dltrain.config.scalars import write_scalar

PAGE = Path(__file__).parents[2] / "docs" / "config.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"


def reference() -> str:
    """Markdown: a table of the top keys, then one of each section and of each kind."""
    definitions = schema()
    whole = {**definitions["$defs"], "Experiment": definitions}
    return "\n".join(["## The file", "", *_table(Experiment, whole), *_below(Experiment, "", whole)])


def page(text: str) -> str:
    """The page with its reference written anew."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{reference()}\n{END}{tail}"


def _below(record: type, path: str, whole: dict[str, Any]) -> Iterator[str]:
    for key in keys(record).values():
        here = f"{path}{key.name}"
        inside = (item_hint(key.hint), entry_hint(key.hint))
        hint = next((inner for inner in inside if inner is not None), key.hint)
        if path.endswith("layers.N."):
            continue  # a layer's inner records are those of all layers
        here += ".N" if inside[0] is not None else ".PATH" if inside[1] is not None and records(inside[1]) else ""
        chosen = kinds(hint)
        if chosen:
            yield from _kinds(here, chosen, whole)
        for inner in records(hint):
            if inner not in chosen.values():
                yield from ["", f"## {here}", "", *_table(inner, whole)]
                yield from _below(inner, f"{here}.", whole)


def _kinds(path: str, chosen: dict[str, type], whole: dict[str, Any]) -> Iterator[str]:
    yield from ["", f"## {path}", "", "| kind | meaning |", "|---|---|"]
    for kind, record in chosen.items():
        meaning = whole[record.__name__]["properties"]["kind"]["description"]
        yield f"| `{kind}` | {_cell(meaning.partition(': ')[2])} |"
    shared: dict[tuple[str, ...], list[str]] = {}
    for kind, record in chosen.items():
        for row in _rows(record, whole):
            shared.setdefault(row, []).append(kind)
    if shared:
        yield from ["", "| key | of | meaning | expected | default |", "|---|---|---|---|---|"]
    for (name, meaning, expected, default), of in shared.items():
        owners = "all" if len(of) == len(chosen) else ", ".join(of)
        yield f"| {name} | {owners} | {meaning} | {expected} | {default} |"


def _table(record: type, whole: dict[str, Any]) -> Iterator[str]:
    yield from ["| key | meaning | expected | default |", "|---|---|---|---|"]
    for row in _rows(record, whole):
        yield f"| {' | '.join(row)} |"


def _rows(record: type, whole: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for key in keys(record).values():
        if key.name == "kind" and is_kind(record):
            continue
        found = whole[record.__name__]["properties"][key.name]
        reference = found.get("$ref", "").rpartition("/")[2]
        meaning = found.get("description") or whole.get(reference, {}).get("description", "")
        yield f"`{key.name}`", _cell(meaning), _cell(_expected(key)), _cell(_default(key))


def _expected(key: Key) -> str:
    """What may stand there; the keys of a section have a table of their own."""
    return re.sub(r"a mapping with keys of [\w, ]+? and \w+", "a section", describe(key.hint))


def _default(key: Key) -> str:
    if key.required:
        return "required"
    data = as_data(key.default)
    return "see below" if isinstance(data, dict) and data and "kind" not in data else f"`{_short(data)}`"


def _short(data: Any) -> str:
    if isinstance(data, dict) and "kind" in data:
        return str(data["kind"])
    if isinstance(data, dict) and set(data) >= {"units"}:
        return _short(data["units"])
    if isinstance(data, dict):
        return "{}"
    if isinstance(data, list):
        return f"[{', '.join(_short(item) for item in data)}]"
    return write_scalar(data)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
