"""What makes two trainings the same: what was asked for, and the data; not names, places or pace."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.config import Loaded
from dltrain.data.expand import fingerprint, group_of
from dltrain.ready import Ready
from dltrain.storage import canonical_json

FREE = (
    "name",
    "data.source",
    "data.dev_test_source",
    "split.files",
    "training.checkpoints",
    "training.threads",
    "adjustments",
    "search",
)
"""Keys that may differ between a run and its continuation: they change no bit of the result. A search is compared by
what its study.json says of it."""


def of(ready: Ready) -> dict[str, Any]:
    """What run.json keeps of a request, to compare a later one with."""
    texts = [text.encode() for text in ready.loaded.texts.values()]
    groups = _groups(ready)
    inside = {file for files in groups.values() for file in files}
    single = [file for file in ready.data.files if file not in inside]
    request = runs.describe_request(texts, ready.loaded.overrides, asked(ready.loaded), ready.data.sha256, single)
    request["data"]["groups"] = {item: fingerprint(files) for item, files in groups.items()}
    place = {"configs": [os.path.abspath(name) for name in ready.loaded.texts], "folder": os.getcwd()}
    starter = {} if ready.loaded.starter is None else {"starter": dict(ready.loaded.starter)}
    return {**request, **place, **starter, "resolved": settled(ready)}


def _groups(ready: Ready) -> dict[str, list[Path]]:
    """The globs and folders among the sources, with the files that they stand for: one more makes other data."""
    data = ready.plan.experiment.data
    items: list[str] = []
    for source in (data.source, data.dev_test_source):
        items += [source] if isinstance(source, str) else source or []
    if data.arrays is not None:
        return {}
    paths = [item for item in items if os.path.isabs(item)]  # others are names of sets
    return {item: files for item in paths if (files := group_of(item)) is not None}


def asked(loaded: Loaded) -> dict[str, Any]:
    """The merged config as given, without the keys that are free."""
    return _plain(loaded.tree)


def settled(ready: Ready) -> dict[str, Any]:
    """The config as it runs, without the keys that are free."""
    return _plain(asdict(ready.plan.experiment))


def settled_as(ready: Ready, old: Mapping[str, Any]) -> dict[str, Any]:
    """`settled`, but without keys that `old` does not have and nobody gave: a later release brought them, and their
    defaults do what was done before them."""
    new: dict[str, Any] = _without_later(settled(ready), old, _plain(ready.loaded.tree))
    return new


def _without_later(new: Any, old: Any, given: Any) -> Any:
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        given = given if isinstance(given, Mapping) else {}
        kept = {key: value for key, value in new.items() if key in old or key in given}
        return {key: _without_later(value, old.get(key), given.get(key)) for key, value in kept.items()}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        given = given if isinstance(given, list) and len(given) == len(new) else [None] * len(new)
        return [_without_later(*each) for each in zip(new, old, given, strict=True)]
    return new


def belonging(ready: Ready, record: Mapping[str, Any]) -> dict[str, Any]:
    """What every checkpoint of the run says it belongs to. `record`: run.json, whose settled config is hashed as
    the release that started the run wrote it."""
    architecture = ready.plan.architecture()
    config = (record.get("given") or {}).get("resolved") or settled(ready)
    return {
        "config_sha256": hashlib.sha256(canonical_json(config).encode()).hexdigest(),
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
