"""A live run's curves in the terminal, redrawn as its lines come; a line an epoch, or JSON, elsewhere."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dltrain import runs
from dltrain.report.braille import Line, Scale, draw
from dltrain.report.console import encodable, make_console, plain, width_of
from dltrain.report.formats import clean, count, fixed, number, percent
from dltrain.runs.following import Follower
from dltrain.runs.run_shapes import EVENT, LINE

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

LOOK_SECONDS = 0.5
ALIVE = ("live", "elsewhere")
ERRORS, SMALL = 8, 4
"""Rows of the graph of errors, and of the others."""
MARGIN = 10
"""Columns for the ends of a scale."""
FAR = 20
"""A scale is logarithmic where the largest value is so many times the smallest."""
SHOWN = 4
"""Adjustments listed: the last ones."""


class Watched:
    """What is known of a run that is looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._metrics, self._events = Follower(path / "metrics.jsonl", LINE), Follower(path / "events.jsonl", EVENT)
        self.life = ""
        self.run = runs.read_run(path)
        self.regression = self.run.get("task") == "regression"

    def look(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The epochs and the adjustments that came since the last look. The run's end is seen before its last lines
        are read, so that none is missed."""
        self.life = runs.life_of(self.path)
        epochs, events = self._metrics.more(), self._events.more()
        return epochs, [event for event in events if event.get("kind") == "adjustment"]

    @property
    def alive(self) -> bool:
        return self.life in ALIVE

    @property
    def metrics(self) -> Sequence[Mapping[str, Any]]:
        return self._metrics.records

    @property
    def adjustments(self) -> Sequence[Mapping[str, Any]]:
        """Those of its config, and those that it was asked for while it ran; by epoch."""
        return runs.adjustments_of(self.path, self.run)

    def error(self, value: float | None) -> str:
        return fixed(value) if self.regression else percent(value, 2)


def watch_run(
    path: Path, *, as_json: bool = False, stream: TextIO | None = None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Looks on until the run ends."""
    stream = stream or sys.stdout
    watched = Watched(path)
    if as_json or plain(stream):
        say = _json_lines if as_json else _lines
        while True:
            epochs, adjusted = watched.look()
            for line in say(watched, epochs, adjusted):
                stream.write(encodable(line, stream.encoding) + "\n")
            stream.flush()
            if not watched.alive:
                return
            sleep(LOOK_SECONDS)
    _live(watched, stream, sleep)


def _lines(watched: Watched, epochs: Sequence[Mapping[str, Any]], adjusted: Sequence[Mapping[str, Any]]) -> list[str]:
    """An adjustment stands before the first epoch with it."""
    lines = [(record["epoch"], 1, line_of(watched, record)) for record in epochs]
    lines += [(event["epoch"], 0, f"adjusted {words_of(event)}") for event in adjusted]
    return [line for _, _, line in sorted(lines, key=lambda each: each[:2])]


def line_of(watched: Watched, record: Mapping[str, Any]) -> str:
    """`epoch 12  cost 0.4  train 3.10%  dev 4.20%  learning rate 0.001`"""
    fields = [f"epoch {count(record['epoch'])}", f"cost {number(record.get('cost'))}"]
    for part in ("train", "dev"):
        if record.get(part):
            fields.append(f"{part} {watched.error(record[part].get('error'))}")
    return "  ".join([*fields, f"learning rate {number(record.get('learning_rate'))}"])


def words_of(event: Mapping[str, Any]) -> str:
    """`from epoch 12: optimizer.learning_rate=0.0003`"""
    return clean(f"from epoch {event['epoch']}: {runs.words_of(event['set'])}")


def _json_lines(
    watched: Watched, epochs: Sequence[Mapping[str, Any]], adjusted: Sequence[Mapping[str, Any]]
) -> list[str]:
    run = str(watched.path)
    found = [{"kind": "adjustment", "run": run, "epoch": event["epoch"], "set": event["set"]} for event in adjusted]
    found = sorted([*found, *({"kind": "epoch", "run": run, **record} for record in epochs)], key=lambda r: r["epoch"])
    if not watched.alive:
        found.append({"kind": "end", "run": run, "state": watched.life, "headline": _headline(watched.path)})
    return [json.dumps({"schema_version": 1, **record}, ensure_ascii=False, allow_nan=False) for record in found]


def _headline(path: Path) -> str | None:
    return (runs.find_record(path, "diagnosis.json") or {}).get("headline")


def result_line(path: Path) -> str:
    """How a run ended: `finished: train 0.66%, dev 2.51%, high variance`."""
    record, diagnosis = runs.read_run(path), runs.find_record(path, "diagnosis.json") or {}
    errors = diagnosis.get("errors") or {}
    regression = record.get("task") == "regression"
    words = []
    for part in ("train", "dev"):
        if errors.get(part):
            value = errors[part]["value"]
            words.append(f"{part} {fixed(value) if regression else percent(value, 2)}")
    words += [str(found) for found in (diagnosis.get("headline"), record.get("reason")) if found]
    return clean(f"{path.name} {record['state']}{': ' if words else ''}{', '.join(words)}")


# ---- on a terminal


def _live(watched: Watched, stream: TextIO, sleep: Callable[[float], None]) -> None:
    from rich.live import Live

    console = make_console(stream, stream)
    with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            epochs, adjusted = watched.look()
            if epochs or adjusted or not watched.metrics or not watched.alive:
                live.update(picture(watched, width_of(stream), stream.encoding), refresh=True)
            if not watched.alive:
                return
            sleep(LOOK_SECONDS)


def picture(watched: Watched, width: int, encoding: str | None = "utf-8") -> Group:
    """The curves: errors of dev and training, cost J and learning rate; and what was adjusted."""
    from rich.console import Group
    from rich.text import Text

    lines: list[Text] = [Text(clean(watched.path.name), style="bold"), Text(_now(watched))]
    if watched.metrics:
        lines += _graphs(watched, max(20, width - MARGIN - 2), encoding)
    adjusted = watched.adjustments
    lines += [Text(f"▲ {words_of(one)}", style="dim") for one in adjusted[-SHOWN:]]
    for line in lines:
        line.no_wrap, line.overflow = True, "crop"
        line.plain = encodable(line.plain, encoding)
    return Group(*lines)


def _now(watched: Watched) -> str:
    if not watched.metrics:
        return "first epoch" if watched.alive else watched.life
    last = watched.metrics[-1]
    errors = [(_error(record, "dev"), record["epoch"]) for record in watched.metrics]
    known = [(value, epoch) for value, epoch in errors if value is not None]
    best = f"  best {watched.error(min(known)[0])} (epoch {count(min(known)[1])})" if known else ""
    return f"{line_of(watched, last)}{best}"


def _graphs(watched: Watched, width: int, encoding: str | None) -> list[Text]:
    metrics = watched.metrics
    errors = [Line([_error(r, "dev") for r in metrics], "bold blue")]
    errors.append(Line([_error(r, "train") for r in metrics], "magenta", dotted=True))
    cost = [Line([r.get("cost") for r in metrics], "yellow")]
    rate = [Line([r.get("learning_rate") for r in metrics], "green")]
    title = "dev error, and training error dotted" if any(v is not None for v in errors[0].values) else "training error"
    graphs = [(title, errors, ERRORS, watched.error), ("cost J", cost, SMALL, number)]
    graphs.append(("learning rate", rate, SMALL, number))
    found: list[Text] = []
    for name, lines, height, write in graphs:
        found += _graph(name, lines, height, write, width, encoding)
    return [*found, _axis(watched, width)]


def _graph(
    title: str,
    lines: Sequence[Line],
    height: int,
    write: Callable[[float | None], str],
    width: int,
    encoding: str | None,
) -> list[Text]:
    from rich.text import Text

    values = [value for line in lines for value in line.values if value is not None and math.isfinite(value)]
    above = [value for value in values if value > 0]
    scale = Scale.of(values, log=bool(above) and min(values) >= 0 and max(above) > FAR * min(above))
    ascii_only = encodable("⣿", encoding) != "⣿"
    rows = draw(lines, scale, width, height, ascii_only)
    ends = {0: write(scale.high), height - 1: write(scale.low)}
    zero = ", 0 at its foot" if scale.log and len(above) < len(values) else ""
    words = f"{title}{f', log scale{zero}' if scale.log else ''}"
    found = [Text(" " * MARGIN + words, style="dim")]
    for y, row in enumerate(rows):
        found.append(Text(f"{ends.get(y, ''):>{MARGIN - 2}} │").append_text(row))
    return found


def _axis(watched: Watched, width: int) -> Text:
    """The epochs, with a mark where an adjustment began to hold."""
    from rich.text import Text

    first, last = watched.metrics[0]["epoch"], watched.metrics[-1]["epoch"]
    end = f" {count(last)}"
    width -= len(end) - 1
    row = ["─"] * width
    for one in watched.adjustments:
        if first <= one["epoch"] <= last:
            row[round((one["epoch"] - first) / max(1, last - first) * (width - 1))] = "▲"
    return Text(f"{'epoch ' + count(first):>{MARGIN - 2}} └{''.join(row)}{end}")


def _error(record: Mapping[str, Any], part: str) -> float | None:
    value = (record.get(part) or {}).get("error")
    return value if isinstance(value, int | float) else None
