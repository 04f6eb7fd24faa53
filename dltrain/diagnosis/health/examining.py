"""A training's health: every check run that can be, and what could not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dltrain.diagnosis import changes
from dltrain.diagnosis.health import curves, layers, restraint
from dltrain.diagnosis.health.case import Case
from dltrain.diagnosis.health.catalogue import CATALOGUE
from dltrain.diagnosis.health.course import course_of
from dltrain.diagnosis.health.finding import Finding, Health, NotChecked
from dltrain.engine.beginning import Beginning

if TYPE_CHECKING:
    from dltrain.config import Plan

Need: TypeAlias = Callable[[Case], str | None]
"""Why a check cannot be made, or None. An empty text: there is nothing to check, and nothing to say."""


@dataclass(frozen=True, slots=True)
class _Check:
    find: Callable[[Case], Iterator[Finding]]
    ids: tuple[str, ...]
    needs: tuple[Need, ...] = ()


def examine(
    metrics: Sequence[Mapping[str, Any]],
    diagnosis: Mapping[str, Any],
    plan: Plan,
    beginning: Beginning | None = None,
    best_epoch: int | None = None,
) -> Health:
    """The health of a training from the lines of metrics.jsonl, its diagnosis (errors and gaps) and its config.

    `beginning`: its network before the first step; None where that is not known. `best_epoch`: the one that early
    stopping kept. A finding that another one brings about has no overrides of its own.
    """
    case = Case(course=course_of(metrics, best_epoch), plan=plan, diagnosis=diagnosis, beginning=beginning)
    found: list[Finding] = []
    missing: list[NotChecked] = []
    for check in CHECKS:
        reason = next((why for need in check.needs if (why := need(case)) is not None), None)
        if reason is None:
            found += check.find(case)
        elif reason:
            missing += [NotChecked(id=name, why=reason) for name in check.ids]
    return Health(findings=tuple(_in_order(_settled(found))), not_checked=tuple(missing))


def _settled(found: list[Finding]) -> list[Finding]:
    """Symptoms stand without overrides beside what brings them about, which they name."""
    there = {finding.id for finding in found if finding.severity == "warning"}
    settled = []
    for finding in found:
        causes = [cause for cause in CATALOGUE[finding.id].causes if cause in there]
        if causes:
            finding = replace(finding, why=f"{finding.why}; mend {causes[0]} first", overrides=())
        settled.append(finding)
    return settled


def _in_order(found: list[Finding]) -> list[Finding]:
    """Warnings before notes, each in the order of mending, then by layer."""
    rank = {name: place for place, name in enumerate(CATALOGUE)}
    return sorted(found, key=lambda one: (one.severity != "warning", rank[one.id], one.layer or 0))


# ---- what a check needs


def _epochs(fewest: int) -> Need:
    def enough(case: Case) -> str | None:
        n = len(case.course)
        return None if n >= fewest else f"{n} epoch{'' if n == 1 else 's'}: {fewest} are needed"

    return enough


def _dev(case: Case) -> str | None:
    return None if case.course.dev_error is not None else "there is no dev set"


def _layer_numbers(case: Case) -> str | None:
    return None if case.course.layers else "metrics.jsonl says nothing of the layers"


def _beginning(case: Case) -> str | None:
    if case.beginning is not None:
        return None
    return "its network before the first step is not known: it began with another run's parameters, or is an older run"


def _hidden(case: Case) -> str | None:
    return None if case.hidden else ""


def _activation(*kinds: str) -> Need:
    def there(case: Case) -> str | None:
        return None if any(layer.activation in kinds for layer in changes.layers_of(case.plan)) else ""

    return there


def _unscaled(case: Case) -> str | None:
    return None if changes.scaled_inputs(case.plan) else ""


def _dropout(case: Case) -> str | None:
    return None if case.drops else ""


FEW = _epochs(curves.FEWEST)
ONE = _epochs(1)
CHECKS = (
    _Check(curves.unscaled_inputs, ("unscaled-inputs",), (_unscaled, _beginning)),
    _Check(layers.symmetric_units, ("symmetric-units",), (_hidden, _beginning)),
    _Check(layers.exploding_gradients, ("exploding-gradients",), (_beginning,)),
    _Check(layers.vanishing_gradients, ("vanishing-gradients",), (_hidden, ONE, _layer_numbers)),
    _Check(curves.initial_loss, ("initial-loss",), (_beginning,)),
    _Check(restraint.over_regularized, ("over-regularized",), (ONE,)),
    _Check(layers.dead_units, ("dead-units",), (_activation("relu"), ONE, _layer_numbers)),
    _Check(layers.saturated_units, ("saturated-units",), (_activation("tanh", "sigmoid"), ONE, _layer_numbers)),
    _Check(layers.large_updates, ("large-updates",), (ONE, _layer_numbers)),
    _Check(layers.tiny_updates, ("tiny-updates",), (ONE, _layer_numbers)),
    _Check(curves.oscillating_cost, ("oscillating-cost",), (FEW,)),
    _Check(curves.plateau, ("plateau",), (FEW,)),
    _Check(curves.cost_not_falling, ("cost-not-falling", "no-better-than-chance"), (ONE,)),
    _Check(curves.still_falling, ("still-falling",), (_epochs(2),)),
    _Check(curves.overfitting, ("overfitting", "overconfident"), (_dev, FEW)),
    _Check(restraint.dropout_without_variance, ("dropout-without-variance",), (_dropout, ONE, _dev)),
)
