"""What came of a trial, read from its folder; and results.csv, which is made of that alone."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.errors import Damaged, RunExists
from dltrain.studies.folder import StudyFolder
from dltrain.studies.model import Outcome, Overrides, Result

COLUMNS = ("trial", "round", "state", "objective", "low", "high", "seed")


def settled(folder: StudyFolder, number: int, round_: int, overrides: Overrides) -> Result | None:
    """The trial's result, or None if it is still to be trained, in whole or in part.

    Raises RunExists if it was trained on other data than the study was started on.
    """
    path = folder.trial(number)
    found = result_of(path, number, round_, overrides)
    if found is not None:
        _require_same_data(folder, path)
        return found
    attempts = folder.attempts(number)
    last = attempts[-1] if attempts else {}
    if not last.get("final"):
        return None
    outcome: Outcome = "timed_out" if last.get("outcome") == "timed_out" else "crashed"
    return Result(
        trial=number,
        round=round_,
        overrides=overrides,
        outcome=outcome,
        path=path,
        cause=str(last.get("cause")),
    )


def result_of(path: Path, number: int, round_: int, overrides: Overrides) -> Result | None:
    """The result of a trial whose run finished or diverged; None for every other, also for a damaged one."""
    try:
        record = runs.find_record(path, "run.json") or {}
        diagnosis = runs.find_record(path, "diagnosis.json") or {}
    except Damaged:
        return None
    state = record.get("state")
    if state not in ("finished", "diverged"):
        return None
    errors = diagnosis.get("errors")
    return Result(
        trial=number,
        round=round_,
        overrides=overrides,
        outcome=state,
        path=path,
        errors={part: entry for part, entry in (errors or {}).items() if isinstance(entry, dict)},
        cause=record.get("reason") if state == "diverged" else None,
    )


def _require_same_data(folder: StudyFolder, path: Path) -> None:
    wanted = (folder.record.get("data") or {}).get("sha256")
    found = ((runs.find_record(path, "run.json") or {}).get("data") or {}).get("sha256")
    if wanted != found:
        raise RunExists(
            f"study {folder.id}: trial {path.name} was trained on other data than the study was started on; "
            "start another study"
        )


def results_csv(results: Iterable[Result]) -> bytes:
    """trial, round, state, objective, low, high, seed, then a column for each dotted path, in order of appearance."""
    rows = sorted(results, key=lambda result: result.trial)
    paths = list(dict.fromkeys(key for row in rows for key in row.overrides if key != "seed"))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*COLUMNS, *paths])
    for row in rows:
        entry = row.measured or {}
        ends = [entry.get("low"), entry.get("high")] if row.outcome == "finished" else [None, None]
        head: list[Any] = [row.trial, row.round, row.outcome, row.objective, *ends, row.overrides.get("seed")]
        values = ["null" if row.overrides.get(path, "") is None else row.overrides.get(path) for path in paths]
        writer.writerow([_cell(value) for value in [*head, *values]])
    return buffer.getvalue().encode()


def _cell(value: Any) -> str:
    """Numbers so that they read back exactly; what is not a single value as JSON; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "inf"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def by_outcome(results: Sequence[Result]) -> dict[str, int]:
    """How many trials ended in which way."""
    return {outcome: sum(result.outcome == outcome for result in results) for outcome in _order(results)}


def _order(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.outcome for result in sorted(results, key=lambda one: one.outcome != "finished")))
