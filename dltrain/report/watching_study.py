"""A study that another process runs: its trials as a table that is redrawn, a line a trial, or JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from dltrain import runs
from dltrain.errors import InputError
from dltrain.report.console import encodable, plain
from dltrain.report.formats import clean, count
from dltrain.report.trials import PARTS, Row, Table, difference

LOOK_SECONDS = 0.5
RUNNING = ("created", "running")
LIVE = (*RUNNING, "interrupted")
"""States of a trial that is not over: one that is interrupted is taken up again."""


class WatchedStudy(Table):
    """The table of the trials in a study's folder, whoever runs them."""

    def __init__(self, folder: Path, stream: TextIO) -> None:
        self.record = runs.read_study(folder)
        super().__init__(folder=folder, task=str(self.record.get("task") or ""), workers=0, stream=stream)

    @property
    def alive(self) -> bool:
        return self.record["state"] in RUNNING

    def scan(self) -> list[Row]:
        """Looks at the trials that were not over; those that are now. The study's end is seen first, so that none is
        missed."""
        self.record = runs.read_study(self.folder)
        ended = []
        for number in _numbers(self.folder / "trials"):
            row = self.rows.get(number)
            if row is None or row.state in LIVE:
                with suppress(InputError):  # it has just been begun
                    row = self._seen(number)
                    ended += [row] if row.state not in LIVE else []
        self.done = sum(row.state not in LIVE for row in self.rows.values())
        return ended

    def _seen(self, number: int) -> Row:
        path = self.folder / "trials" / str(number)
        record = runs.read_run(path)
        given = (record.get("given") or {}).get("overrides") or []
        row = self.rows.setdefault(number, Row(number, difference(_overrides(given))))
        row.state = record["state"]
        self._look(row)
        if row.state not in LIVE:
            errors = (runs.find_record(path, "diagnosis.json") or {}).get("errors") or {}
            for part in PARTS:
                if errors.get(part):
                    setattr(row, part, float(errors[part]["value"]))
        return row

    def course(self) -> str:
        summary = self.record.get("summary") or {}
        headline = f": {clean(summary['headline'])}" if summary.get("headline") else ""
        return f"{self.record['state']}, {count(self.done)} of {count(len(self.rows))} trials begun are over{headline}"


def _overrides(given: list[str]) -> Mapping[str, Any]:
    pairs = (override.partition("=") for override in given)
    return {key: value for key, _, value in pairs if key != "training.threads"}


def _numbers(folder: Path) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(folder) if name.isdigit())
    except FileNotFoundError:
        return []


def watch_study(
    path: Path, *, as_json: bool = False, stream: TextIO | None = None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Looks on until the study ends."""
    stream = stream or sys.stdout
    table = WatchedStudy(path, stream)
    live = not (as_json or plain(stream))
    try:
        while True:
            for row in table.scan():
                if not live:
                    _say(table, row, as_json)
            if live:
                table.draw()
            if not table.alive:
                break
            sleep(LOOK_SECONDS)
    finally:
        table.close()
    if as_json:
        _write(stream, _json(kind="end", run=str(path), state=table.record["state"]))
    elif not live:
        _write(stream, f"{path.name} {table.course()}")


def _say(table: WatchedStudy, row: Row, as_json: bool) -> None:
    if as_json:
        errors = {part: value for part in PARTS if (value := getattr(row, part)) is not None}
        fields = {"trial": row.trial, "state": row.state, "epoch": row.epoch, "errors": errors}
        _write(table.stream, _json(kind="trial", run=str(table.folder), **fields))
        return
    errors_said = [f"{part} {table.error(getattr(row, part))}" for part in PARTS if getattr(row, part) is not None]
    _write(table.stream, "  ".join([f"trial {row.trial}", row.state, *errors_said, row.words]).rstrip())


def _json(**record: Any) -> str:
    return json.dumps({"schema_version": 1, **record}, ensure_ascii=False, allow_nan=False)


def _write(stream: TextIO, line: str) -> None:
    stream.write(encodable(line, stream.encoding) + "\n")
    stream.flush()
