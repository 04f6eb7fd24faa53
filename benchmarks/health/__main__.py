"""Are healthy trainings left in peace, and planted illnesses found? And does the cure help?

Trains every case of `cases`, prints what was found in each as a table of Markdown, and fails if a healthy one gets a
warning or an illness goes unfound. An illness's first cure is trained too: the training error before and after.

    python -m benchmarks.health [NAME ...]
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.health.cases import healthy, ill, tables
from dltrain import config, experiment
from dltrain.engine.fit import Diverged, Step, fit, model
from dltrain.engine.state import State


def diagnosed(text: str, folder: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """The diagnosis of the training that a config declares. Raises Diverged."""
    path = folder / "config.yaml"
    path.write_text(text)
    ready = experiment.prepare(config.load([path], (*overrides, "training.threads=1")))
    rows, program = ready.rows("train"), ready.plan.program()
    assert rows is not None
    with experiment.threads(1):
        state = State.start(program)
        events = list(fit(program, rows, ready.rows("dev"), state))
        metrics = [event.record() for event in events if not isinstance(event, Step)]
        best_epoch = state.stopping.epoch if program.early_stopping else None
        return experiment.diagnose(ready, model(program, rows, state), experiment.Trained(metrics, best_epoch))


def ids(report: dict[str, Any], severity: str) -> list[str]:
    return list(dict.fromkeys(found["id"] for found in report["health"] if found["severity"] == severity))


def leave_in_peace(cases: list[tuple[str, str]], folder: Path) -> list[str]:
    """What healthy trainings were told; the names of those with a warning."""
    alarms, notes = [], Counter[str]()
    for name, text in cases:
        report = diagnosed(text, folder)
        notes.update(ids(report, "note"))
        if warned := ids(report, "warning"):
            alarms.append(name)
            print(f"| {name} | {', '.join(warned)} |")
    print(f"{len(cases)} healthy trainings, {len(alarms)} with a warning; notes: {dict(notes)}\n", flush=True)
    return alarms


def find(cases: list[tuple[str, str, tuple[str, ...]]], folder: Path) -> list[str]:
    """What ill trainings were told and what the first cure did; the names of those that were not found out."""
    missed = []
    print("| planted | found | first cure | training error | after it |\n|---|---|---|---|---|")
    for name, text, wanted in cases:
        report = diagnosed(text, folder)
        found = [*ids(report, "warning"), *ids(report, "note")]
        if not set(wanted) & set(found):
            missed.append(name)
        cure = next((finding["overrides"] for finding in report["health"] if finding["overrides"]), [])
        before = report["errors"]["train"]["value"]
        print(
            f"| {name} | {', '.join(found)} | {_short(cure)} | {before:.3f} | {_after(text, folder, cure)} |",
            flush=True,
        )
    print(f"\n{len(cases)} illnesses, {len(missed)} not found: {', '.join(missed) or 'none'}")
    return missed


def _short(cure: list[str]) -> str:
    return f"`{' '.join(cure[:2])}{' ...' if len(cure) > 2 else ''}`" if cure else ""


def _after(text: str, folder: Path, cure: list[str]) -> str:
    try:
        return f"{diagnosed(text, folder, tuple(cure))['errors']['train']['value']:.3f}" if cure else ""
    except Diverged as diverged:
        return str(diverged)


def main(names: list[str]) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = tables(folder)
        alarms = leave_in_peace([case for case in healthy(data) if not names or case[0] in names], folder)
        missed = find([case for case in ill(data) if not names or case[0] in names], folder)
    return 1 if alarms or missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
