"""What the configs of several runs have in common, and in which dotted keys they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dltrain.storage import canonical_json

SEED = "seed"


def settings_of(run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The settled config that run.json keeps, without names, paths and what changes no bit; None for a run of a
    release that kept none. Its adjustments, also those made while it ran, where it has any."""
    given = run.get("given") or {}
    found = given.get("resolved")
    if not isinstance(found, Mapping):
        return None
    adjustments = run.get("adjustments") or given.get("adjustments")
    return {**found, "adjustments": adjustments} if adjustments else found


def without_seed(settings: Mapping[str, Any]) -> str:
    """The config as text, equal for those that differ in nothing but `seed`."""
    return canonical_json({key: value for key, value in settings.items() if key != SEED})


def differing(trees: Sequence[Any]) -> dict[str, list[Any]]:
    """{dotted key: its value in each tree} for the keys in which they are not all the same; None where one has none.

    Lists of different lengths differ as a whole, and of records of another `kind` the keys that all of them have. 1 and
    1.0 are the same.
    """
    return dict(_differing(list(trees), ""))


def _differing(trees: list[Any], key: str) -> Iterator[tuple[str, list[Any]]]:
    if all(tree == trees[0] for tree in trees[1:]):
        return
    if all(isinstance(tree, Mapping) for tree in trees):
        names = list(dict.fromkeys(name for tree in trees for name in tree))
        if any(tree.get("kind") != trees[0].get("kind") for tree in trees):
            names = [name for name in names if all(name in tree for tree in trees)]
        for name in names:
            yield from _differing([tree.get(name) for tree in trees], f"{key}.{name}" if key else name)
    elif all(isinstance(tree, list) for tree in trees) and len({len(tree) for tree in trees}) == 1:
        for i, items in enumerate(zip(*trees, strict=True)):
            yield from _differing(list(items), f"{key}.{i}" if key else str(i))
    else:
        yield key, [_brief(tree) for tree in trees]


def _brief(value: Any) -> Any:
    """Layers by their units, a record by its kind where that says all."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) and "units" in item for item in value):
        return [item["units"] for item in value]
    return value


def told_apart(settings: Sequence[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Of each run its own values of the keys in which the runs differ; nothing for one that kept no settings."""
    known = [one for one in settings if one is not None]
    found = differing(known)
    own = iter([{key: values[i] for key, values in found.items()} for i in range(len(known))])
    return [{} if one is None else next(own) for one in settings]
