"""The same classes spelled in another way in another file."""

from __future__ import annotations

from dltrain.data.labels import numbered
from dltrain.data.raw import Raw, is_text


def other_spellings(raw: Raw, other: Raw) -> dict[str, str]:
    """Label of `other` -> the label of `raw` that differs from it in case, blanks or points at its end alone.

    Only where exactly one is so, and for labels that `raw` does not have.
    """
    if raw.y is None or other.y is None or not (is_text(raw.y) or is_text(other.y)):
        return {}
    known, found = (set(numbered(each.y)[0]) - {""} for each in (raw, other) if each.y is not None)
    by_form: dict[str, list[str]] = {}
    for name in sorted(known):
        by_form.setdefault(_form(name), []).append(name)
    near = {name: by_form.get(_form(name), []) for name in sorted(found - known)}
    return {name: names[0] for name, names in near.items() if len(names) == 1}


def _form(label: str) -> str:
    return " ".join(label.split()).rstrip(". ").casefold()
