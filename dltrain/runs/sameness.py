"""Whether two runs are the same: the same request, the same data, the same machine as far as it changes bytes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dltrain.storage import canonical_json

PathLike = str | os.PathLike[str]
_LONGEST = 60
_UNSET = object()


def describe_request(
    texts: Sequence[bytes],
    overrides: Sequence[str],
    config: Any,
    data_sha256: str | None,
    files: Sequence[PathLike],
) -> dict[str, Any]:
    """What a run was asked for, as `create(given=...)` records it.

    texts: the config files' bytes in order; config: the merged tree as plain data, without what two equal runs may
    differ in (name, paths, checkpoints, threads, adjustments); files: those that the data was read from.
    """
    return {
        "texts": {"sha256": _hashes(texts)},
        "overrides": list(overrides),
        "config": json.loads(canonical_json(config)),
        "data": {"sha256": data_sha256, "files": [_stamp(file) for file in files]},
    }


def _hashes(texts: Sequence[bytes]) -> list[str]:
    return [hashlib.sha256(text).hexdigest() for text in texts]


def _stamp(file: PathLike) -> dict[str, Any]:
    """Name, size and time of change; null for a file that is gone."""
    name = os.path.abspath(file)
    try:
        found = os.stat(name)
    except OSError:
        return {"name": name, "bytes": None, "mtime_ns": None}
    return {"name": name, "bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


def same_request(record: Mapping[str, Any], texts: Sequence[bytes], overrides: Sequence[str]) -> bool:
    """Whether run.json `record` was asked for by the same config files and overrides, to the byte. Quick: when it
    is not so, the merged configs may still be equal (`differing_keys`). The data is not looked at."""
    given = record.get("given")
    if not isinstance(given, Mapping):
        return False
    return given.get("texts") == {"sha256": _hashes(texts)} and given.get("overrides") == list(overrides)


def data_changed(given: Mapping[str, Any] | None, files: Sequence[PathLike], sha256: Callable[[], str]) -> bool:
    """Whether the data is another than the one recorded (`given` of run.json): by the files' sizes and times, and
    only where those differ by `sha256()`, the hash of the data as it is now. Yes where nothing was recorded."""
    recorded = given.get("data") if isinstance(given, Mapping) else None
    if not isinstance(recorded, Mapping):
        return True
    now = [_stamp(file) for file in files]
    if recorded.get("files") == now and all(stamp["bytes"] is not None for stamp in now):
        return False
    return recorded.get("sha256") != sha256()


def differing_keys(old: Any, new: Any) -> list[str]:
    """`key: old -> new` for each dotted key that differs between two trees of plain data, in order.

    Compared as canonical JSON: 1 and 1.0 differ, a tuple and a list do not.
    """
    before, after = (json.loads(canonical_json(tree)) for tree in (old, new))
    return [f"{key}: {_brief(was)} -> {_brief(now)}" for key, was, now in _differences(before, after, "")]


def _differences(old: Any, new: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    before, after = _items(old), _items(new)
    if before is None or after is None or isinstance(old, dict) != isinstance(new, dict):
        if old is _UNSET or new is _UNSET or canonical_json(old) != canonical_json(new):
            yield key or "config", old, new
        return
    for name in sorted(before.keys() | after.keys()):
        below = f"{key}.{name}" if key else str(name)
        yield from _differences(before.get(name, _UNSET), after.get(name, _UNSET), below)


def _items(tree: Any) -> dict[Any, Any] | None:
    if isinstance(tree, list):
        return dict(enumerate(tree))
    return tree if isinstance(tree, dict) else None


def _brief(value: Any) -> str:
    if value is _UNSET:
        return "not given"
    text = canonical_json(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def facts_drift(record: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> list[str]:
    """`name: old -> new` for what the run was computed with and this process (or `now`, as `machine_facts`) does
    not have: versions of dltrain and NumPy, the BLAS and its kernel, the CPU's features. Equal bytes are promised
    for equal of these. Loads NumPy."""
    from dltrain.runs.facts import machine_facts

    old, new = _facts(record), _facts(machine_facts() if now is None else now)
    drift = [
        f"{name}: {old[name] or 'not known'} -> {new[name] or 'not known'}"
        for name in old
        if name != "features" and old[name] != new[name]
    ]
    lost, gained = old["features"] - new["features"], new["features"] - old["features"]
    if lost or gained:
        drift.append(f"CPU features: {_listed(lost)} -> {_listed(gained)}")
    return drift


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    versions, cpu = (found if isinstance(found := record.get(key), Mapping) else {} for key in ("versions", "cpu"))
    pools = record.get("blas")
    pools = [pool for pool in pools if isinstance(pool, Mapping)] if isinstance(pools, list) else []
    keys = ("internal_api", "version", "architecture")
    kernels = sorted({" ".join(str(pool.get(key) or "?") for key in keys) for pool in pools})
    features = cpu.get("features")
    return {
        "dltrain": versions.get("dltrain"),
        "numpy": versions.get("numpy"),
        "BLAS": ", ".join(kernels) or None,
        "machine": cpu.get("machine"),
        "features": set(map(str, features)) if isinstance(features, list) else set(),
    }


def _listed(features: set[str]) -> str:
    return " ".join(sorted(features)) or "none"
