"""A learning curve of the same config among the studies beside a run: what more data would buy it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.errors import InputError

FREE = {"seed", "data.train_limit", "data.train_limit_seed"}
"""Keys in which a run and the config of its curve may differ."""


def known_curve(run: Path) -> dict[str, Any] | None:
    """The newest finished one with a fit: {study, m, twice}. None where there is none."""
    record = runs.read_run(run)
    wanted = runs.settings_of(record)
    if wanted is None:
        return None
    for listed in runs.list_runs(runs.home_of(run)[0]):
        if listed.kind == "study" and listed.state == "finished":
            found = _curve(listed.path, wanted, record)
            if found is not None:
                return found
    return None


def _curve(path: Path, wanted: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        study = runs.read_study(path)
    except InputError:
        return None
    summary = study.get("summary") or {}
    if (study.get("study") or {}).get("kind") != "learning_curve" or not summary.get("twice"):
        return None
    settings = runs.settings_of(study)
    same_data = (study.get("data") or {}).get("sha256") == (record.get("data") or {}).get("sha256")
    if settings is None or not same_data or not runs.differing([wanted, settings]).keys() <= FREE:
        return None
    return {"study": path.name, "m": summary["points"][-1]["m"], "twice": summary["twice"]}
