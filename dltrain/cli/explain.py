"""`dltrain explain`"""

from __future__ import annotations

from typing import Annotated

import typer

from dltrain.cli.options import Json, print_json
from dltrain.errors import InputError, Problem, did_you_mean

SHORTEST = 4
"""Letters from which on the beginning of a finding's name says which is meant."""


def command(
    key: Annotated[
        str, typer.Argument(metavar="KEY|FINDING", help="A dotted key of the config, or a finding of the diagnosis.")
    ],
    as_json: Json = False,
) -> None:
    """Say what a key of the config means, its type, default and choices; or what a finding means and what helps.

    Example: dltrain explain optimizer.learning_rate

    Example: dltrain explain dead-units
    """
    text = _explain(key)
    if as_json:
        print_json({"key": key, "text": text})
    else:
        typer.echo(text)


def _explain(name: str) -> str:
    """A finding's text, or a key's; both where a word means both. Raises InputError for what is neither, with the
    nearest."""
    from dltrain import config
    from dltrain.config.explaining import explained
    from dltrain.diagnosis.health.catalogue import CATALOGUE, VERDICTS, explain_finding

    found = explain_finding(name)
    if found is not None:
        return f"{found}\n\n{config.explain(name)}" if name in explained() else found
    try:
        return config.explain(name)
    except InputError as error:
        findings, word = [*CATALOGUE, *VERDICTS], name.strip().lower().replace("_", "-")
        begun = [finding for finding in findings if len(word) >= SHORTEST and finding.startswith(word)]
        near = f"; did you mean {begun[0]}?" if begun else did_you_mean(word, [*findings, *explained()])
        if not near.endswith(tuple(f" {finding}?" for finding in findings)):
            raise error from None
        raise InputError(Problem(f"unknown key or finding '{name.strip()}'{near}")) from None
