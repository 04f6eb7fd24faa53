"""What a plan's settings are likely to do, said before anything is trained. Advice refuses nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

from dltrain.config.characters import characters
from dltrain.config.plan import Plan
from dltrain.engine.architecture import BatchNorm
from dltrain.engine.augmentations import Flip, Rotate
from dltrain.engine.initializers import Zeros
from dltrain.engine.regularizers import L1, L2
from dltrain.engine.schedules import Manual

UPRIGHT = 60
"""Degrees by which a character may be turned and still be told from others."""
SMALL = 2_000
"""Training examples up to which batch gradient descent is the notes' advice (section 2.1)."""
USUAL = "a power of two from 64 to 1024"
"""The notes' mini-batch sizes for larger training sets."""


def advice(plan: Plan) -> list[str]:
    """One line for each thing worth saying."""
    of_training = (*_batch(plan), *_strength(plan), *_schedule(plan), *_adjustments(plan))
    return [*_dev(plan), *of_training, *_augment(plan), *_idle(plan)]


def needed_for(threshold: float, confidence: float) -> int:
    """Examples from which on no error among them lies below the threshold: z²/(n + z²) < threshold (Wilson)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return max(1, math.floor(z * z * (1 - threshold) / threshold) + 1) if threshold < 1 else 1


def _dev(plan: Plan) -> Iterator[str]:
    n = plan.facts.parts.get("dev", 0)
    if not n:
        yield "there is no dev set: nothing can tell overfitting, and no variance is diagnosed"
        return
    settings = plan.experiment.diagnosis
    needed = needed_for(settings.threshold, settings.confidence)
    if plan.facts.task != "regression" and n < needed:
        percent = f"{settings.threshold * 100:g} %"
        yield f"dev has {n} examples: a gap below {percent} cannot be shown; {needed} or more are needed"


def _batch(plan: Plan) -> Iterator[str]:
    m, size = plan.facts.m, plan.batch_size
    if size == m:
        if m > SMALL:
            yield f"batch gradient descent over m = {m} examples takes long steps; {USUAL} is usual"
    elif size == 1:
        yield f"batch_size 1 is noisy and loses the speed of large products; {USUAL} is usual"
    elif m <= SMALL:
        yield f"with m = {m} training examples batch gradient descent works well too: training.batch_size=full"
    elif size.bit_count() > 1 or not 64 <= size <= 1024:
        yield f"batch_size {size} is unusual for m = {m} training examples; {USUAL} is usual"


def _strength(plan: Plan) -> Iterator[str]:
    regularizer = plan.experiment.regularizer
    if isinstance(regularizer, (L1, L2)) and regularizer.lambd:
        share = regularizer.lambd / plan.batch_size
        yield f"λ/m = {regularizer.lambd:g}/{plan.batch_size} = {share:.3g}: a larger batch weakens the regularizer"


def _schedule(plan: Plan) -> Iterator[str]:
    schedule, training = plan.experiment.schedule, plan.experiment.training
    planned = training.epochs if schedule.per == "epoch" else training.steps
    unit = f"{schedule.per}s"
    if planned is None:
        return
    if schedule.warmup > planned:
        yield f"the warm-up takes {schedule.warmup} {unit} and training only {planned}: α0 is never reached"
    if isinstance(schedule, Manual):
        late = sorted(start for start in schedule.values if start > planned)
        if late:
            yield f"schedule.values from {schedule.per} {late[0]} on are never reached: training takes {planned} {unit}"


def _adjustments(plan: Plan) -> Iterator[str]:
    late = [adjustment.epoch for adjustment in plan.experiment.adjustments]
    epochs = plan.course().total(plan.facts.m)[0] if late else 0
    first = next((epoch for epoch in late if epoch > epochs + 1), None)  # one right after the last may end it there
    if first is not None:
        yield f"adjustments from epoch {first} on are never reached: training takes {epochs} epochs"


def _augment(plan: Plan) -> Iterator[str]:
    """Moves that make another character of a letter or digit."""
    kind = characters(plan)
    if kind == "no":
        return
    where = "" if kind == "yes" else ", if these are characters, as the names of their classes say"
    for one in plan.experiment.data.augment:
        if isinstance(one, Flip):
            yield f"warning: data.augment: flip mirrors pictures, and a flipped 2 is no 2: leave it out{where}"
        if isinstance(one, Rotate) and one.degrees > UPRIGHT:
            yield f"warning: data.augment: rotate by {one.degrees:g}° makes a 9 of a 6: turn by less{where}"


def _idle(plan: Plan) -> Iterator[str]:
    """Settings without effect, or that undo each other."""
    architecture = plan.experiment.architecture
    if not architecture.layers:
        if isinstance(architecture.batch_norm, BatchNorm):
            yield "batch_norm has no effect: there is no hidden layer"
        if architecture.keep_prob < 1:
            yield "keep_prob has no effect: there is no hidden layer (input_keep_prob is for the inputs)"
    elif any(isinstance(layer.initializer, Zeros) for layer in architecture.layers):
        yield "a hidden layer starts at zeros: its units stay equal to each other and learn one thing"
    if len(plan.facts.classes) == 2 and architecture.output == "softmax":
        yield "softmax with two classes is logistic regression with twice the parameters; sigmoid says the same"
