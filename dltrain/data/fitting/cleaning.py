"""What is done to tables before they are split: other spellings of labels, rows with gaps, weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dltrain.config.records import Data
from dltrain.data.labels import number_name, relabelled
from dltrain.data.raw import Labels, Raw, is_text
from dltrain.data.readers.dialect import is_number
from dltrain.data.sources import Sources
from dltrain.errors import InputError, Problem, did_you_mean


def labels_of(raw: Raw) -> Labels:
    """The target, where one was read."""
    assert raw.y is not None
    return raw.y


def cleaned(sources: Sources, data: Data) -> tuple[Sources, list[str]]:
    """The tables with `label_map` applied and without the rows that have no target or, with `missing: drop`, any gap;
    and notes."""
    notes = _unused(sources, data)
    pool, said = _clean(sources.pool, data)
    notes += said
    apart = sources.apart
    if apart is not None:
        apart, said = _clean(apart, data)
        notes += said
    given = {}
    for part, raw in sources.given.items():
        given[part], said = _clean(raw, data)
        notes += said
    found = replace(sources, pool=pool, apart=apart, given=given)
    _check_weights(found)
    return found, notes


def _clean(raw: Raw, data: Data) -> tuple[Raw, list[str]]:
    raw, notes = _targeted(raw)
    if data.missing == "drop":
        kept = np.flatnonzero(~_gaps(raw))
        if len(kept) < raw.n:
            notes.append(f"missing: {raw.n - len(kept)} of {raw.n} rows of {raw.place} have gaps and are left out")
            raw = raw.only(kept)
        if not raw.n:
            raise InputError(
                Problem(f"every row of {raw.place} has a gap; fill them with data.missing: median", "data.missing")
            )
    return replace(raw, y=relabelled(_settled(labels_of(raw)), data.label_map or {})), notes


def _targeted(raw: Raw) -> tuple[Raw, list[str]]:
    """The rows that have a target: nothing can be learned from the others, whatever becomes of gaps in inputs."""
    y = labels_of(raw)
    kept = np.flatnonzero([cell != "" for cell in y.tolist()]) if is_text(y) else None
    if kept is None or len(kept) == raw.n:
        return raw, []
    if not len(kept):
        raise InputError(Problem(f"{raw.target} has no value in any row of {raw.place}", "data.target"))
    lost = raw.n - len(kept)
    said = f"missing: {lost} of {raw.n} rows of {raw.place} have no {raw.target} (the target) and are left out"
    return raw.only(kept), [said]


def _settled(y: Labels) -> Labels:
    """Labels that became numbers now that the gaps are gone."""
    return relabelled(y, {"": ""}) if is_text(y) else y


def _gaps(raw: Raw) -> npt.NDArray[np.bool_]:
    """(n,): rows with a gap in an input."""
    gaps = np.zeros(raw.n, dtype=np.bool_)
    if raw.X.dtype.kind == "f":
        step = max(1, 2**20 // raw.X.shape[1])
        for start in range(0, raw.n, step):
            gaps[start : start + step] = np.isnan(raw.X[start : start + step]).any(axis=1)
    return gaps


def _unused(sources: Sources, data: Data) -> list[str]:
    """Spellings of label_map that no row has: most likely a typing error."""
    if not data.label_map:
        return []
    found: set[str] = set()
    for raw in sources.every().values():
        y = labels_of(raw)
        found |= {str(cell) for cell in set(y.tolist())} if is_text(y) else {number_name(cell) for cell in np.unique(y)}
    return [
        f"warning: label_map: no row is labelled {name!r}{did_you_mean(name, sorted(found))}"
        for name in data.label_map
        if name not in found
    ]


def _check_weights(sources: Sources) -> None:
    problems = []
    for raw in sources.every().values():
        weights = raw.extras.get("weight")
        if weights is None:
            continue
        if is_text(weights):
            row = next(row for row, cell in enumerate(weights.tolist()) if not is_number(str(cell)))
            problems.append(raw.problem(f"the weight {weights[row]!r} is not a number", row, "data.weight"))
        elif not (ok := np.isfinite(weights) & (weights >= 0)).all():
            row = int(np.argmin(ok))
            problems.append(raw.problem(f"the weight {weights[row]} is no number from 0 on", row, "data.weight"))
    if problems:
        raise InputError(*problems)


def mean_weight(raw: Raw, rows: npt.NDArray[np.int64]) -> float:
    """Mean example weight of the chosen rows; 1 where examples have none."""
    weights = raw.extras.get("weight")
    if weights is None:
        return 1.0
    mean = float(weights[rows].mean(dtype=np.float64))
    if not mean:
        raise InputError(Problem("every training row has weight 0", "data.weight"))
    return mean
