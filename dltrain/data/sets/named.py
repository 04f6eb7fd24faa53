"""Named sets: which there are, which lie on this machine, and what a config that names one stands for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from dltrain.config.records import Experiment, SplitFiles
from dltrain.data.sets.named_sets import NAMED_SETS, Named
from dltrain.errors import InputError, Problem

CACHE_DIR = "DLTRAIN_CACHE_DIR"


def cache_folder() -> Path:
    """`DLTRAIN_CACHE_DIR`, else the user's own folder for what can be made again (~/.cache/dltrain on Linux)."""
    chosen = os.environ.get(CACHE_DIR)
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    from pooch import os_cache

    return Path(os_cache("dltrain"))


def named_sets() -> tuple[Named, ...]:
    """All of them, by name."""
    return NAMED_SETS


def named_source(name: str) -> Named | None:
    """The set of this name, as in `data.source`."""
    return next((known for known in NAMED_SETS if known.name == name), None)


def folder_of(named: Named) -> Path:
    """Where its files lie, or will: `named/NAME` in the cache folder."""
    return cache_folder() / "named" / named.name


def fetched(name: str) -> Path | None:
    """The folder of a named set whose files are all there, with the sizes they must have; else None."""
    named = named_source(name)
    if named is None:
        return None
    folder = folder_of(named)
    sizes = {file.name: file.size - len(file.prefix) for file in named.files}
    return folder if all(_size(folder / file) == size for file, size in sizes.items()) else None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def not_here(name: str, key: str = "data.source") -> Problem:
    """What to do about a named set that was not fetched yet."""
    return Problem(f"{name} is not on this machine: dltrain data fetch {name}", key)


def settings(named: Named, folder: Path) -> dict[str, dict[str, Any]]:
    """What `data.source: NAME` stands for, as sections of a config with paths in `folder`."""
    data = {"source": str(folder / named.main) if named.main else str(folder), **named.data}
    split: dict[str, Any] = dict(named.split)
    if named.test:
        split["files"] = {"test": str(folder / named.test)}
    return {"data": data, "split": split} if split else {"data": data}


def _other_source(experiment: Experiment) -> Experiment:
    """With the file of the set that `data.dev_test_source` names."""
    name = experiment.data.dev_test_source
    named = named_source(name) if isinstance(name, str) else None
    if named is None:
        return experiment
    key = "data.dev_test_source"
    if not named.main:
        raise InputError(Problem(f"{named.name} lies in arrays; expected a table, as its rows are read alone", key))
    folder = fetched(named.name)
    if folder is None:
        raise InputError(not_here(named.name, key))
    return replace(experiment, data=replace(experiment.data, dev_test_source=str(folder / named.main)))


def with_files(experiment: Experiment) -> Experiment:
    """The experiment with the files of the set that `data.source` (or dev_test_source) names; itself without one.

    Keys of `data` that stand at their defaults are as the set needs them (`settings`); so are those of `split`, unless
    the config says itself by what rows are split. Raises InputError where the set was not fetched.
    """
    experiment = _other_source(experiment)
    source = experiment.data.source
    named = named_source(source) if isinstance(source, str) else None
    if named is None:
        return experiment
    folder = fetched(named.name)
    if folder is None:
        raise InputError(not_here(named.name))
    known = settings(named, folder)
    data = replace(experiment.data, source=known["data"].pop("source"))
    data = replace(data, **_at_default(data, known["data"]))
    split = experiment.split
    if split.by == "random" and split.files is None:
        keys = dict(known.get("split", {}))
        files = keys.pop("files", None)
        split = replace(split, files=SplitFiles(**files) if files else None, **keys)
    return replace(experiment, data=data, split=split)


def _at_default(record: Any, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys whose value in the record is the default one."""
    defaults = {
        one.name: one.default if one.default_factory is MISSING else one.default_factory() for one in fields(record)
    }
    return {key: value for key, value in keys.items() if getattr(record, key) == defaults[key]}
