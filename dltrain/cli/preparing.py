"""Preparing the data of a command, with a bar where they are larger than memory and have to be converted."""

from __future__ import annotations

from dltrain import experiment
from dltrain.config import Loaded
from dltrain.ready import Ready


def prepare(loaded: Loaded, quiet: bool = False) -> Ready:
    """`experiment.prepare`; the bar is on stderr."""
    from dltrain.report.conversions import Conversions

    with Conversions() as shown:
        return experiment.prepare(loaded, None if quiet else shown.watch)
