"""What `search --recheck STUDY` is to train: the winner and its neighbours, with config and data as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dltrain import identity, runs
from dltrain.errors import InputError
from dltrain.ready import Ready
from dltrain.studies.probing import refusals
from dltrain.studies.recheck import SEEDS, Recheck, neighbours
from dltrain.studies.search import Search


def recheck_of(record: Mapping[str, Any], ready: Ready) -> Recheck:
    """The recheck of a finished search with the config and data of `ready`. `record`: its study.json.

    Raises InputError for a study that is no search, is not finished, or whose winner the config can't have.
    """
    summary = record.get("summary") or {}
    search = study_of_search(record)
    found = summary.get("winner") or summary.get("best")
    if not found:
        raise InputError(f"study {record['id']} has no winner to look at again: search anew")
    winner = {key: value for key, value in found["overrides"].items() if key != "seed"}
    then = ((summary.get("winner") or {}).get("errors") or {}).get("dev") or {}
    points = [winner, *neighbours(search.dimensions, winner)]
    for point in points:
        if problems := refusals(ready, point):
            raise InputError(*problems)
    return Recheck(
        study=record["id"],
        then={key: then.get(key) for key in ("value", "low", "high")},
        changed=tuple(_changed(record, ready)),
        points=tuple(points),
        seeds=SEEDS,
        first=ready.plan.experiment.seed,
    )


def study_of_search(record: Mapping[str, Any]) -> Search:
    """Raises InputError where a record is that of another study, or of one that is not over."""
    if (record.get("study") or {}).get("kind") != "search":
        raise InputError(f"{record['id']} is no search; --recheck takes one that is finished")
    if record["state"] != "finished":
        raise InputError(f"search {record['id']} is {record['state']}; finish it first: dltrain resume {record['id']}")
    settings = {key: value for key, value in record["study"].items() if key != "kind"}
    return Search(**settings)


def _changed(record: Mapping[str, Any], ready: Ready) -> list[str]:
    given = record.get("given") or {}
    keys = runs.differing_keys(given.get("config"), identity.asked(ready.loaded))
    data = (record.get("data") or {}).get("sha256") != ready.data.sha256
    return [*(["the data"] if data else []), *keys]
