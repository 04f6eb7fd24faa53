"""What makes two trainings the same: what was asked for, and the data; not names, places or pace."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dltrain import runs
from dltrain.config import Loaded
from dltrain.ready import Ready
from dltrain.storage import canonical_json

FREE = ("name", "data.source", "split.files", "training.checkpoints", "training.threads")
"""Keys that may differ between a run and its continuation: they change no bit of the result."""


def of(ready: Ready) -> dict[str, Any]:
    """What run.json keeps of a request, to compare a later one with."""
    texts = [text.encode() for text in ready.loaded.texts.values()]
    request = runs.describe_request(
        texts, ready.loaded.overrides, asked(ready.loaded), ready.data.sha256, ready.data.files
    )
    place = {"configs": [os.path.abspath(name) for name in ready.loaded.texts], "folder": os.getcwd()}
    return {**request, **place, "resolved": settled(ready)}


def asked(loaded: Loaded) -> dict[str, Any]:
    """The merged config as given, without the keys that are free."""
    return _plain(loaded.tree)


def settled(ready: Ready) -> dict[str, Any]:
    """The config as it runs, without the keys that are free."""
    return _plain(asdict(ready.plan.experiment))


def belonging(ready: Ready) -> dict[str, Any]:
    """What every checkpoint of the run says it belongs to."""
    architecture = ready.plan.architecture()
    return {
        "config_sha256": hashlib.sha256(canonical_json(settled(ready)).encode()).hexdigest(),
        "data_sha256": ready.data.sha256,
        "architecture": architecture.describe(),
        "layout": architecture.layout().describe(),
    }


def _plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON brings it back (keys are text), without the keys in FREE: so a stored one compares with a new one."""
    plain: dict[str, Any] = json.loads(canonical_json(tree))
    return without_free(plain)


def without_free(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """A copy of the tree without the keys in FREE."""
    return {
        key: without_free(value, f"{above}{key}.") if isinstance(value, Mapping) else value
        for key, value in tree.items()
        if f"{above}{key}" not in FREE
    }
