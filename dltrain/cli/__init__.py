"""The command line: one thin file a command, which parses, makes one call and prints. The only room that
imports typer."""

from dltrain.cli.boundary import main as main

__all__ = ["main"]
