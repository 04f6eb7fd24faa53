"""What to run after a study whose table is like a run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dltrain.errors import InputError
from dltrain.studies.model import Result


def with_advice(table: Mapping[str, Any], finished: Sequence[Result], *, pooled: bool = False) -> dict[str, Any]:
    """The table with `baselines` (the mean of the trials', `pooled`: each measured on other rows) and `advice`, where
    the trials' folders are there.

    A command that takes a single run names the trial with the least error, as RUN/number.
    """
    from dltrain import diagnosis, runs, trained

    records = [runs.find_record(result.path, "diagnosis.json") for result in finished]
    first = finished[0].path
    if any(record is None for record in records) or not (first / "config.resolved.yaml").is_file():
        return {**table, "baselines": {}, "advice": []}
    known = [record for record in records if record is not None]
    baselines = _baselines([record.get("baselines") or {} for record in known], table, pooled)
    found = {**table, "baselines": baselines}
    plan = trained.plan_of(first, known[0])
    best = best_of(finished)
    advice = diagnosis.advise(found, plan)
    return {**found, "advice": [_named(piece, best) for piece in advice]}


def read_table(study: Path, bayes_error: float | None = None) -> dict[str, Any]:
    """The diagnosis of a study, with `run` and `study`; `bayes_error` is stated in place of its own. A search has its
    winner's, with the fresh seeds; `trials` are their numbers.

    Raises InputError for a study that is not over, or whose trials have no table together.
    """
    from dltrain import diagnosis, runs, trained

    record = runs.read_study(study)
    summary = record.get("summary") or {}
    settings = record.get("study") or {}
    if settings.get("kind") == "search" and "gaps" in (summary.get("winner") or {}):
        summary = summary["winner"]
    if "gaps" not in summary:
        what = f"is {record['state']}" if not summary else f"is a study of another kind ({settings.get('kind')})"
        why = "its table comes with its end" if not summary else "its runs have tables of their own"
        raise InputError(f"study {study.name} {what}: {why}, such as dltrain diagnose {study}/0")
    found = {key: value for key, value in summary.items() if key not in ("trials", "note")}
    if bayes_error is not None:
        found = diagnosis.with_bayes(found, bayes_error)
        numbers = [row["trial"] for row in summary["trials"] if row["state"] == "finished"]
        trial = study / "trials" / str(numbers[0])
        found["advice"] = diagnosis.advise(found, trained.plan_of(trial, runs.read_record(trial, "diagnosis.json")))
    if settings.get("kind") == "search":
        found |= _of_winner(found, [row["trial"] for row in summary["trials"] if row["state"] == "finished"])
    return {"run": str(study), "study": settings, **found}


def _of_winner(found: Mapping[str, Any], trials: Sequence[int]) -> dict[str, Any]:
    """Commands that take a run's config take that of the winner's first training, not the search's."""
    own = f"RUN/trials/{trials[0]}/config."
    advice = [
        {**piece, "command": piece["command"].replace("RUN/config.", own)} if piece.get("command") else piece
        for piece in found.get("advice") or ()
    ]
    return {"advice": advice, "trials": list(trials)}


def best_of(finished: Sequence[Result]) -> int:
    """The number of the trial with the least error, the first of equal ones."""
    return min(finished, key=lambda result: (result.objective, result.trial)).trial


def _named(piece: Mapping[str, Any], best: int) -> dict[str, Any]:
    command = piece.get("command", "")
    return {**piece, "command": command.replace(" RUN ", f" RUN/{best} ")} if "evaluate RUN " in command else {**piece}


def _baselines(records: Sequence[Mapping[str, Any]], table: Mapping[str, Any], pooled: bool) -> dict[str, Any]:
    """By name: what all trials say, or the mean by their rows; with an interval only where these are other rows."""
    from dltrain.diagnosis import Measurement, baseline_entry

    found = {}
    for name in records[0]:
        entries = [record[name] for record in records if record.get(name)]
        if len(entries) < len(records):
            continue
        if not pooled and all(entry == entries[0] for entry in entries):
            found[name] = dict(entries[0])
            continue
        sizes = [int(entry.get("n") or 1) for entry in entries]
        value = sum(float(entry["value"]) * n for entry, n in zip(entries, sizes, strict=True)) / sum(sizes)
        n = sum(sizes) if pooled and not any("n_eff" in entry for entry in entries) else None
        measured = Measurement(value, n)
        found[name] = baseline_entry(measured, task=table["task"], confidence=table["confidence"])
    return found
