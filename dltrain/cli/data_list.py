"""`dltrain data list`"""

from __future__ import annotations

from typing import Any

from dltrain.cli.options import Json, print_json


def command(as_json: Json = False) -> None:
    """List the data sets that come with dltrain, and those that it can fetch.

    Example: dltrain data list
    """
    from dltrain.report.tables import print_data_sets

    sets = sorted([*_built_in(), *_named()], key=lambda entry: str(entry["name"]))
    if as_json:
        print_json({"sets": sets})
    else:
        print_data_sets(sets)


def _built_in() -> list[dict[str, Any]]:
    from dataclasses import asdict

    from dltrain import data

    return [{**asdict(entry), "kind": "built-in", "where": "built in"} for entry in data.built_in_sets()]


def _named() -> list[dict[str, Any]]:
    from dltrain.data.sets.named import fetched, named_sets
    from dltrain.report.downloads import size

    keys = ("name", "rows", "test_rows", "inputs", "task", "classes", "target", "source", "licence")
    sets = []
    for named in named_sets():
        path = fetched(named.name)
        sets.append(
            {key: getattr(named, key) for key in keys}
            | {"kind": "named", "fetched": path is not None, "path": str(path) if path else None, "bytes": named.size}
            | {"where": "fetched" if path else f"to fetch, {size(named.size)}"}
        )
    return sets
