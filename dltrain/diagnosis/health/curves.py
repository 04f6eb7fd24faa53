"""What the curves say: a bad start, a cost that does not fall, flattens, swings or still falls, and overfitting."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dltrain.diagnosis import changes
from dltrain.diagnosis.health import thresholds as at
from dltrain.diagnosis.health.case import Case, share
from dltrain.diagnosis.health.course import smooth
from dltrain.diagnosis.health.finding import Finding, Number
from dltrain.engine.arrays import Floats

FEWEST = 5
"""Epochs below which a curve has no shape."""
CHANCES = {"sigmoid": "log 2", "softmax": "log C", "linear": "½"}


def initial_loss(case: Case) -> Iterator[Finding]:
    """The loss before the first step against that of guessing: −log(1/C)."""
    begin = case.beginning
    if begin is None or not begin.loss >= at.INITIAL_LOSS * case.chance:
        return
    usual = CHANCES.get(str(case.plan.experiment.architecture.output), "chance")
    yield Finding(
        id="initial-loss",
        severity="warning",
        evidence=f"the loss before the first step is {begin.loss:.3g} on {begin.examples:,} training examples; "
        f"guessing gives {case.chance:.3g} (about {usual})",
        numbers={"loss": begin.loss, "chance": case.chance},
        why="the network starts out sure and wrong, and has to unlearn that first: its weights or inputs are too large",
        overrides=changes.scaled_inputs(case.plan) or changes.initializers(case.plan),
    )


def unscaled_inputs(case: Case) -> Iterator[Finding]:
    """Inputs far from variance 1 (section 1.7)."""
    begin, scaled = case.beginning, changes.scaled_inputs(case.plan)
    if begin is not None and scaled and begin.input_rms >= at.INPUT_RMS:
        yield Finding(
            id="unscaled-inputs",
            severity="warning",
            evidence=f"the largest input has a root mean square of {begin.input_rms:.3g}, and data.normalize is none",
            numbers={"input_rms": begin.input_rms},
            why="inputs of one scale, about 1, make the cost's bowl round: steps can be larger, and initialization "
            "counts on it",
            overrides=scaled,
        )


def cost_not_falling(case: Case) -> Iterator[Finding]:
    """A cost that ends where it was before the first step, though its gradient is not small; or no lower than that of
    guessing, whatever it was."""
    if flat_end(case) is not None or not case.unfit:
        return
    begin, last = case.beginning, float(case.course.train_loss[case.course.kept])
    if begin is not None and begin.loss - last < at.NO_FALL * case.chance and case.loss >= at.HALF_WAY:
        yield Finding(
            id="cost-not-falling",
            severity="warning",
            evidence=f"the training loss is {last:.3g} at epoch {_kept(case)} and was {begin.loss:.3g} before the "
            f"first step; guessing gives {case.chance:.3g}",
            numbers={"first": begin.loss, "last": last, "chance": case.chance},
            why="nothing was learned",
            overrides=changes.adam(case.plan),
        )
    elif case.loss >= at.AT_CHANCE:
        yield Finding(
            id="no-better-than-chance",
            severity="warning",
            evidence=f"the training loss is {last:.3g} at epoch {_kept(case)}; guessing gives {case.chance:.3g}",
            numbers={"loss": last, "chance": case.chance},
            why="the network predicts no better than one that always says the same",
            overrides=changes.bigger(case.plan),
        )


def _kept(case: Case) -> int:
    return case.course.epochs[case.course.kept]


def flat_end(case: Case) -> int | None:
    """The place from which on the training loss is flat to its end and the gradient small; None where it is not."""
    course = case.course
    moves = np.abs(np.diff(course.train_loss)) / case.chance
    moving = np.flatnonzero(moves >= at.FLAT)
    start = int(moving[-1]) + 1 if len(moving) else 0
    long_enough = len(course) - 1 - start >= max(FEWEST, 2 * course.last_tenth)
    return start if long_enough and _small_gradient(case, start) else None


def _small_gradient(case: Case, start: int) -> bool:
    """Whether the gradient is small from a place on, beside its largest or by itself."""
    norms = case.course.grad_norm
    now = float(np.median(norms[start:]))
    return bool(now < at.FLAT_GRADIENT * np.nanmax(norms) or now < at.SMALL_GRADIENT)


def plateau(case: Case) -> Iterator[Finding]:
    """Flat, with a small gradient: a plateau, or as low as this network gets. In so many dimensions a bad local
    optimum is unlikely (section 3 of the notes)."""
    start = flat_end(case)
    if start is None or not case.unfit:
        return
    at_chance = case.loss >= at.AT_CHANCE
    norm = float(np.median(case.course.grad_norm[start:]))
    adam = changes.adam(case.plan)
    yield Finding(
        id="plateau",
        severity="warning" if at_chance else "note",
        evidence=f"the training loss stays at {case.course.train_loss[-1]:.3g} from epoch {case.course.epochs[start]} "
        f"to {case.course.epochs[-1]}, with a gradient of norm {norm:.2g}"
        + (f"; guessing gives {case.chance:.3g}" if at_chance else ""),
        numbers={"loss": float(case.course.train_loss[-1]), "since_epoch": case.course.epochs[start], "gradient": norm},
        why="flat with a small gradient is a plateau, or as low as this network gets: "
        + ("Adam crosses plateaus faster" if adam else "a bigger network or other initialization tells which"),
        overrides=adam or changes.initializers(case.plan) or changes.bigger(case.plan),
    )


def oscillating_cost(case: Case) -> Iterator[Finding]:
    """A training loss that swings up again and again (section 2.6)."""
    if len(case.course) < FEWEST:
        return
    moves = np.diff(case.course.train_loss) / case.chance
    late = moves[max(1, len(case.course) // 5) :]
    mean, rises = float(np.maximum(late, 0).mean()), float((late > 0).mean())
    if mean < at.RISING or rises < at.RISES:
        return
    factor = 0.1 if mean > 4 * at.RISING else 0.3
    yield Finding(
        id="oscillating-cost",
        severity="warning",
        evidence=f"after the first fifth of {len(case.course)} epochs the training loss rises in {share(rises)} of "
        f"them, by {mean * case.chance:.2g} an epoch on average",
        numbers={"rises": rises, "mean_rise": mean * case.chance},
        why="steps overshoot the minimum: a lower learning rate, or one that decays (schedule=cosine)",
        overrides=changes.learning_rate(case.plan, factor),
    )


def still_falling(case: Case) -> Iterator[Finding]:
    """A curve that is cut off while it falls."""
    course = case.course
    if len(course) < 2 or not case.unfit or course.kept != len(course) - 1:
        return
    back = course.last_tenth
    fall = float(course.train_loss[-1 - back] - course.train_loss[-1]) / case.chance
    if fall < at.SLIGHTLY_FALLING:
        return
    much, rising = fall >= at.STILL_FALLING, _dev_rises_since(case)
    since: dict[str, Number] = {} if rising is None else {"dev_rises_since": rising}
    worse = "" if rising is None else f"; the dev loss has been rising since epoch {rising}"
    bias_alone = f"it lowers the bias alone, while dev has been getting worse since epoch {rising}"
    yield Finding(
        id="still-falling",
        severity="warning" if much and rising is None else "note",
        evidence=f"the training loss fell from {course.train_loss[-1 - back]:.3g} to {course.train_loss[-1]:.3g} in "
        f"the last {_epochs(back)} of {len(course)}{worse}",
        numbers={"fall": fall * case.chance, "epochs": back, **since},
        why="training ended while the cost was falling: train longer" + ("" if rising is None else f"; {bias_alone}"),
        overrides=changes.longer(case.plan, 4 if much and rising is None else 2),
    )


def _dev_rises_since(case: Case) -> int | None:
    """The epoch around which the dev loss was least, where it has been rising for long enough to be no chance."""
    course = case.course
    if course.dev_loss is None or len(course) < FEWEST or not np.isfinite(course.dev_loss).all():
        return None
    loss = smooth(course.dev_loss, course.last_tenth)
    least = int(loss.argmin())
    if len(loss) - 1 - least < max(2, course.last_tenth) or loss[-1] < at.DEV_RISING * loss[least]:
        return None
    return course.epochs[least + course.last_tenth // 2]


def _epochs(n: int) -> str:
    return "epoch" if n == 1 else f"{n} epochs"


def overfitting(case: Case) -> Iterator[Finding]:
    """A dev error that rises while the training loss falls; or only a dev loss: too sure of its mistakes."""
    course = case.course
    if course.dev_error is None or course.dev_loss is None or len(course) < FEWEST:
        return
    window = course.last_tenth
    error, loss = smooth(course.dev_error, window), smooth(course.dev_loss, window)
    least = int(error.argmin())
    since = course.epochs[min(len(course) - 1, least + window // 2)]
    fell = course.train_loss[-1] < course.train_loss[min(len(course) - 1, least + window // 2)]
    if fell and _significant(case, float(error[least]), float(error[-1])):
        yield _overfitting(case, float(error[least]), float(error[-1]), since)
    elif case.plan.facts.task != "regression" and loss[-1] >= at.OVERCONFIDENT * loss.min() > 0:
        yield _overconfident(case, loss, window)


def _significant(case: Case, least: float, last: float) -> bool:
    """Whether the dev error rose by more than chance brings: the difference of two rates on the same examples has a
    variance of at most their sum over n; a mean square has one of about 2 of its squares."""
    entry = case.diagnosis["errors"].get("dev") or {}
    n = entry.get("n_eff") or entry.get("n") or case.plan.facts.parts.get("dev") or 1
    if case.plan.facts.task == "regression":
        return last - least > at.SIGNIFICANT * math.sqrt(2 / n) * least
    return last - least > at.SIGNIFICANT * math.sqrt((last + least) / n)


def _overfitting(case: Case, least: float, last: float, since: int) -> Finding:
    show = share if case.plan.facts.task != "regression" else _number
    stopped = case.plan.experiment.training.early_stopping is not None
    end = case.course.epochs[-1]
    option = "early stopping kept an earlier epoch" if stopped else "early stopping (patience 10) would end there"
    return Finding(
        id="overfitting",
        severity="note" if stopped else "warning",
        evidence=f"the dev error rises from {show(least)} around epoch {since} to {show(last)} at epoch {end}, while "
        "the training loss falls",
        numbers={"least": least, "last": last, "since_epoch": since},
        why=f"it fits noise from there on; L2 is preferred, {option}, but is one knob for two problems: minimizing J "
        "and not overfitting",
        overrides=changes.more_decay(case.plan),
    )


def _overconfident(case: Case, loss: Floats, window: int) -> Finding:
    since = case.course.epochs[min(len(case.course) - 1, int(loss.argmin()) + window // 2)]
    return Finding(
        id="overconfident",
        severity="note",
        evidence=f"the dev loss rises from {loss.min():.3g} around epoch {since} to {loss[-1]:.3g}, while the dev "
        "error hardly changes",
        numbers={"least": float(loss.min()), "last": float(loss[-1]), "since_epoch": since},
        why="the network grows surer, also of its mistakes: its classes stand, its probabilities are too extreme",
        overrides=changes.more_decay(case.plan),
    )


def _number(x: float) -> str:
    return f"{x:.3g}"
