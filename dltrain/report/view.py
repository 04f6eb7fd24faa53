"""A diagnosis in words and shares: what the terminal's table and the page's both draw.

Input is the plain data of `diagnosis.json`; here it is decided how many decimals a number deserves,
what a gap is called and what has to be said beside it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltrain.diagnosis.advice import said_once
from dltrain.diagnosis.commands import in_run
from dltrain.report.formats import NOTHING, clean, count, fixed, number, percent, rate_decimals
from dltrain.studies.over_seeds import RANDOMNESS

PARTS = {"bayes": "Bayes", "train": "train", "train_dev": "train-dev", "dev": "dev", "test": "test"}
GAPS = {"avoidable_bias": "avoidable bias", "variance": "variance", "mismatch": "data mismatch", "test_gap": "test gap"}
EXISTENCE = {"mismatch": "a data mismatch", "test_gap": "a test gap"}
"""Gaps of which it is asked whether there is one at all."""
HELD_OUT = {"dev": "the dev error", "train_dev": "the train-dev error", "test": "the test error"}
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
    write = _writer(regression, [*measured.values(), *baselines.values()])
    top = scale_of(measured.values())
    errors = [_error_row(key, PARTS.get(key, key), measured[key], write, top) for key in _known(PARTS, measured)]
    errors += [_error_row(k, BASELINES.get(k, k), baselines[k], write, top, True) for k in _known(BASELINES, baselines)]
    return View(
        headline=str(diagnosis.get("headline") or "no verdict"),
        regression=regression,
        interval_title=_interval_title(diagnosis),
        errors=tuple(errors),
        gaps=tuple(_gap_row(key, gaps[key], write, "train_dev" in measured) for key in _known(GAPS, gaps)),
        remarks=tuple(_remarks(diagnosis, measured, regression)),
        steps=tuple(next_steps(diagnosis, command)),
    )


def _known(names: Mapping[str, str], given: Mapping[str, Any]) -> list[str]:
    return [key for key in names if key in given] + sorted(key for key in given if key not in names)


def _interval_title(diagnosis: Mapping[str, Any]) -> str:
    confidence = diagnosis.get("confidence")
    return f"{100 * confidence:g}% interval" if confidence else "interval"


Writer = Callable[[float | None], str]


def _writer(regression: bool, entries: Sequence[Mapping[str, Any]]) -> Writer:
    values = [entry.get("value") for entry in entries]
    if regression:
        small = all(abs(value) < 0.01 for value in values if value)
        return lambda value: fixed(value, 5 if small else 3)
    decimals = rate_decimals(((entry.get("with_rows") or entry).get("n") for entry in entries), values)
    return lambda value: percent(value, decimals)


def interval(low: float | None, high: float | None, write: Writer) -> str:
    """`1.7 to 5.4%`; empty where no interval is known."""
    if low is None or high is None:
        return ""
    if low == high:
        return "exact"
    return f"{write(low).removesuffix('%')} to {write(high)}"


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
    return f"{count(entry['n'])} seeds" if entry.get("of") == RANDOMNESS else count(entry["n"])


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


def _remarks(diagnosis: Mapping[str, Any], errors: Mapping[str, Any], regression: bool) -> Iterable[str]:
    if regression:
        yield "error: mean squared error over the variance of the target in training; 1 − R² where parts vary alike."
        if any(entry.get("rmse") is not None for entry in errors.values()):
            yield "RMSE is in the units of the target."
    if errors.get("bayes", {}).get("source") == "assumed":
        bias = (diagnosis.get("verdict") or {}).get("bias")
        start = "high bias if a Bayes error of 0 is right" if bias == "high" else "a Bayes error of 0 is assumed"
        typed = errors.get("train", {}).get("source") == "typed"
        yield f"{start}: {'give --bayes-error' if typed else 'set diagnosis.bayes_error'}."
    yield from _of_bayes(errors.get("bayes", {}), errors)
    yield from _of_seeds(errors, regression)
    if errors.get("dev", {}).get("selected"):
        yield "dev chose this model (selected), so its error is a little optimistic."
    looks = errors.get("test", {}).get("looks") or {}
    if looks.get("looks", 0) > 1:
        by = "" if looks["runs"] == 1 else f", by {count(looks['runs'])} runs"
        yield f"the test rows were looked at {count(looks['looks'])} times{by}: choosing by them makes them a dev set."
    yield from _of_training(errors.get("train", {}), errors.get("dev") or {}, regression)
    if any(entry.get("interval") == "clustered" for entry in errors.values()):
        yield "rows come in groups or in time (clustered): n_eff is how many independent examples they are worth."
    dev, linear = errors.get("dev"), (diagnosis.get("baselines") or {}).get("linear")
    if dev and linear and linear["value"] <= dev["value"]:
        yield "the linear model does as well: architecture.layers=[] is the simpler network."
    threshold = diagnosis.get("threshold")
    if threshold is not None:
        shown = fixed(threshold, 3) if regression else percent(threshold, rate_decimals((), [threshold]))
        gaps = diagnosis.get("gaps") or {}
        any_at_all = [words for key, words in EXISTENCE.items() if gaps.get(key)]
        other = f" ({' or '.join(any_at_all)}: any above 0)" if any_at_all else ""
        yield f"a gap above {shown} is high{other}; intervals are per gap, not joint."


def _of_seeds(errors: Mapping[str, Any], regression: bool) -> Iterable[str]:
    """What the intervals of a study of seeds are of."""
    if all(entry.get("of") != RANDOMNESS for entry in errors.values()):
        return
    known = {part: entry["with_rows"] for part, entry in errors.items() if entry.get("with_rows")}
    write = _writer(regression, [*known.values(), *({"value": errors[part]["value"]} for part in known)])
    ends = [f"{PARTS.get(part, part)} {interval(found['low'], found['high'], write)}" for part, found in known.items()]
    yield "intervals of errors: mean and t over seeds, on the same rows (training randomness only)."
    if ends:
        yield f"on other seeds and other rows: {', '.join(ends)}; gaps and verdicts go by both."


def _of_bayes(bayes: Mapping[str, Any], errors: Mapping[str, Any]) -> Iterable[str]:
    """Where the Bayes error comes from, if it was neither stated nor assumed; and held-out errors that are lower."""
    lower = [words for part, words in HELD_OUT.items() if _is_below(errors.get(part) or {}, bayes)]
    if lower and bayes.get("source") != "estimated":
        yield f"{lower[0]} is below this Bayes error, interval and all: the true one is lower than that."
    if bayes.get("source") == "human":
        yield "the Bayes error is taken to be that of people (diagnosis.human_error); it may be lower."
    if bayes.get("source") == "estimated":
        rows = f" ({count(bayes['rows'])} training rows)" if bayes.get("rows") else ""
        yield (
            f"the Bayes error is estimated from equal inputs with other targets{rows}: a lower bound, so a high bias "
            "is high only if it is no higher: set diagnosis.bayes_error."
        )


def _is_below(entry: Mapping[str, Any], bayes: Mapping[str, Any]) -> bool:
    """Whether the whole interval of an error lies below that of the Bayes error."""
    least = bayes.get("value") if bayes.get("low") is None else bayes["low"]
    high = entry.get("high")
    return high is not None and least is not None and bool(high < least)


def _of_training(train: Mapping[str, Any], dev: Mapping[str, Any], regression: bool) -> Iterable[str]:
    """What dropout, batch norm's averages and augmentation do to the gap, where they are on."""
    clean = train.get("value")
    modes = {
        "with_batch_statistics": "batch norm's batch statistics",
        "with_dropout": "dropout",
        "with_augmentation": "augmentation",
    }
    known = [(words, train[key]) for key, words in modes.items() if train.get(key) is not None]
    if clean is None or not known:
        return
    write: Writer = (lambda value: fixed(value, 3)) if regression else (lambda value: percent(value, 1))
    parts, last = [], clean
    for words, value in known:
        parts.append(f"{write(value)} with {words} ({'+' if value >= last else '−'}{write(abs(value - last))})")
        last = value
    more = last - clean
    owed = f", so the gap to dev would look {write(abs(more))} {'smaller' if more > 0 else 'larger'}"
    yield (
        f"train is measured clean: {write(clean)}. In training mode it is {' and '.join(parts)}"
        f"{owed if dev and more else ''}."
    )


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
