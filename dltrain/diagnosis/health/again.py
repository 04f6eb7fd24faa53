"""A training's health judged again, where another Bayes error was stated: some findings hold only while the network
errs, and some are a warning only then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltrain.diagnosis.health.catalogue import CATALOGUE
from dltrain.diagnosis.health.examining import examine

if TYPE_CHECKING:
    from dltrain.config import Plan

WHILE_IT_ERRS = (
    "over-regularized",
    "large-updates",
    "tiny-updates",
    "plateau",
    "cost-not-falling",
    "no-better-than-chance",
    "still-falling",
)
WARNING_WHILE_IT_ERRS = (
    "exploding-gradients",
    "vanishing-gradients",
    "saturated-units",
    "dropout-without-variance",
)
LATER = "it was judged without: diagnose stated a Bayes error with which the network errs"


def judged_again(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    plan: Plan,
    metrics: Sequence[Mapping[str, Any]],
    best_epoch: int | None = None,
) -> dict[str, Any]:
    """`health` and `not_checked` of the diagnosis `after`, which has the findings that were made when it was `before`.

    metrics: the lines of metrics.jsonl; those of an older release, or none at all, show no new finding.
    """
    kept = {key: list(before[key]) for key in ("health", "not_checked") if key in before}
    if "health" not in kept or _unfit(before) == _unfit(after):
        return kept
    unfit = _unfit(after)
    found = [one for one in kept["health"] if one["id"] not in WHILE_IT_ERRS]
    if unfit and metrics and all(line.get("train") and "loss" in line["train"] for line in metrics):
        new = examine(metrics, after, plan, best_epoch=best_epoch)
        found += [one.to_json() for one in new.findings if one.id in WHILE_IT_ERRS]
        named = {one["id"] for one in kept.get("not_checked", ())}
        if "cost-not-falling" not in named:
            kept["not_checked"] = [*kept.get("not_checked", ()), {"id": "cost-not-falling", "why": LATER}]
    side = "warning" if unfit else "note"
    found = [{**one, "severity": side} if one["id"] in WARNING_WHILE_IT_ERRS else one for one in found]
    return kept | {"health": _in_order(found)}


def _unfit(diagnosis: Mapping[str, Any]) -> bool:
    """Whether the training error stands above the Bayes error by more than the threshold, interval or not."""
    gap = diagnosis["gaps"].get("avoidable_bias")
    return gap is not None and gap["point"] == "high"


def _in_order(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Warnings before notes, each in the order of mending, then by layer."""
    rank = {name: place for place, name in enumerate(CATALOGUE)}
    last = len(rank)
    return sorted(found, key=lambda one: (one["severity"] != "warning", rank.get(one["id"], last), one["layer"] or 0))
