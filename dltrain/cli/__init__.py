"""The command line: one thin file a command. The only room that imports typer."""

from __future__ import annotations


def main() -> None:
    """The `dltrain` command."""
