"""What has to be said beside a diagnosis: where numbers come from, and what they do not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dltrain.report.formats import count, fixed, percent, rate_decimals
from dltrain.report.writing import PARTS, Writer, interval, writer
from dltrain.studies.over_seeds import RANDOMNESS

EXISTENCE = {"mismatch": "a data mismatch", "test_gap": "a test gap"}
"""Gaps of which it is asked whether there is one at all."""
HELD_OUT = {"dev": "the dev error", "train_dev": "the train-dev error", "test": "the test error"}


def remarks(diagnosis: Mapping[str, Any], errors: Mapping[str, Any], regression: bool) -> Iterable[str]:
    """Sentences on the errors that were measured, the diagnosis's that are not null."""
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
    write = writer(regression, [*known.values(), *({"value": errors[part]["value"]} for part in known)])
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
