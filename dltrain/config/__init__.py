"""From YAML and overrides to an Experiment, and with the facts of the data to a Plan.

The names below are imported when they are first asked for: this room costs nothing until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltrain.config.adjusting import canonical as canonical
    from dltrain.config.adjusting import changes_of as changes_of
    from dltrain.config.dumping import dump as dump
    from dltrain.config.dumping import replay as replay
    from dltrain.config.explaining import explain as explain
    from dltrain.config.loading import Loaded as Loaded
    from dltrain.config.loading import load as load
    from dltrain.config.nodes import Place as Place
    from dltrain.config.nodes import Places as Places
    from dltrain.config.plan import Plan as Plan
    from dltrain.config.records import Data as Data
    from dltrain.config.records import DataFacts as DataFacts
    from dltrain.config.records import Experiment as Experiment
    from dltrain.config.records import Split as Split
    from dltrain.config.records_adjustments import Adjustment as Adjustment
    from dltrain.config.resolving import readjust as readjust
    from dltrain.config.resolving import resolve as resolve
    from dltrain.config.resolving import settled_change as settled_change
    from dltrain.config.schemas import schema as schema

BUILT_IN = ("breast_cancer", "digits")
"""Data sets that come with the package; as `data.source` they are names, not paths."""
NAMED = (
    "adult",
    "bike_sharing",
    "california_housing",
    "covertype",
    "fashion_mnist",
    "kmnist",
    "mnist",
    "pendigits",
    "titanic",
    "wine_quality",
)
"""Data sets that `dltrain data fetch` brings; names too. `dltrain.data.sets.named` knows the rest of them."""
SETS = (*BUILT_IN, *NAMED)

_HOMES = {
    "Adjustment": "records_adjustments",
    "Data": "records",
    "DataFacts": "records",
    "Experiment": "records",
    "Loaded": "loading",
    "Place": "nodes",
    "Places": "nodes",
    "Plan": "plan",
    "Split": "records",
    "canonical": "adjusting",
    "changes_of": "adjusting",
    "dump": "dumping",
    "explain": "explaining",
    "load": "loading",
    "readjust": "resolving",
    "replay": "dumping",
    "resolve": "resolving",
    "schema": "schemas",
    "settled_change": "resolving",
}

__all__ = ["BUILT_IN", "NAMED", "SETS", *_HOMES]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
