"""A diagnosis in words and shares: what the terminal's table and the page's both draw.

Input is the plain data of `diagnosis.json`; here it is decided how many decimals a number deserves,
what a gap is called and, in `remarks`, what has to be said beside it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dltrain.diagnosis.advice import said_once
from dltrain.diagnosis.commands import in_run
from dltrain.report.formats import NOTHING, clean, count, number
from dltrain.report.remarks import remarks
from dltrain.report.writing import PARTS as PARTS
from dltrain.report.writing import Writer as Writer
from dltrain.report.writing import interval as interval
from dltrain.report.writing import writer
from dltrain.studies.over_seeds import RANDOMNESS

GAPS = {"avoidable_bias": "avoidable bias", "variance": "variance", "mismatch": "data mismatch", "test_gap": "test gap"}
BASELINES = {"majority": "majority class", "mean": "mean of the target", "linear": "linear model"}
COMMANDS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Span:
    """Where an error lies on the common scale of all errors: shares from 0 to 1."""

    low: float
    value: float
    high: float
    clipped: bool = False


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One part's error, or a baseline's."""

    key: str
    label: str
    value: str
    interval: str
    n: str
    rmse: str
    note: str
    span: Span
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class GapRow:
    """One gap, its verdict (`high`, `low` or `undetermined`) and what would settle it."""

    key: str
    label: str
    formula: str
    value: str
    interval: str
    verdict: str
    words: str
    settle: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """A piece of advice, with the command that follows it (empty where there is none)."""

    action: str
    why: str
    command: str


@dataclass(frozen=True, slots=True)
class View:
    """A whole diagnosis."""

    headline: str
    regression: bool
    interval_title: str
    errors: tuple[ErrorRow, ...]
    gaps: tuple[GapRow, ...]
    remarks: tuple[str, ...]
    steps: tuple[NextStep, ...]

    @property
    def has_rmse(self) -> bool:
        return any(row.rmse for row in self.errors)

    def error(self, key: str) -> ErrorRow | None:
        return next((row for row in self.errors if row.key == key), None)

    def gap(self, key: str) -> GapRow | None:
        return next((row for row in self.gaps if row.key == key), None)


def view_of(diagnosis: Mapping[str, Any], *, task: str | None = None, command: str | None = None) -> View:
    """The view of one diagnosis, the plain data of diagnosis.json.

    `command` is what the advice's overrides are added to; without it, training again from the config of
    `diagnosis["run"]`.
    """
    regression = (task or diagnosis.get("task")) == "regression"
    measured = {key: entry for key, entry in (diagnosis.get("errors") or {}).items() if entry}
    baselines = {key: entry for key, entry in (diagnosis.get("baselines") or {}).items() if entry}
    gaps = {key: entry for key, entry in (diagnosis.get("gaps") or {}).items() if entry}
    write = writer(regression, [*measured.values(), *baselines.values()])
    top = scale_of(measured.values())
    errors = [_error_row(key, PARTS.get(key, key), measured[key], write, top) for key in _known(PARTS, measured)]
    errors += [_error_row(k, BASELINES.get(k, k), baselines[k], write, top, True) for k in _known(BASELINES, baselines)]
    return View(
        headline=str(diagnosis.get("headline") or "no verdict"),
        regression=regression,
        interval_title=_interval_title(diagnosis),
        errors=tuple(errors),
        gaps=tuple(_gap_row(key, gaps[key], write, "train_dev" in measured) for key in _known(GAPS, gaps)),
        remarks=tuple(remarks(diagnosis, measured, regression)),
        steps=tuple(next_steps(diagnosis, command)),
    )


def _known(names: Mapping[str, str], given: Mapping[str, Any]) -> list[str]:
    return [key for key in names if key in given] + sorted(key for key in given if key not in names)


def _interval_title(diagnosis: Mapping[str, Any]) -> str:
    confidence = diagnosis.get("confidence")
    return f"{100 * confidence:g}% interval" if confidence else "interval"


def scale_of(entries: Iterable[Mapping[str, Any]]) -> float:
    """The right end of the bars: the largest error or end of an interval (baselines beyond it are clipped)."""
    ends = [entry.get(key) for entry in entries for key in ("value", "high")]
    return max((end for end in ends if end is not None and math.isfinite(end)), default=0.0)


def _span(entry: Mapping[str, Any], top: float) -> Span:
    value = entry.get("value")
    if top <= 0 or value is None or not math.isfinite(value):
        return Span(0.0, 0.0, 0.0)
    low, high = entry.get("low"), entry.get("high")
    shares = [min(max(end / top, 0.0), 1.0) for end in (value if low is None else low, value, high or value)]
    return Span(low=shares[0], value=shares[1], high=shares[2], clipped=value > top)


def _error_row(
    key: str, label: str, entry: Mapping[str, Any], write: Writer, top: float, baseline: bool = False
) -> ErrorRow:
    rmse = entry.get("rmse")
    return ErrorRow(
        key=key,
        label=label,
        value=write(entry.get("value")),
        interval="" if entry.get("n") is None else interval(entry.get("low"), entry.get("high"), write),
        n=_size(entry),
        rmse="" if rmse is None else number(rmse),
        note=_note(entry, baseline),
        span=_span(entry, top),
        baseline=baseline,
    )


def _size(entry: Mapping[str, Any]) -> str:
    if entry.get("n") is None:
        return ""
    seeds = " seed" if entry["n"] == 1 else " seeds"
    return count(entry["n"]) + (seeds if entry.get("of") == RANDOMNESS else "")


def _note(entry: Mapping[str, Any], baseline: bool) -> str:
    source = entry.get("source")
    words = ["baseline"] if baseline else []
    words += [str(source)] if source and source != "measured" else []
    words += [str(entry["of"])] if entry.get("of") else []
    words += ["selected"] if entry.get("selected") else []
    words += [weighted(entry)] if weighted(entry) else []
    words += ["t interval"] if entry.get("interval") in ("t", "t_skew") and not entry.get("of") else []
    return ", ".join(words)


def weighted(entry: Mapping[str, Any]) -> str:
    """`weighted: n_eff 204`, what the examples of a weighted error (or of groups) are worth; empty for a plain one."""
    n_eff = entry.get("n_eff")
    what = "clustered" if entry.get("interval") == "clustered" else "weighted"
    return "" if n_eff is None else f"{what}: n_eff {count(round(n_eff))}"


def _gap_row(key: str, entry: Mapping[str, Any], write: Writer, train_dev: bool) -> GapRow:
    held_out = "train-dev" if train_dev else "dev"
    formulas = {
        "avoidable_bias": "train − Bayes",
        "variance": f"{held_out} − train",
        "mismatch": "dev − train-dev",
        "test_gap": "test − dev",
    }
    verdict = str(entry.get("verdict") or "")
    return GapRow(
        key=key,
        label=GAPS.get(key, key),
        formula=formulas.get(key, ""),
        value=write(entry.get("value")),
        interval=interval(entry.get("low"), entry.get("high"), write),
        verdict=verdict,
        words=_verdict_words(verdict, entry.get("point")),
        settle=_settle(entry.get("settle")),
    )


def _verdict_words(verdict: str, point: object) -> str:
    return f"undetermined, leaning {point}" if verdict == "undetermined" and point else verdict or NOTHING


def _settle(settle: Mapping[str, Any] | None) -> str:
    if not settle:
        return ""
    condition, more = settle.get("if"), settle.get("more")
    if more is None:
        return f"settled if {clean(condition)}" if settle.get("part") == "bayes" else clean(condition or "")
    wanted = [settle, *([settle["also"]] if settle.get("also") else [])]
    parts = [f"{count(one['more'])} more {PARTS.get(one['part'], one['part'])}" for one in wanted]
    words = f"settled by {' and '.join(parts)} {'example' if more == 1 and len(parts) == 1 else 'examples'}"
    return f"{words}, if {clean(condition)}" if condition else words


def next_steps(diagnosis: Mapping[str, Any], command: str | None) -> Iterable[NextStep]:
    """The first pieces of advice, each with a command that can be pasted into a shell, where there is one."""
    run = diagnosis.get("run")
    if command is None:
        command = f"dltrain train {shlex.quote(f'{run}/config.resolved.yaml') if run else 'CONFIG'}"
    shown = list(diagnosis.get("advice") or ())[:COMMANDS_SHOWN]
    for entry, why in zip(shown, said_once([str(entry.get("why") or "") for entry in shown]), strict=True):
        yield NextStep(
            action=clean(entry.get("action") or ""),
            why=clean(why),
            command=clean(_command(entry, command, str(run or "latest"))),
        )


def _command(entry: Mapping[str, Any], command: str, run: str) -> str:
    if entry.get("command"):
        return shlex.join(in_run(entry["command"], run))
    overrides = [str(override) for override in entry.get("overrides") or ()]
    replaced = tuple(override.partition("=")[0] + "=" for override in overrides)
    kept = [word for word in shlex.split(command) if not word.startswith(replaced)] if replaced else []
    return shlex.join([*kept, *overrides])
