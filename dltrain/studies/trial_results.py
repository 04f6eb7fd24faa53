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
from dltrain.studies import objectives
from dltrain.studies.folder import StudyFolder
from dltrain.studies.model import OBJECTIVE, Outcome, Overrides, Planned, Result

COLUMNS = ("trial", "round", "state", "objective", "low", "high", "seed")


def settled(
    folder: StudyFolder, number: int, round_: int, planned: Planned | Overrides, objective: str = OBJECTIVE
) -> Result | None:
    """The trial's result, or None if it is still to be trained, in whole or in part.

    Raises RunExists if it was trained on other data than the study was started on.
    """
    planned = planned if isinstance(planned, Planned) else Planned(overrides=planned)
    path = folder.trial(number)
    found = result_of(path, number, round_, planned, objective)
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
        overrides=planned.overrides,
        outcome=outcome,
        path=path,
        cause=str(last.get("cause")),
        role=planned.role,
    )


def result_of(
    path: Path, number: int, round_: int, planned: Planned | Overrides, objective: str = OBJECTIVE
) -> Result | None:
    """The result of a trial whose run finished or diverged, or came to the epoch at which it is to pause (whatever
    came of it later); None for every other, also for a damaged one."""
    planned = planned if isinstance(planned, Planned) else Planned(overrides=planned)
    common: dict[str, Any] = {"trial": number, "round": round_, "overrides": planned.overrides, "path": path}
    common["role"] = planned.role
    try:
        if planned.until is not None and (paused := _at(path, planned.until)) is not None:
            score = objectives.of_epoch(objective, paused)
            errors = objectives.errors_of_epoch(paused)
            return Result(**common, outcome="paused", errors=errors, score=score, epochs=planned.until)
        record = runs.find_record(path, "run.json") or {}
        diagnosis = runs.find_record(path, "diagnosis.json") or {}
        state = record.get("state")
        if state not in ("finished", "diverged"):
            return None
        found = {part: entry for part, entry in (diagnosis.get("errors") or {}).items() if isinstance(entry, dict)}
        score = None
        if state == "finished" and objective != OBJECTIVE:
            score = objectives.of_run(objective, found, _at(path, record.get("best_epoch") or record.get("epochs")))
    except Damaged:
        return None
    cause = record.get("reason") if state == "diverged" else None
    return Result(**common, outcome=state, errors=found, cause=cause, score=score)


def _at(path: Path, epoch: int | None) -> dict[str, Any] | None:
    """The line of an epoch in metrics.jsonl."""
    if epoch is None or not (path / "metrics.jsonl").is_file():
        return None
    return next((line for line in runs.read_metrics(path) if line.get("epoch") == epoch), None)


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
        known = row.outcome == "finished" and row.score is None  # the interval is that of the error
        ends = [entry.get("low"), entry.get("high")] if known else [None, None]
        head: list[Any] = [row.trial, row.round, row.outcome, row.objective, *ends, row.seed]
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
