"""The basic recipe as the notes draw it (section 1.3): high bias? high variance? done, and back to the start.

Each question has its answer from the diagnosis and the ranked advice that answers a yes. Whether training itself goes
well is asked first, and after the variance whether the data are mismatched.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltrain.diagnosis.advice import ranked
from dltrain.diagnosis.changes import Overrides
from dltrain.diagnosis.commands import in_run
from dltrain.diagnosis.rates import percent
from dltrain.diagnosis.recipe import LEARNING_CURVE, Advice, Curve

if TYPE_CHECKING:
    from dltrain.config import Plan

QUESTIONS = {
    "training": "does training go well?",
    "bias": "high bias?",
    "variance": "high variance?",
    "mismatch": "data mismatch?",
    "done": "done?",
}
GAP = {"bias": "avoidable_bias", "variance": "variance", "mismatch": "mismatch"}
FORMULA = {"bias": "train − Bayes", "variance": "{held_out} − train", "mismatch": "dev − train-dev"}
LITTLE = 0.1
"""Twice the data that would close less than this share of the variance are advised last."""


def flowchart(
    diagnosis: Mapping[str, Any],
    plan: Plan,
    run: str,
    curve: Mapping[str, Any] | None = None,
    also: Overrides = (),
) -> list[dict[str, Any]]:
    """The questions in their order, each {aim, question, answer, why, steps}.

    answer: yes, no, open (`undetermined`) or not asked; why: what it rests on, in words. steps: {rank, action, why,
    overrides, command} with ranks over all questions, the best first; command (null where there is none) is a line for
    a shell, `run` the path of the run in it. `curve` is what a learning curve of the same
    config came to ({study, m, twice}); what twice the data would buy then stands at the step that asks for more. `also`
    are overrides that go with each step that has some.
    """
    pieces = [piece.going_with(also) for piece in ranked(diagnosis, plan)]
    if curve is not None:
        pieces = _told(pieces, diagnosis, curve)
    steps: dict[str, list[dict[str, Any]]] = {aim: [] for aim in QUESTIONS}
    for rank, piece in enumerate(pieces, start=1):
        steps[piece.aim].append({"rank": rank, **piece.to_json(), "command": command_of(piece, run)})
    answers = dict(_answers(diagnosis))
    return [
        {"aim": aim, "question": question, **answers[aim], "steps": steps[aim]} for aim, question in QUESTIONS.items()
    ]


def command_of(piece: Advice, run: str) -> str | None:
    """The line for a shell that does it."""
    if piece.command is not None:
        return shlex.join(in_run(piece.command, run))
    if not piece.overrides:
        return None
    return shlex.join(["dltrain", "train", f"{run}/config.resolved.yaml", *piece.overrides])


def _answers(diagnosis: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "training", _of_training(diagnosis)
    for aim in GAP:
        yield aim, _of_gap(aim, diagnosis)
    gaps = [gap for key in GAP.values() if (gap := diagnosis["gaps"][key]) is not None]
    done = all(gap["verdict"] == "low" for gap in gaps)
    why = "nothing is high or open" if done else "what is high or open comes first, then back to the start"
    yield "done", {"answer": "yes" if done else "no", "why": why}


def _of_training(diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    if diagnosis.get("health") is None:
        return {"answer": "not asked", "why": "the run's curves were not examined"}
    hindrances = Curve(diagnosis["health"]).hindrances
    names = ", ".join(dict.fromkeys(found["id"] for found in hindrances))
    return {"answer": "no", "why": names} if hindrances else {"answer": "yes", "why": "no finding speaks against it"}


def _of_gap(aim: str, diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    gap = diagnosis["gaps"][GAP[aim]]
    if gap is None:
        missing = "no train-dev part: split.train_dev=0.05" if aim == "mismatch" else "there is no dev part"
        return {"answer": "not asked", "why": missing}
    held_out = "train-dev" if diagnosis["errors"].get("train_dev") else "dev"
    why = f"{FORMULA[aim].format(held_out=held_out)} = {_with_interval(gap, diagnosis)}"
    if aim == "bias" and diagnosis["errors"]["bayes"]["source"] in ("assumed", "estimated"):
        why += f", with a Bayes error that is {diagnosis['errors']['bayes']['source']}"
    if gap["verdict"] == "undetermined":
        return {"answer": "open", "why": f"{why}: undetermined, leaning {gap['point']}"}
    return {"answer": "yes" if gap["verdict"] == "high" else "no", "why": why}


def _with_interval(entry: Mapping[str, Any], diagnosis: Mapping[str, Any]) -> str:
    value, low, high = (_written(entry.get(key), diagnosis) for key in ("value", "low", "high"))
    exact = entry.get("low") is None or entry.get("low") == entry.get("high")
    return value if exact else f"{value} [{low}, {high}]"


def _written(value: float | None, diagnosis: Mapping[str, Any]) -> str:
    if value is None:
        return ""
    text = f"{value:.3f}" if diagnosis["task"] == "regression" else percent(round(value, 4))
    return text.replace("-", "−")


def _told(pieces: Sequence[Advice], diagnosis: Mapping[str, Any], curve: Mapping[str, Any]) -> list[Advice]:
    """With what twice the data would buy said where more are asked for; that advice goes last of its question when it
    is little."""
    twice = curve.get("twice")
    if twice is None:
        return list(pieces)
    buys = twice["buys"]
    variance = diagnosis["gaps"]["variance"]
    little = variance is not None and buys["value"] < LITTLE * max(variance["value"], 0.0)
    said = (
        f"the learning curve {curve['study']} says that {twice['m']:,} in place of {curve['m']:,} would take off "
        f"{_with_interval(buys, diagnosis)} of dev error{', which is little' if little else ''}"
    )
    if not little:
        return [_with_curve(piece, said) if _asks_for_data(piece) else piece for piece in pieces]
    last = [_with_curve(piece, said) for piece in pieces if _asks_for_data(piece)]
    rest = [piece for piece in pieces if not _asks_for_data(piece)]
    end = max((i for i, piece in enumerate(rest) if piece.aim == "variance"), default=len(rest) - 1)
    return [*rest[: end + 1], *last, *rest[end + 1 :]]


def _asks_for_data(piece: Advice) -> bool:
    more = ("data.train_limit=null", "data.limit=null")
    return piece.command == LEARNING_CURVE or any(override in more for override in piece.overrides)


def _with_curve(piece: Advice, said: str) -> Advice:
    """The curve is there: its command is no next step any more."""
    known = piece.why.partition("; the learning curve says")[0]
    return replace(piece, why=f"{known}; {said}", command=None)
