"""What `dltrain runs` lists: chosen, sorted, and as a table or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltrain.cli.options import print_json
from dltrain.cli.streams import for_data
from dltrain.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from dltrain.runs import RunSummary

COLUMNS = ("id", "state", "epochs", "train", "train_dev", "dev", "test", "headline", "task", "created", "path")


def chosen(summaries: Iterable[RunSummary], sort: str, only: Sequence[str]) -> list[dict[str, Any]]:
    """The runs that fit every filter, in the order asked for; runs without the value come last."""
    wanted = [_filter(text) for text in only]
    column, down = _column(sort.removeprefix("-"), "--sort"), sort.startswith("-")
    rows = [_row(summary) for summary in summaries]
    rows = [row for row in rows if all(str(row[key]) == value for key, value in wanted)]
    known = [row for row in rows if row[column] is not None]
    return sorted(known, key=lambda row: row[column], reverse=down) + [row for row in rows if row[column] is None]


def _filter(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--filter: {text} is no KEY=VALUE; try --filter state=finished")
    return _column(key, "--filter"), value


def _column(name: str, option: str) -> str:
    if name not in COLUMNS:
        raise InputError(f"{option}: no column {name}; expected {', '.join(COLUMNS)}{did_you_mean(name, COLUMNS)}")
    return name


def _row(summary: RunSummary) -> dict[str, Any]:
    parts = {part: summary.errors.get(part) for part in ("train", "train_dev", "dev", "test")}
    found = {
        "id": summary.id,
        "state": summary.state,
        "epochs": summary.epochs,
        **parts,
        "headline": summary.headline,
        "task": summary.task,
        "created": summary.created,
        "path": str(summary.path),
    }
    return found


def print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """The list as CSV on stdout; what is not there is empty."""
    writer = csv.DictWriter(for_data(), COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_table(
    rows: Sequence[Mapping[str, Any]], runs_dir: Path, settings: Mapping[str, Mapping[str, Any] | None]
) -> None:
    """The list for people, with what differs between the runs' `settings` {id: config}."""
    if not rows:
        print(f"no run in {runs_dir}; dltrain train CONFIG makes one", file=sys.stderr)
        return
    from dltrain.report.tables import print_runs
    from dltrain.runs import told_apart

    own = told_apart([settings.get(row["id"]) for row in rows])
    shown = zip(rows, own, strict=True)
    print_runs([{**row, "epoch": row["epochs"], "errors": _errors(row), "differs": differs} for row, differs in shown])


def _errors(row: Mapping[str, Any]) -> dict[str, float]:
    return {part: row[part] for part in ("train", "dev", "test") if row[part] is not None}


def show_one(path: Path, as_json: bool) -> None:
    """One run: its state and errors."""
    from dltrain import runs, trained
    from dltrain.report.tables import print_facts
    from dltrain.report.verdicts import print_diagnosis

    if runs.is_study(path):
        _show_study(path, as_json)
        return
    run = runs.read_run(path)
    diagnosed = runs.find_record(path, "diagnosis.json") is not None
    diagnosis = trained.read_diagnosis(path) if diagnosed else None
    adjustments = runs.adjustments_of(path, run)
    if as_json:
        print_json({"run": str(path), "record": run, "adjustments": adjustments, "diagnosis": diagnosis})
        return
    keys = ("state", "created", "updated", "epochs", "steps", "best_epoch", "reason", "task", "threads")
    facts = {key: run[key] for key in keys if run.get(key) is not None}
    adjusted = [(f"from epoch {one['epoch']}", runs.words_of(one["set"])) for one in adjustments]
    print_facts([*facts.items(), *adjusted, ("path", str(path))], title=path.name)
    if diagnosis:
        print("")
        print_diagnosis(diagnosis, title="")


def _show_study(path: Path, as_json: bool) -> None:
    """A study: its state, and what its trials say together once all are over."""
    from dltrain import runs

    record = runs.read_study(path)
    if as_json:
        print_json({"run": str(path), "record": record})
        return
    from dltrain.report.study_tables import print_study
    from dltrain.report.tables import print_facts

    keys = ("state", "created", "updated", "trials", "failed_trials", "task")
    facts = {key: record[key] for key in keys if record.get(key) is not None}
    study = record.get("study") or {}
    print_facts({"study": study.get("kind"), **facts, "path": str(path)}, title=path.name)
    if record.get("summary"):
        print("")
        print_study(record, path=str(path))
