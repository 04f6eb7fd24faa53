"""The remedies of the basic recipe: against what hinders training, against bias, variance and mismatch.

Each yields only what the plan is not already and what the curve does not contradict. `Curve` is what the findings
say of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dltrain.diagnosis import changes
from dltrain.diagnosis.changes import Overrides
from dltrain.diagnosis.sizing import fixed_parts

if TYPE_CHECKING:
    from dltrain.config import Plan

OF_VARIANCE = ("overfitting", "overconfident", "dropout-without-variance")
"""Findings that the remedies against variance answer, and the needless dropout."""
LEARNING_CURVE = "dltrain learning-curve RUN/config.resolved.yaml"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, why, and how: overrides of the config, or another command."""

    action: str
    why: str
    overrides: Overrides = ()
    command: str | None = None
    aim: str = ""
    """What it is against: training, bias, variance or mismatch; done for what is left when nothing is high."""

    def aimed(self, aim: str) -> Advice:
        return replace(self, aim=aim)

    def going_with(self, also: Overrides) -> Advice:
        return replace(self, overrides=(*self.overrides, *also)) if self.overrides else self

    def with_condition(self, condition: str) -> Advice:
        return replace(self, why=condition + self.why)

    def to_json(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"action": self.action, "why": self.why, "overrides": list(self.overrides)}
        return entry | ({"command": self.command} if self.command else {})


@dataclass(frozen=True, slots=True)
class Curve:
    """The findings about a training, as diagnosis.json has them; None where nobody looked."""

    health: Sequence[Mapping[str, Any]] | None = None

    @property
    def known(self) -> bool:
        return self.health is not None

    def evidence(self, *ids: str) -> str | None:
        """Of the first finding of one of these identifiers."""
        return next((found["evidence"] for found in self.health or () if found["id"] in ids), None)

    @property
    def dev_rises(self) -> bool:
        """Whether the cost still falls while the dev loss rises: more epochs lower the bias alone."""
        falling = [found for found in self.health or () if found["id"] == "still-falling"]
        return any((found.get("numbers") or {}).get("dev_rises_since") is not None for found in falling)

    @property
    def hindrances(self) -> list[Mapping[str, Any]]:
        """The warnings about training itself that have a cure, in the order of mending."""
        warnings = [found for found in self.health or () if found["severity"] == "warning"]
        return [found for found in warnings if found["overrides"] and found["id"] not in OF_VARIANCE]

    @property
    def broken(self) -> bool:
        """Whether something keeps training from doing what the network could: how large it is says nothing then."""
        return any(found["id"] != "still-falling" for found in self.hindrances)


def against_hindrances(curve: Curve) -> Iterator[Advice]:
    """What the findings themselves offer, one piece for each cure."""
    from dltrain.diagnosis.health.catalogue import CATALOGUE

    done: set[Overrides] = set()
    for found in curve.hindrances:
        overrides = tuple(found["overrides"])
        if overrides in done:
            continue
        done.add(overrides)
        entry = CATALOGUE.get(found["id"])
        step = entry.step if entry else "mend it"
        yield Advice(f"{step} ({found['id']})", f"{found['evidence']}; {found['why']}", overrides)


def against_bias(plan: Plan, curve: Curve, *, overfits: bool = False) -> Iterator[Advice]:
    """A bigger network, longer training, another optimizer or architecture (section 1.3); longer training comes
    first where the curve still falls, and the dev loss does not rise meanwhile.

    First of all no regularization, where there is some, unless the network also `overfits`. While training itself is
    hindered none of these is judged.
    """
    off = () if overfits else changes.without_regularization(plan)
    if off:
        yield Advice("switch regularization off", "it keeps the network from fitting its own training set", off)
    if curve.broken:
        return
    steps = [_bigger_network(plan), *_longer_training(plan, curve)]
    yield from reversed(steps) if curve.evidence("still-falling") and not curve.dev_rises else steps
    if adam := changes.adam(plan):
        kind = plan.experiment.optimizer.kind
        why = f"it scales each step by its gradient's recent size, where {kind} may crawl along a plateau"
        yield Advice("try Adam", why, adam)
    if norm := changes.batch_norm(plan):
        yield Advice("switch batch norm on", "deep layers train faster when their inputs keep their scale", norm)
    if rectified := changes.rectifiers(plan):
        yield Advice("another architecture: ReLU", "its slope is 1 where sigmoid and tanh flatten", rectified)


def _bigger_network(plan: Plan) -> Advice:
    if not changes.layers_of(plan):
        return Advice("add hidden layers", "without any, only a linear boundary can be fitted", changes.bigger(plan))
    why = "a bigger network fits the training set better, and with regularization hardly costs variance"
    return Advice("take a bigger network: twice the units", why, changes.bigger(plan))


def _longer_training(plan: Plan, curve: Curve) -> Iterator[Advice]:
    """Where the curve still falls, or nobody knows; `still-falling` as a warning comes among the hindrances."""
    if any(found["id"] == "still-falling" for found in curve.hindrances):
        return
    falling = curve.evidence("still-falling")
    if falling or not curve.known:
        action = "train longer: twice as long" + (", for the bias alone" if curve.dev_rises else "")
        yield Advice(action, falling or "the cost may still be falling", changes.longer(plan))


def against_variance(plan: Plan, curve: Curve) -> Iterator[Advice]:
    """More data, for pictures augmented ones, L2 before early stopping, dropout on the largest layer."""
    yield _more_data(plan)
    if augmented := changes.augmented(plan):
        why = "pictures moved and bent anew at each visit stand in for more of them, which are harder to get"
        yield Advice("augment the training pictures", why, augmented)
    rising = curve.evidence("overfitting", "overconfident")
    yield _more_decay(plan, rising)
    dropout = changes.more_dropout(plan)
    if dropout:
        yield Advice(
            f"drop out units of layer {changes.heaviest_layer(plan) + 1}, the one with the most weights: "
            f"keep {dropout[0].partition('=')[2]}",
            "the layer with the most weights overfits most; J is not well defined with dropout, so watch the dev error",
            dropout,
        )
    stopping = changes.early_stopping(plan)
    if stopping and (rising or not curve.known):
        why = "it halts before the network fits noise; L2 comes first, since this also keeps J from its minimum"
        yield Advice("stop early", f"{rising}; {why}" if rising else why, stopping)


def _more_data(plan: Plan) -> Advice:
    why = "it is the surest cure: it costs no bias and needs no tuning"
    held_back = fixed_parts(plan)
    if plan.experiment.data.train_limit == plan.facts.m:
        return Advice("train on the rows that were held back: lift data.train_limit", why, ("data.train_limit=null",))
    if plan.experiment.data.limit is not None and held_back is not None:
        return Advice("use all the data: lift data.limit", why, ("data.limit=null", "split.train=rest", *held_back))
    return Advice(
        f"get more training data than these {plan.facts.m:,} examples",
        f"{why}; the learning curve says what twice as many would buy",
        command=LEARNING_CURVE,
    )


def _more_decay(plan: Plan, rising: str | None) -> Advice:
    why = (
        "small weights make a simpler function; preferred to early stopping, which is one knob for two problems: "
        "minimizing J and not overfitting"
    )
    experiment = plan.experiment
    stops = experiment.training.early_stopping is not None
    on = experiment.optimizer.kind == "adamw" or experiment.regularizer.kind != "none"
    action = "decay the weights more" if experiment.optimizer.kind == "adamw" else "regularize more"
    action = (action if on else "add L2") + (", in place of early stopping" if stops else "")
    drop = ("training.early_stopping=null",) if stops else ()
    return Advice(action, f"{rising}; {why}" if rising else why, (*changes.more_decay(plan), *drop))


def against_mismatch(plan: Plan, curve: Curve) -> Iterator[Advice]:
    """Training data that looks like dev's: nothing in a config makes up for it."""
    del plan, curve
    yield Advice(
        "make the training data more like dev's: collect such examples, or move some of dev's source into training",
        "dev is worse than held-out examples of the training source, so the two sources differ in what matters",
    )


def needless_dropout(plan: Plan) -> Iterator[Advice]:
    """Dropout with low variance is a finding of its own (section 1.5: only when the network overfits)."""
    overrides = changes.without_dropout(plan)
    if overrides:
        yield Advice(
            "see whether dropout is needed",
            "variance is low; dropout is meant for overfitting, and with it J is not well defined",
            overrides,
        )
