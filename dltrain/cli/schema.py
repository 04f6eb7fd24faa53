"""`dltrain schema`"""

from __future__ import annotations

import json

import typer


def command() -> None:
    """Print the JSON Schema of the config, for editors.

    Example: dltrain schema > dltrain.schema.json
    """
    from dltrain import config

    typer.echo(json.dumps(config.schema(), indent=2, ensure_ascii=False))
