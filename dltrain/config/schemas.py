"""`schema`: the config's JSON Schema, for editors; short forms included."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from dltrain.config.hints import as_data, keys
from dltrain.config.normalizing import ALIASES, MOST_LAYERS
from dltrain.config.records import DeclaredArchitecture, Experiment
from dltrain.config.validating import Schema, described


def schema() -> Schema:
    """JSON Schema (draft 2020-12) of a config file, with the short forms that `load` takes.

    An editor with the YAML language server reads it by a first line
    `# yaml-language-server: $schema=dltrain.schema.json`.
    """
    found: Schema = deepcopy(described())
    definitions = found["$defs"]
    _defaults(found, definitions)
    _aliases(definitions)
    _relax_kinds(found, definitions)
    _short_layers(definitions)
    found["properties"]["split"] = _either({"const": "auto"}, found["properties"]["split"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dltrain config", **found}


def _either(short: Schema, long: Schema) -> Schema:
    outside: Schema = {key: long.pop(key) for key in ("description", "default") if key in long}
    return {"anyOf": [short, long], **outside}


def _defaults(whole: Schema, definitions: Schema) -> None:
    """Defaults that are records, which pydantic leaves out."""
    for record in (Experiment, DeclaredArchitecture):
        properties = (whole if record is Experiment else definitions[record.__name__])["properties"]
        for key in keys(record).values():
            if not key.required:
                properties[key.name].setdefault("default", as_data(key.default))


def _aliases(definitions: Schema) -> None:
    """`lambda` beside `lambd`, one of them required."""
    for definition in definitions.values():
        properties = definition.get("properties", {})
        for alias, name in ALIASES.items():
            if name in properties:
                properties[alias] = {**properties[name], "title": alias}
                definition["required"] = [key for key in definition["required"] if key != name]
                definition.setdefault("allOf", []).append({"oneOf": [{"required": [name]}, {"required": [alias]}]})


def _relax_kinds(node: Any, definitions: Schema) -> None:
    """A choice of records takes a bare kind too; and a mapping without a kind where one is implied."""
    if isinstance(node, list):
        for item in node:
            _relax_kinds(item, definitions)
    if not isinstance(node, dict):
        return
    for child in list(node.values()):
        _relax_kinds(child, definitions)
    mapping = node.pop("discriminator", {}).get("mapping")
    if mapping:
        default = node.get("default")
        implied = default["kind"] if isinstance(default, dict) else None
        node.pop("oneOf", None)
        records = [
            {"$ref": reference} if kind == implied else {"$ref": reference, "required": ["kind"]}
            for kind, reference in mapping.items()
        ]
        alone = [kind for kind, reference in mapping.items() if _complete_alone(definitions, reference)]
        node["anyOf"] = [{"enum": alone}, *records]


def _complete_alone(definitions: Schema, reference: str) -> bool:
    """Whether a kind's other keys all have defaults."""
    definition = definitions[reference.rpartition("/")[2]]
    return not definition.get("required") and "allOf" not in definition


def _short_layers(definitions: Schema) -> None:
    layers = definitions["DeclaredArchitecture"]["properties"]["layers"]
    layer = definitions["DeclaredLayer"]
    count = {"type": "integer", "minimum": 1, "maximum": MOST_LAYERS, "description": "So many equal layers."}
    definitions["Layers"] = {
        **layer,
        "title": "Layers",
        "properties": {"count": count, **layer["properties"]},
        "required": ["count", "units"],
        "description": "Several equal layers.",
    }
    several = {"$ref": "#/$defs/Layers"}
    units = {"type": "integer", "minimum": 1, "description": "Number of units."}
    layers["items"] = {"anyOf": [units, layers["items"], several]}
    definitions["DeclaredArchitecture"]["properties"]["layers"] = _either(several, layers)
