"""What to do next: the notes' basic recipe (section 1.3), ranked, with overrides that can be run.

What hinders training first, where the network does not fit; then bias, then variance, then mismatch, and back to the
start. What rests on an assumed Bayes error says so and comes after what does not. The curves are read by the checks
of `health`: a step that they contradict is not advised. No rate is tried for the sake of it: the findings that move
it (tiny-updates, oscillating-cost, ...) lie far apart, so that following one never leads back by another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dltrain.diagnosis import recipe
from dltrain.diagnosis.changes import Overrides
from dltrain.diagnosis.rates import percent
from dltrain.diagnosis.recipe import Advice, Curve
from dltrain.diagnosis.sizing import larger_parts

if TYPE_CHECKING:
    from dltrain.config import Plan

Remedy: TypeAlias = Callable[["Plan", Curve], Iterator[Advice]]

LEANING = 2
"""Pieces of advice for a gap that only leans high."""
ASSUMED = {
    "assumed": "if a Bayes error of 0 is right (set diagnosis.bayes_error): ",
    "estimated": "if the Bayes error is no higher than estimated (set diagnosis.bayes_error): ",
}


def said_once(whys: Sequence[str]) -> list[str]:
    """Reasons for people, in the order they are read: a condition that stood before is `if so`."""
    found, seen = [], set[str]()
    for why in whys:
        condition = next((words for words in ASSUMED.values() if why.startswith(words)), None)
        found.append(f"if so: {why.removeprefix(condition)}" if condition and condition in seen else why)
        seen |= {condition} if condition else set()
    return found


@dataclass(frozen=True, slots=True)
class _Case:
    """One of the three verdicts, with what there is to say about it."""

    name: str
    verdict: str
    point: str
    settle: Mapping[str, Any] | None
    assumed: str
    """The condition that it rests on; empty for none."""
    remedy: Remedy

    def pieces(self, plan: Plan, curve: Curve, most: int | None = None) -> list[Advice]:
        pieces = [piece.aimed(self.name) for piece in self.remedy(plan, curve)][:most]
        return [piece.with_condition(self.assumed) for piece in pieces] if self.assumed else pieces


def advise(diagnosis: Mapping[str, Any], plan: Plan, also: Overrides = ()) -> list[dict[str, Any]]:
    """Advice in the order of its worth: {action, why, overrides: [KEY=VALUE, ...]}, and `command` where a command
    other than `train` does it; RUN in it stands for the run. `diagnosis` has the findings as `health`, if any were
    looked for. `also` are overrides that go with each piece that has some.
    """
    return [piece.going_with(also).to_json() for piece in ranked(diagnosis, plan)]


def ranked(diagnosis: Mapping[str, Any], plan: Plan) -> list[Advice]:
    """The same with what each piece is against."""
    cases, curve = _cases(diagnosis), Curve(diagnosis.get("health"))
    high = [case for case in cases if case.verdict == "high"]
    open_cases = [case for case in cases if case.verdict == "undetermined"]
    unfit = any(case.name == "bias" and case.point == "high" for case in cases)
    mended = [piece.aimed("training") for piece in recipe.against_hindrances(curve)]
    advice = list(mended) if unfit else []
    advice += [piece for case in high for piece in case.pieces(plan, curve)]
    for case in open_cases:
        advice += [piece.aimed(case.name) for piece in _to_settle(case, plan, diagnosis)]
    if not high:
        advice += [piece for case in open_cases if case.point == "high" for piece in case.pieces(plan, curve, LEANING)]
    advice += [] if unfit else mended
    advice += [piece.aimed("done") for piece in _after(diagnosis, plan, done=not high and not open_cases)]
    return list(_once(advice))


def _once(advice: list[Advice]) -> Iterator[Advice]:
    """Each change a single time, where it ranks highest."""
    seen: set[tuple[str, ...]] = set()
    for piece in advice:
        if not piece.overrides or piece.overrides not in seen:
            seen.add(piece.overrides)
            yield piece


def _cases(diagnosis: Mapping[str, Any]) -> list[_Case]:
    """bias, variance and mismatch where they were measured; a bias against an assumed Bayes error comes last."""
    gaps = diagnosis["gaps"]
    assumed = ASSUMED.get(diagnosis["errors"]["bayes"]["source"], "")
    overfits = gaps["variance"] is not None and gaps["variance"]["point"] == "high"
    asked: list[tuple[str, str, Remedy]] = [
        ("bias", "avoidable_bias", partial(recipe.against_bias, overfits=overfits)),
        ("variance", "variance", recipe.against_variance),
        ("mismatch", "mismatch", recipe.against_mismatch),
    ]
    cases = [
        _Case(name, gap["verdict"], gap["point"], gap["settle"], assumed if name == "bias" else "", remedy)
        for name, key, remedy in asked
        if (gap := gaps[key]) is not None
    ]
    return sorted(cases, key=lambda case: bool(case.assumed))


def _to_settle(case: _Case, plan: Plan, diagnosis: Mapping[str, Any]) -> Iterator[Advice]:
    settle = case.settle
    if settle is None:
        return
    if settle["part"] == "bayes" and settle["more"] is None:
        yield from _bayes_error(case, diagnosis)
    elif settle["more"] is None:
        yield Advice(
            f"take {case.name} as it is: no reasonable {settle['part']} set settles it",
            "the gap is too close to the threshold",
        )
    else:
        yield _more_examples(case.name, settle, plan)


def _bayes_error(case: _Case, diagnosis: Mapping[str, Any]) -> Iterator[Advice]:
    """The command names the least Bayes error with which the bias is low: a person knows whether it is near that.

    None where that is 1 or more: the mean of the target alone has an error of 1.
    """
    least = max(0.0, diagnosis["errors"]["train"]["value"] - diagnosis["threshold"])
    rounded = math.ceil(1000 * least - 1e-9) / 1000
    if rounded >= 1:
        return
    shown = f"{rounded:g}" if diagnosis["task"] == "regression" else percent(rounded)
    yield Advice(
        "state the Bayes error: diagnosis.bayes_error",
        f"{case.name} can't be judged without the lowest error that is possible, such as that of an expert; from "
        f"{shown} on it is low",
        command=f"dltrain diagnose RUN --bayes-error {shown}",
    )


def _more_examples(name: str, settle: Mapping[str, Any], plan: Plan) -> Advice:
    wanted = {settle["part"]: settle["more"]}
    if "also" in settle:
        wanted[settle["also"]["part"]] = settle["also"]["more"]
    words = " and ".join(f"{more:,} more {part} examples" for part, more in wanted.items())
    overrides = larger_parts(plan, wanted)
    source = "taken from the training set" if overrides else "the data at hand can't spare them: collect more"
    return Advice(
        f"measure on {words} ({source})", f"{name} is undetermined; these settle it if {settle['if']}", overrides
    )


def _after(diagnosis: Mapping[str, Any], plan: Plan, done: bool) -> Iterator[Advice]:
    """When nothing is wrong the test part is looked at, once; and what came of a look."""
    test_gap = diagnosis["gaps"].get("test_gap")
    if test_gap is not None:
        if test_gap["verdict"] == "high":
            yield Advice(
                "get a larger or a new dev set",
                f"test is {percent(test_gap['value'])} worse than dev: choices were fitted to the dev set",
            )
        return
    if not done:
        return
    if plan.facts.parts.get("test"):
        yield Advice(
            "evaluate the test part, once",
            "bias and variance are low; the test error is the unbiased estimate as long as nothing was chosen by it",
            command="dltrain evaluate RUN --part test",
        )
    yield from recipe.needless_dropout(plan)
