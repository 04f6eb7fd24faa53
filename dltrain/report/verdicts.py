"""The bias/variance table in the terminal: of one run, or of several beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from dltrain.report.bars import bar
from dltrain.report.console import column, plain_table, show, width_of
from dltrain.report.differing import differing_words
from dltrain.report.formats import clean
from dltrain.report.health import HealthView, all_lines, health_of, short_lines
from dltrain.report.metrics import metric_facts
from dltrain.report.view import GAPS, PARTS, ErrorRow, GapRow, NextStep, View, view_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

STYLES = {"high": "bold red", "low": "green", "undetermined": "yellow"}
BAR_STYLES = {"train": "cyan", "train_dev": "cyan", "dev": "blue", "test": "magenta"}


def print_diagnosis(
    diagnosis: Mapping[str, Any],
    *,
    title: str | None = None,
    task: str | None = None,
    command: str | None = None,
    whole: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Errors with intervals and bars, baselines beside them, gaps with verdicts, the headline, what to run next.

    `diagnosis` is the plain data of diagnosis.json; for regression each error may carry `rmse`. Without a
    `title` the run's name is it. `command` is what the advice's overrides are added to (see view_of). Of the findings
    about health the three worst are shown, with `whole` all, and what was not checked.
    """
    show(
        *diagnosis_parts(diagnosis, title=title, task=task, command=command, whole=whole, stream=stream), stream=stream
    )


def diagnosis_parts(
    diagnosis: Mapping[str, Any],
    *,
    title: str | None = None,
    task: str | None = None,
    command: str | None = None,
    whole: bool = False,
    stream: TextIO | None = None,
) -> list[RenderableType]:
    """What `print_diagnosis` shows, for what shows more."""
    import sys

    view = view_of(diagnosis, task=task, command=command)
    columns = width_of(stream or sys.stdout)
    parts: list[RenderableType | None] = [_title(title or str(diagnosis.get("run") or ""))] if title != "" else []
    parts += [_error_table(view, columns), ""]
    if view.gaps:
        parts += [_gap_table(view), ""]
    parts += [_headline(view), *_health_lines(diagnosis, whole)]
    parts += [_quiet(f"  {row.label}: {row.settle}") for row in view.gaps if row.settle]
    parts += [_quiet(f"  {remark}") for remark in view.remarks]
    parts += [_quiet(f"  {words}") for words in _metric_lines(diagnosis.get("metrics") or {})]
    for step in view.steps:
        parts += _step_lines(step)
    return [part for part in parts if part is not None]


def print_diagnoses(
    diagnoses: Sequence[Mapping[str, Any]],
    *,
    task: str | None = None,
    whole: bool = False,
    stream: TextIO | None = None,
) -> None:
    """One row a run: errors with intervals, gaps with verdicts, headline. One run alone gets its full table, with
    `whole` all findings about its health."""
    if len(diagnoses) == 1:
        print_diagnosis(diagnoses[0], task=task, whole=whole, stream=stream)
        return
    views = [view_of(diagnosis, task=task) for diagnosis in diagnoses]
    names = [clean(PurePath(str(diagnosis.get("run") or "")).name) for diagnosis in diagnoses]
    show(_comparison(names, views, differing_words([found.get("differs") or {} for found in diagnoses])), stream=stream)


def _metric_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    part = metrics.get("part", "dev")
    yield from (f"{part}, {name}: {words}" for name, words in metric_facts(metrics))


def _title(title: str) -> Text:
    from rich.text import Text

    return Text(clean(title), style="bold")


def _quiet(words: str) -> Text:
    from rich.text import Text

    return Text(words, style="dim")


def _error_table(view: View, columns: int) -> Table:
    from rich.text import Text

    width = 24 if columns >= 90 else 12
    table = plain_table()
    column(table, "")
    column(table, "error", right=True)
    column(table, view.interval_title, right=True)
    if view.has_rmse:
        column(table, "RMSE", right=True)
    column(table, "n", right=True)
    table.add_column("", min_width=width, no_wrap=True)
    column(table, "")
    for row in view.errors:
        cells: list[RenderableType] = [row.label, row.value, row.interval]
        cells += [row.rmse] if view.has_rmse else []
        table.add_row(*cells, row.n, Text(_bar(row, width), style=_bar_style(row)), row.note)
    return table


def _bar(row: ErrorRow, width: int) -> str:
    return bar(row.span.value, row.span.high, width, row.span.clipped)


def _bar_style(row: ErrorRow) -> str:
    return "dim" if row.baseline else BAR_STYLES.get(row.key, "dim")


def _gap_table(view: View) -> Table:
    from rich.text import Text

    table = plain_table()
    column(table, "gap")
    column(table, "")
    column(table, "value", right=True)
    column(table, "interval", right=True)
    column(table, "verdict")
    for row in view.gaps:
        verdict = Text(row.words, style=STYLES.get(row.verdict, ""))
        table.add_row(row.label, row.formula, row.value, row.interval, verdict)
    return table


def _headline(view: View) -> Text:
    from rich.text import Text

    worst = "high" if "high" in view.headline else "low"
    style = STYLES["undetermined" if "undetermined" in view.headline else worst]
    return Text.assemble("verdict: ", (clean(view.headline), f"bold {style}"))


def _health_lines(diagnosis: Mapping[str, Any], whole: bool) -> list[RenderableType]:
    from rich.text import Text

    health = health_of(diagnosis)
    if health is None:
        return []
    lines = all_lines(health) if whole else short_lines(health, str(diagnosis.get("run") or "latest"))
    return [Text(f"  {line}", style="" if _is_warning(line, health) else "dim") for line in lines]


def _is_warning(line: str, health: HealthView) -> bool:
    return any(line.removeprefix("warning ").startswith(f"{row.name}: ") for row in health.warnings)


def _step_lines(step: NextStep) -> list[RenderableType]:
    from rich.text import Text

    words = Text.assemble((f"{step.action}", "bold"), f" · {step.why}" if step.why else "")
    return ["", words, f"  {step.command}"] if step.command else ["", words]


def _comparison(names: Sequence[str], views: Sequence[View], apart: Sequence[str]) -> Table:
    parts = [key for key in PARTS if key != "bayes" and any(view.error(key) for view in views)]
    gaps = [key for key in GAPS if any(view.gap(key) for view in views)]
    table = plain_table()
    column(table, "run")
    for key in parts:
        column(table, PARTS[key], right=True)
    for key in gaps:
        column(table, GAPS[key], right=True)
    column(table, "verdict")
    if any(apart):
        column(table, "differs")
    for name, view, differs in zip(names, views, apart, strict=True):
        errors = [_with_interval(view.error(key)) for key in parts]
        more = [differs] if any(apart) else []
        table.add_row(name, *errors, *(_short_gap(view.gap(key)) for key in gaps), _headline_only(view), *more)
    return table


def _with_interval(row: ErrorRow | None) -> str:
    if row is None:
        return ""
    return f"{row.value} ({row.interval})" if row.interval not in ("", "exact") else row.value


def _short_gap(row: GapRow | None) -> RenderableType:
    from rich.text import Text

    if row is None:
        return ""
    word = "?" if row.verdict == "undetermined" else row.verdict
    return Text.assemble(f"{row.value} ", (word.rjust(4), STYLES.get(row.verdict, "")))


def _headline_only(view: View) -> Text:
    headline = _headline(view)
    return headline[len("verdict: ") :]
