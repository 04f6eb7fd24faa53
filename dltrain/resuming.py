"""Going on with a run: is it the same request, the same data, the same machine?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltrain import runs
from dltrain.errors import InputError, Problem, RunExists

if TYPE_CHECKING:
    from dltrain.ready import Ready


def is_repeat(
    record: Mapping[str, Any], configs: Sequence[str], overrides: Sequence[str], origin: str | None = None
) -> bool:
    """Whether a request is word for word the one that made the run, on files that did not change since.

    Quick: it reads the configs as bytes and looks at the data files' size and time. False means that only a
    closer look can tell.
    """
    given = record.get("given") or {}
    if not _same_origin(record, origin) or "starter" in given:
        return False
    place = {"configs": [os.path.abspath(config) for config in configs], "folder": os.getcwd()}
    if "-" in configs or any(given.get(key) != value for key, value in place.items()):
        return False
    try:
        texts = [Path(config).read_bytes() for config in configs]
    except OSError:
        return False
    return runs.same_request(record, texts, overrides) and _same_data(given)


def is_same_start(record: Mapping[str, Any], starter: Mapping[str, Any]) -> bool:
    """Whether the run's config was written from this data file and target."""
    return (record.get("given") or {}).get("starter") == starter


def is_repeated_start(
    record: Mapping[str, Any], starter: Mapping[str, Any], overrides: Sequence[str], origin: str | None = None
) -> bool:
    """`is_repeat` of a request without a config: the config that was written then is the one that counts."""
    given = record.get("given") or {}
    if not _same_origin(record, origin) or not is_same_start(record, starter):
        return False
    if given.get("overrides") != list(overrides) or given.get("folder") != os.getcwd():
        return False
    return _same_data(given)


def _same_data(given: Mapping[str, Any]) -> bool:
    files = [stamp["name"] for stamp in given["data"]["files"]]
    if runs.data_changed(given, files, lambda: ""):
        return False
    return not _groups_changed(given["data"].get("groups") or {})


def _groups_changed(groups: Mapping[str, str]) -> bool:
    """Whether a glob or a folder stands for other files than it did, or one of them changed."""
    if not groups:
        return False
    from dltrain.data.expand import fingerprint, group_of

    return any(fingerprint(group_of(item) or []) != recorded for item, recorded in groups.items())


def require_same(record: Mapping[str, Any], ready: Ready, resolved: bool = False) -> None:
    """Raises RunExists (exit 73) naming each key that differs from the run's own, or the data if they do.

    `resolved`: the request is the run's own config.resolved.yaml, not what was given. A release may have other
    defaults than the one that started the run: the settled values count as well.
    """
    from dltrain import identity

    given = record.get("given")
    if not given:  # made by other means: there is nothing to compare with
        return
    old = given.get("resolved") or {}
    settled = [Problem(line) for line in runs.differing_keys(old, identity.settled_as(ready, old))]
    asked = runs.differing_keys(given.get("config") or {}, identity.asked(ready.loaded))
    problems = settled if resolved else [Problem(line) for line in asked]
    if (given.get("data") or {}).get("sha256") != ready.data.sha256:
        problems.append(Problem("the data are not those it was started on", "data.source"))
    name = record["id"]
    how = " (stored -> asked for)" if asked or settled else ""
    if problems:
        raise RunExists(
            Problem(f"run {name} exists with another config or other data{how}; choose another --run-id"), *problems
        )
    if settled:
        hint = f"dltrain resume {name} goes on with those that it has"
        raise RunExists(Problem(f"run {name} was started by a release with other defaults; {hint}"), *settled)


def require_same_origin(record: Mapping[str, Any], origin: str | None) -> None:
    """Raises RunExists (exit 73) if a run was started from other parameters than `--from` says now."""
    if not _same_origin(record, origin):
        name, parent = record["id"], record.get("parent")
        old, new = (f"--from {one}" if one else "its own parameters" for one in (parent, origin))
        raise RunExists(f"run {name} was started from {old}, not {new}; choose another --run-id")


def _same_origin(record: Mapping[str, Any], origin: str | None) -> bool:
    """`latest` and the beginning of an id may mean another run by now: what was typed is compared, or the full id."""
    return origin in (record.get("parent"), (record.get("given") or {}).get("from", record.get("parent")))


def with_threads(ready: Ready, threads: int) -> Ready:
    """The same with the number of threads that the run was started with: equal bytes need equal threads."""
    from dataclasses import replace

    training = replace(ready.plan.experiment.training, threads=threads)
    return replace(ready, plan=replace(ready.plan, experiment=replace(ready.plan.experiment, training=training)))


def require_no_drift(record: Mapping[str, Any], allow: bool) -> list[str]:
    """What changed of the machine since the run was started, each `name: old -> new`; equal bits need it equal.

    Raises InputError (exit 2) if anything did, unless it is allowed.
    """
    drift = runs.facts_drift(record)
    if drift and not allow:
        raise InputError(
            *(f"{line}: the result would not have the same bits; --allow-drift goes on all the same" for line in drift)
        )
    return drift
