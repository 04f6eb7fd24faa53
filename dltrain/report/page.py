"""One or several runs as one HTML page that opens offline: nothing is fetched, nothing leaves it.

A Content-Security-Policy in the page says so to the browser: no request of any kind, and no script but the two
whose hashes it names, so that even a name that got through the escaping could not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from dltrain.report.charts import Chart, compare_dev_errors, curves, measures, reliability, scatter
from dltrain.report.formats import clean, count, number
from dltrain.report.health import HealthView, health_of
from dltrain.report.predictions import Confusion, Example, confusion_of, worst_of
from dltrain.report.view import View, view_of

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """All that a page shows of a run, as plain data.

    `run` is run.json (its `best_epoch`, where given, is the epoch that early stopping kept), `metrics` the
    lines of metrics.jsonl, `diagnosis` diagnosis.json, `config_text` config.resolved.yaml. `predictions` are those
    of the dev part (of the training part where there is no dev): lists `rows`, `y`, `predicted` (class numbers,
    or values in units of the target) and `probability` (one list a row with the probabilities of all classes, or
    one number: of class 1 when binary, else of the predicted class).
    """

    id: str
    run: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    diagnosis: Mapping[str, Any] | None = None
    config_text: str = ""
    predictions: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    """Of those predictions, as `metrics` of the diagnosis has it."""
    adjustments: Sequence[tuple[int, str]] = ()
    """The epochs from which something else held, and what."""
    classes: Sequence[str] = ()
    task: str = "multiclass"


@dataclass(frozen=True, slots=True)
class Section:
    """A run as the template reads it."""

    anchor: str
    id: str
    state: str
    summary: tuple[str, ...]
    view: View | None
    health: HealthView | None
    curves: Chart | None
    measures: tuple[Chart, ...]
    adjustments: tuple[tuple[int, str], ...]
    scatter: Chart | None
    reliability: Chart | None
    confusion: Confusion | None
    worst: tuple[Example, ...]
    part: str
    config: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    open: bool


def render_page(records: Sequence[RunRecord], *, title: str | None = None) -> str:
    """The page of `records` as one string of HTML. Equal records give equal bytes."""
    sections = [_section(i, record, len(records)) for i, record in enumerate(records)]
    comparison = compare_dev_errors({r.id: (r.metrics, r.task) for r in records}) if len(records) > 1 else None
    scripts = {"uplot": _text("vendor/uPlot.iife.min.js"), "charts_script": _text("templates/report.js")}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=clean(title or (records[0].id if len(records) == 1 else f"{len(records)} runs")),
            sections=sections,
            comparison=comparison,
            charts=_script_json(_charts(comparison, sections)),
            styles=_text("vendor/uPlot.min.css") + "\n" + _text("templates/report.css"),
            policy=_policy(scripts.values()),
            **scripts,
        )
    )


def render_template(name: str, *, title: str, charts: Sequence[Chart], **fields: object) -> str:
    """Another page of the same make: its template's fields, charts and scripts. Equal fields give equal bytes."""
    scripts = {"uplot": _text("vendor/uPlot.iife.min.js"), "charts_script": _text("templates/report.js")}
    return (
        _environment()
        .get_template(name)
        .render(
            title=clean(title),
            charts=charts,
            charts_json=_script_json([chart.to_json() for chart in charts]),
            styles=_text("vendor/uPlot.min.css") + "\n" + _text("templates/report.css"),
            policy=_policy(scripts.values()),
            **scripts,
            **fields,
        )
    )


def render_still(name: str, *, title: str, **fields: object) -> str:
    """A page without scripts, whose pictures lie in it. Equal fields give equal bytes."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    styles = _text("templates/report.css")
    return _environment().get_template(name).render(title=clean(title), styles=styles, policy=policy, **fields)


def load_templates() -> None:
    """Compiles what a page is made of, for a process that draws many, or forks ones that do."""
    from importlib.resources import files

    for file in (files("dltrain.report") / "templates").iterdir():
        if file.name.endswith(".j2"):
            _environment().get_template(file.name)


def _section(i: int, record: RunRecord, total: int) -> Section:
    best = record.run.get("best_epoch")
    anchor = f"run-{i + 1}"
    regression = record.task == "regression"
    predictions = record.predictions
    adjusted = [epoch for epoch, _ in record.adjustments]
    return Section(
        anchor=anchor,
        id=clean(record.id),
        state=clean(record.run.get("state") or "unknown"),
        summary=tuple(_summary(record)),
        view=view_of(record.diagnosis, task=record.task) if record.diagnosis else None,
        health=health_of({"run": record.id, **record.diagnosis}) if record.diagnosis else None,
        curves=curves(f"{anchor}-curves", record.metrics, record.task, best, adjusted),
        measures=tuple(measures(anchor, record.metrics, record.task, best, adjusted)),
        adjustments=tuple((epoch, clean(words)) for epoch, words in record.adjustments),
        scatter=scatter(f"{anchor}-scatter", predictions) if predictions and regression else None,
        reliability=reliability(f"{anchor}-reliability", record.calibration) if record.calibration else None,
        confusion=confusion_of(predictions, record.classes) if predictions and not regression else None,
        worst=tuple(worst_of(predictions, record.classes, record.task)) if predictions else (),
        part="dev" if any(line.get("dev") for line in record.metrics) else "training",
        config=tuple(_config_lines(record.config_text)),
        facts=tuple(_facts(record.run)),
        open=total <= 3 or i == 0,
    )


def _summary(record: RunRecord) -> list[str]:
    words = [clean(record.task)]
    if record.metrics:
        last = record.metrics[-1]
        words.append(f"{count(last['epoch'])} {'epoch' if last['epoch'] == 1 else 'epochs'}")
        words.append(f"{count(last['step'])} steps")
    if record.run.get("best_epoch"):
        words.append(f"epoch {count(record.run['best_epoch'])} kept")
    if kinds := _augmented(record.run):
        words.append(f"augmented: {', '.join(kinds)}")
    return words


def _augmented(run: Mapping[str, Any]) -> list[str]:
    """The kinds of data.augment, as run.json has the settled config."""
    settled = (run.get("given") or {}).get("resolved") or {}
    return [clean(one["kind"]) for one in (settled.get("data") or {}).get("augment") or ()]


def _config_lines(text: str) -> list[tuple[str, str]]:
    """Each line as (setting, comment): where a value came from is dimmed beside it."""
    lines = []
    for line in text.splitlines():
        head, mark, comment = f" {line}".partition(" #")
        lines.append(
            (clean_config(head[1:]), mark.strip() + clean_config(comment)) if mark else (clean_config(line), "")
        )
    return lines


def clean_config(text: str) -> str:
    """As `clean`, with the blanks kept: they are YAML's structure."""
    return clean(text.replace("\t", "    "))


def _facts(run: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """run.json flattened: `versions.numpy` 2.3.1."""
    facts: list[tuple[str, str]] = []
    for key, value in run.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            facts += _facts(value, f"{name}.")
        elif value is not None:
            shown = number(value, 6) if isinstance(value, float) else value
            facts.append((clean(name), clean(", ".join(map(str, shown)) if isinstance(shown, list) else shown)))
    return facts


def _charts(comparison: Chart | None, sections: Sequence[Section]) -> list[dict[str, Any]]:
    charts = [comparison]
    for section in sections:
        charts += [section.curves, *section.measures, section.scatter, section.reliability]
    return [chart.to_json() for chart in charts if chart is not None]


def _script_json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(scripts: Any) -> str:
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@cache
def _text(name: str) -> str:
    return resources.files("dltrain.report").joinpath(name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: _text(f"templates/{name}")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["minus"] = lambda text: str(text).replace("-", "−")
    environment.filters["share"] = lambda share: f"{100 * share:.2f}%"
    return environment
