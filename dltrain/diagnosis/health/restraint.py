"""Regularization that does harm: a penalty that leaves nothing to learn, dropout where nothing overfits."""

from __future__ import annotations

from collections.abc import Iterator

from dltrain.diagnosis import changes
from dltrain.diagnosis.health import thresholds as at
from dltrain.diagnosis.health.case import Case, share
from dltrain.diagnosis.health.finding import Finding
from dltrain.diagnosis.rates import percent


def over_regularized(case: Case) -> Iterator[Finding]:
    """A penalty that outweighed the loss from the start, in a network that does not fit its training set."""
    course = case.course
    if not len(course) or not case.unfit or not course.cost[0] > 0:
        return
    part = float(course.penalty[0] / course.cost[0])
    if part < at.PENALTY:
        return
    yield Finding(
        id="over-regularized",
        severity="warning",
        evidence=f"the penalty is {share(part)} of the cost in epoch {course.epochs[0]}, and the training error is "
        f"{_error(case)} at epoch {course.epochs[course.kept]}",
        numbers={"penalty_share": part, "train_error": float(course.train_error[course.kept])},
        why="shrinking the weights pays more than fitting the data: lower lambd",
        overrides=changes.weaker(case.plan, 1000 if part > 0.95 else 100),
    )


def _error(case: Case) -> str:
    error = float(case.course.train_error[case.course.kept])
    return percent(error) if case.plan.facts.task != "regression" else f"{error:.3g}"


def dropout_without_variance(case: Case) -> Iterator[Finding]:
    """Dropout in a network that does not overfit (section 1.5: only use it when it does)."""
    gap = case.diagnosis["gaps"].get("variance")
    if not case.drops or gap is None or gap["point"] != "low":
        return
    yield Finding(
        id="dropout-without-variance",
        severity="warning" if case.unfit else "note",
        evidence=f"dropout is on, and the variance is {_gap(case, gap['value'])}"
        + (f", while the training error is {_error(case)}" if case.unfit else ""),
        numbers={"variance": gap["value"], "train_error": float(case.course.train_error[case.course.kept])},
        why="dropout is meant for overfitting; it costs bias, and with it J is not well defined",
        overrides=changes.without_dropout(case.plan),
    )


def _gap(case: Case, value: float) -> str:
    return percent(value) if case.plan.facts.task != "regression" else f"{value:.3g}"
