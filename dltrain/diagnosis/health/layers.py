"""What is wrong in the layers: dead, saturated and equal units, gradients that vanish or explode, steps too small."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dltrain.diagnosis import changes
from dltrain.diagnosis.health import thresholds as at
from dltrain.diagnosis.health.case import Case, layer_name, share
from dltrain.diagnosis.health.finding import Finding
from dltrain.engine.arrays import Floats
from dltrain.engine.health import SAMPLE

ONE_TENTH = 0.1


def dead_units(case: Case) -> Iterator[Finding]:
    """ReLU units that are 0 for every example: their gradient is 0 too, so they never come back."""
    for layer, value, since in _layers_above(case, "dead", at.DEAD):
        units = changes.layers_of(case.plan)[layer - 1].units
        yield Finding(
            id="dead-units",
            severity="warning",
            layer=layer,
            evidence=f"{share(value)} of the {units} units of layer {layer} are 0 for each of {_looked_at(case)} "
            f"training examples, more than {share(at.DEAD)} since epoch {since}",
            numbers={"share": value, "units": units, "since_epoch": since},
            why="a ReLU that is 0 everywhere gets no gradient and stays so; steps that are too long push it there",
            overrides=changes.learning_rate(case.plan, ONE_TENTH),
        )


def saturated_units(case: Case) -> Iterator[Finding]:
    """tanh or sigmoid values at the ends of their range, where the slope is almost 0."""
    for layer, value, since in _layers_above(case, "saturated", at.SATURATED):
        yield Finding(
            id="saturated-units",
            severity="warning" if case.unfit else "note",
            layer=layer,
            evidence=f"{share(value)} of the values of layer {layer} lie within 1 % of the ends of their range, more "
            f"than {share(at.SATURATED)} since epoch {since}",
            numbers={"share": value, "since_epoch": since},
            why="there the slope is almost 0, and so is the gradient of all layers below",
            overrides=changes.learning_rate(case.plan, ONE_TENTH),
        )


def _layers_above(case: Case, name: str, threshold: float) -> Iterator[tuple[int, float, int]]:
    """(layer, value, epoch since when) of the layers whose number is at or above the threshold in the model."""
    values = case.by_layer(name)
    kept = case.course.kept
    for layer in range(1, case.hidden + 1 if values is not None else 1):
        assert values is not None
        course = values[: kept + 1, layer - 1]
        if np.isfinite(course[-1]) and course[-1] >= threshold:
            below = np.flatnonzero(~(course >= threshold))
            first = int(below[-1]) + 1 if len(below) else 0
            yield layer, float(course[-1]), case.course.epochs[first]


def _looked_at(case: Case) -> str:
    return f"{min(case.plan.facts.m, SAMPLE):,}"


def symmetric_units(case: Case) -> Iterator[Finding]:
    """Units of equal weights get equal gradients: initialization has to break the symmetry."""
    twins = case.beginning.twins if case.beginning else ()
    ill = [layer for layer, value in enumerate(twins, start=1) if value >= at.TWINS]
    if ill:
        units = changes.layers_of(case.plan)[ill[0] - 1].units
        yield Finding(
            id="symmetric-units",
            severity="warning",
            layer=ill[0],
            evidence=f"{share(twins[ill[0] - 1])} of the {units} units of layer {ill[0]} began with the weights of "
            f"another and still have them{_and_others(ill)}",
            numbers={"share": twins[ill[0] - 1], "units": units, "layers": len(ill)},
            why="equal units get equal gradients and learn one thing for ever; random weights break the symmetry",
            overrides=changes.initializers(case.plan),
        )


def _and_others(layers: list[int]) -> str:
    return f", as in {len(layers) - 1} more layer{'s' if len(layers) > 2 else ''}" if len(layers) > 1 else ""


def vanishing_gradients(case: Case) -> Iterator[Finding]:
    """The gradient of a hidden layer next to that of the output layer (section 1.8)."""
    ratios = _gradient_ratios(case)
    if ratios is None or not (ratios < at.VANISHING).any() or not ratios.any():
        return
    layer = int(ratios.argmin()) + 1
    few = int((ratios < at.VANISHING).sum())
    when = "before the first step" if case.beginning else "in the middle epoch"
    plan = case.plan
    yield Finding(
        id="vanishing-gradients",
        severity="warning" if case.unfit else "note",
        layer=layer,
        evidence=f"the gradient of layer {layer} is {ratios.min():.1g} times that of the output layer {when}; "
        f"below {share(at.VANISHING)} in {few} of {case.hidden} hidden layers",
        numbers={"ratio": float(ratios.min()), "layers": few},
        why="each layer shrinks the gradient on its way back, so that the first ones hardly learn: weights of "
        "variance 2/n or 1/n, ReLU and batch norm keep its size",
        overrides=_keeps_gradients(case) or changes.batch_norm(plan),
    )


def _keeps_gradients(case: Case) -> tuple[str, ...]:
    """First ReLU in place of sigmoid, with its initializer; else each layer's own initializer."""
    sigmoid = any(layer.activation == "sigmoid" for layer in changes.layers_of(case.plan))
    own = changes.initializers(case.plan)
    if not sigmoid:
        return own
    rectified = changes.rectifiers(case.plan)
    keys = {override.partition("=")[0] for override in rectified}
    return rectified + tuple(override for override in own if override.partition("=")[0] not in keys)


def _gradient_ratios(case: Case) -> Floats | None:
    """Gradient norm of each hidden layer over the output layer's: (L − 1,), at the beginning where that was measured,
    else the median over the epochs."""
    if not case.hidden:
        return None
    if case.beginning is not None:
        norms = np.array(case.beginning.gradient_norms)
        return norms[:-1] / norms[-1] if norms[-1] > 0 else None
    found = case.by_layer("gradient_norm")
    if found is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        medians: Floats = np.median(found[:, :-1] / found[:, -1:], axis=0)
    return medians if np.isfinite(medians).all() else None


def exploding_gradients(case: Case) -> Iterator[Finding]:
    """Gradients that dwarf the weights before the first step: each layer multiplies what it passes on."""
    if case.beginning is None:
        return
    sizes = [case.plan.facts.n_x, *(layer.units for layer in changes.layers_of(case.plan))]
    pairs = zip(case.beginning.gradient_norms, case.beginning.weight_norms, sizes, strict=True)
    ratios = [g / (w * math.sqrt(n)) if w > 0 else 0.0 for g, w, n in pairs]
    layer = max(range(len(ratios)), key=lambda i: ratios[i]) + 1
    if not ratios[layer - 1] >= at.EXPLODING:
        return
    norm, weight = case.beginning.gradient_norms[layer - 1], case.beginning.weight_norms[layer - 1]
    yield Finding(
        id="exploding-gradients",
        severity="warning" if case.unfit else "note",
        layer=layer,
        evidence=f"before the first step the gradient of {layer_name(case, layer)} has norm {norm:.2g}, its weights "
        f"{weight:.2g}",
        numbers={"gradient_norm": norm, "weight_norm": weight, "ratio": ratios[layer - 1]},
        why="weights that are too large multiply through the layers: any step is then too long or too short",
        overrides=changes.initializers(case.plan) or ("optimizer.clip_norm=1",),
    )


def tiny_updates(case: Case) -> Iterator[Finding]:
    """Steps that hardly change the weights, while the network still errs."""
    medians = _update_ratios(case)
    if medians is None or not case.unfit or not medians.max() < at.TINY_UPDATE:
        return
    ratio = float(medians.max())
    factor = 10.0 ** min(4, round(-math.log10(max(ratio, 1e-12) / 1e-3)))
    yield Finding(
        id="tiny-updates",
        severity="warning",
        evidence=f"no layer changed by more than {ratio:.1g} of its weights in a step (median over "
        f"{len(case.course)} epochs); about 0.001 is usual",
        numbers={"update_ratio": ratio},
        why="at this pace the weights need thousands of steps to move: the learning rate is too low",
        overrides=changes.learning_rate(case.plan, factor),
    )


def large_updates(case: Case) -> Iterator[Finding]:
    """Steps that throw the weights about."""
    medians = _update_ratios(case)
    if medians is None or not case.unfit or not medians.max() > at.LARGE_UPDATE:
        return
    layer, ratio = int(medians.argmax()) + 1, float(medians.max())
    yield Finding(
        id="large-updates",
        severity="warning",
        layer=layer,
        evidence=f"a step changes {layer_name(case, layer)} by {share(ratio)} of its weights (median over "
        f"{len(case.course)} epochs); about 0.1 % is usual",
        numbers={"update_ratio": ratio},
        why="steps this long undo each other: the learning rate is too high",
        overrides=changes.learning_rate(case.plan, ONE_TENTH),
    )


def _update_ratios(case: Case) -> Floats | None:
    """Median over the epochs of each layer's ‖Δθ‖/‖θ‖: (L,)."""
    found = case.by_layer("update_ratio")
    return None if found is None else np.median(found, axis=0)
