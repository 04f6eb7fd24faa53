"""`dltrain explain`"""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli.options import Json, print_json


def command(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A dotted key of the config.")], as_json: Json = False
) -> None:
    """Say what a key of the config means, its type, default and choices.

    Example: dltrain explain optimizer.learning_rate
    """
    from dltrain import config

    text = config.explain(key)
    if as_json:
        print_json({"key": key, "text": text})
    else:
        typer.echo(text)
