"""A validator of the few keywords of JSON Schema that the config's schema uses: an oracle beside pydantic."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
SAID = {"title", "description", "default", "$defs", "$schema"}


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None) -> bool:
    """Whether `value` is valid. KeyError for a keyword that is not known here."""
    root = schema if root is None else root
    return all(_holds(keyword, schema, value, root) for keyword in schema.keys() - SAID)


def _holds(keyword: str, schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    wanted = schema[keyword]
    if keyword == "$ref":
        return accepts(root["$defs"][wanted.rpartition("/")[2]], value, root)
    if keyword in ("anyOf", "oneOf", "allOf"):
        count = sum(accepts(each, value, root) for each in wanted)
        return {"anyOf": count > 0, "oneOf": count == 1, "allOf": count == len(wanted)}[keyword]
    if keyword == "type":
        return isinstance(value, TYPES[wanted]) and isinstance(value, bool) == (wanted == "boolean")
    if keyword in ("const", "enum"):
        return value in ([wanted] if keyword == "const" else wanted)
    if isinstance(value, dict) and keyword in ("properties", "required", "additionalProperties", "propertyNames"):
        return _holds_for_object(keyword, schema, value, root)
    return _holds_for_value(keyword, wanted, value, root)


def _holds_for_object(keyword: str, schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any]) -> bool:
    wanted, known = schema[keyword], schema.get("properties", {})
    if keyword == "required":
        return set(wanted) <= set(value)
    if keyword == "properties":
        return all(accepts(wanted[key], item, root) for key, item in value.items() if key in known)
    if keyword == "propertyNames":
        return all(accepts(wanted, key, root) for key in value)
    others = [item for key, item in value.items() if key not in known]
    return not others if wanted is False else all(accepts(wanted, item, root) for item in others)


def _holds_for_value(keyword: str, wanted: Any, value: Any, root: dict[str, Any]) -> bool:
    number = isinstance(value, (int, float))
    checks = {
        "minimum": lambda: not number or value >= wanted,
        "maximum": lambda: not number or value <= wanted,
        "exclusiveMinimum": lambda: not number or value > wanted,
        "exclusiveMaximum": lambda: not number or value < wanted,
        "minLength": lambda: not isinstance(value, str) or len(value) >= wanted,
        "pattern": lambda: not isinstance(value, str) or re.search(wanted, value) is not None,
        "minItems": lambda: not isinstance(value, list) or len(value) >= wanted,
        "minProperties": lambda: not isinstance(value, dict) or len(value) >= wanted,
        "items": lambda: not isinstance(value, list) or all(accepts(wanted, item, root) for item in value),
        "properties": lambda: True,
        "required": lambda: True,
        "additionalProperties": lambda: True,
        "propertyNames": lambda: True,
    }
    return checks[keyword]()
