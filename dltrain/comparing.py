"""Finished runs beside each other: what their configs differ in, and a paired test on the same dev examples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import runs
from dltrain.diagnosis.comparison import Contender, Examples, compare, compare_configs
from dltrain.errors import InputError

KNOWN = ("y", "weights", "groups", "times")
"""What has to be the same of two runs' dev examples, beside their row numbers."""

CHOOSING = ("split.", "data.sha256", "data.limit", "data.missing", "data.target", "data.label_map", "data.weight")
"""Keys that decide which rows are in dev, and what they are."""


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """A run as it is compared."""

    name: str
    path: Path
    task: str
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    arrays: dict[str, Any]
    unit: runs.Unit
    confidence: float
    selected: bool

    @property
    def rows_sha256(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.arrays["rows"], np.int64).tobytes()).hexdigest()


def compare_runs(paths: Sequence[Path], *, by_config: bool = False, confidence: float | None = None) -> dict[str, Any]:
    """What `compare --json` prints: `about`, `part`, `n`, `rows_sha256`, `task`, `confidence`, `runs` (or, by config,
    `configs`) best first, `pairs`, and `differences` {dotted key: {run or config: value}}. Errors of a regression are
    over the variance of the first run's training targets, the same for all.

    Raises InputError, in a line for each run, where they cannot be compared: no dev predictions, another task, other
    dev examples; by config also for fewer than 3 seeds.
    """
    sides = _in_one_unit([_side(path, name) for path, name in zip(paths, _names(paths), strict=True)])
    _require_comparable(sides)
    first = sides[0]
    settled = confidence or first.confidence
    times = first.arrays.get("times")
    examples = Examples(first.task, first.arrays.get("weights"), first.arrays.get("groups"), times)
    contenders = [
        Contender(side.name, side.arrays["errors"].astype(np.float64), runs.without_seed(side.settings))
        for side in sides
    ]
    found = (compare_configs if by_config else compare)(contenders, examples, settled)
    if by_config:
        shown = {config["config"]: _by_name(sides)[config["config"]] for config in found["configs"]}
    else:
        shown = {run["run"]: _by_name(sides)[run["run"]] for run in found["runs"]}
        for run in found["runs"]:
            run["path"] = str(shown[run["run"]].path)
            run |= {"selected": True} if shown[run["run"]].selected else {}
    trees = {name: dict(side.settings) for name, side in shown.items()}
    if by_config:
        trees = {name: {key: value for key, value in tree.items() if key != "seed"} for name, tree in trees.items()}
    differences = runs.differing(list(trees.values()))
    return {
        "part": "dev",
        "n": len(first.arrays["rows"]),
        "rows_sha256": first.rows_sha256,
        "task": first.task,
        "confidence": settled,
        **found,
        "differences": {key: dict(zip(trees, values, strict=True)) for key, values in differences.items()},
    }


def _by_name(sides: Sequence[_Side]) -> dict[str, _Side]:
    return {side.name: side for side in sides}


def _names(paths: Sequence[Path]) -> list[str]:
    """The runs' ids, `STUDY/17` for a study's; their paths where two are alike. Raises InputError for too few."""
    if len(paths) < 2:
        raise InputError("name two runs or more to compare; dltrain runs lists them")
    twice = sorted({str(path) for path in paths if [other.resolve() for other in paths].count(path.resolve()) > 1})
    if twice:
        raise InputError(f"{', '.join(twice)}: named twice; a run is no better than itself")
    names = [f"{path.parents[1].name}/{path.name}" if path.parent.name == "trials" else path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _side(path: Path, name: str) -> _Side:
    run = runs.read_run(path)
    diagnosis = runs.find_record(path, "diagnosis.json")
    if diagnosis is None:
        raise InputError(f"{name} has no dev predictions to compare: the run is {run['state']}")
    dev = diagnosis["errors"]["dev"]
    if dev is None:
        raise InputError(f"{name} has no dev part: there are no examples to compare on")
    preparation = runs.read_record(path, "preparation.json")
    settings = {**(runs.settings_of(run) or {}), "data.sha256": (run.get("data") or {}).get("sha256")}
    return _Side(
        name=name,
        path=path,
        task=str(preparation.get("task", diagnosis.get("task"))),
        classes=tuple(preparation.get("classes", ())),
        settings=settings,
        arrays=runs.decode_predictions(path),
        unit=runs.unit_of(path),
        confidence=diagnosis.get("confidence", 0.95),
        selected=bool(dev.get("selected")),
    )


def _in_one_unit(sides: Sequence[_Side]) -> list[_Side]:
    """Runs with other training sets divide their errors and weights by other numbers."""
    unit = sides[0].unit
    return [replace(side, arrays=side.unit.turned(side.arrays, unit), unit=unit) for side in sides]


def _require_comparable(sides: Sequence[_Side]) -> None:
    """Raises InputError with a line for each run that was not measured on the first one's examples."""
    first = sides[0]
    problems = [f"{side.name} and {first.name}: {why}" for side in sides[1:] if (why := _unlike(first, side))]
    if problems:
        raise InputError(*problems)


def _unlike(one: _Side, other: _Side) -> str:
    """Why two runs cannot be compared example by example; empty where they can."""
    if "regression" in (one.task, other.task) and one.task != other.task:
        return f"a {one.task} and a {other.task} have no error in common"
    if one.classes != other.classes:
        return "their classes differ"
    sizes = [len(side.arrays["rows"]) for side in (one, other)]
    cause = _cause(one, other)
    if one.rows_sha256 != other.rows_sha256:
        what = f"{sizes[1]} and {sizes[0]} examples" if sizes[0] != sizes[1] else f"{sizes[0]} others"
        return f"their dev rows are not the same ({what}){cause}"
    if any(not runs.alike(one.arrays.get(name), other.arrays.get(name)) for name in KNOWN):
        return f"their dev rows have the same numbers but other targets, weights or groups{cause}"
    return ""


def _cause(one: _Side, other: _Side) -> str:
    """The keys that may be the reason."""
    keys = [key for key in runs.differing([one.settings, other.settings]) if key.startswith(CHOOSING)]
    return f"; they differ in {', '.join(keys[:4])}" if keys else ""
