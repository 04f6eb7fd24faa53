"""The remedies of the basic recipe: against bias, against variance, against mismatch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dltrain.diagnosis.sizing import fixed_parts

if TYPE_CHECKING:
    from dltrain.config import Plan
    from dltrain.config.records import DeclaredLayer

FIRST_DECAY = 1e-3
"""λ/m of a first try of L2."""
STRONGER = 3
SMALLEST_KEEP_PROB = 0.5


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, why, and how: overrides of the config, or another command."""

    action: str
    why: str
    overrides: tuple[str, ...] = ()
    command: str | None = None

    def with_condition(self, condition: str) -> Advice:
        return replace(self, why=condition + self.why)

    def to_json(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"action": self.action, "why": self.why, "overrides": list(self.overrides)}
        return entry | ({"command": self.command} if self.command else {})


def against_bias(plan: Plan, *, overfits: bool = False) -> Iterator[Advice]:
    """A bigger network, longer training, another optimizer, batch norm.

    First of all no regularization, where there is some, unless the network also `overfits`.
    """
    off = () if overfits else _without_regularization(plan)
    if off:
        yield Advice("switch regularization off", "it keeps the network from fitting its own training set", off)
    yield _bigger_network(plan)
    yield _longer_training(plan)
    yield _other_optimizer(plan)
    norm = _batch_norm(plan)
    if norm:
        yield Advice("switch batch norm on", "deep layers train faster when their inputs keep their scale", norm)


def against_variance(plan: Plan) -> Iterator[Advice]:
    """More data, L2 before early stopping, dropout on the largest layer."""
    yield _more_data(plan)
    yield _more_decay(plan)
    yield from _dropout(plan)
    if plan.experiment.training.early_stopping is None and plan.facts.parts.get("dev"):
        yield Advice(
            "stop early",
            "it halts before the network fits noise; L2 comes first, since this also keeps J from its minimum",
            ("training.early_stopping.patience=10",),
        )


def against_mismatch(plan: Plan) -> Iterator[Advice]:
    """Training data that looks like dev's: nothing in a config makes up for it."""
    del plan
    yield Advice(
        "make the training data more like dev's: collect such examples, or move some of dev's source into training",
        "dev is worse than held-out examples of the training source, so the two sources differ in what matters",
    )


def needless_dropout(plan: Plan) -> Iterator[Advice]:
    """Dropout with low variance is a finding of its own (section 1.5: only when the network overfits)."""
    overrides = _without_dropout(plan)
    if overrides:
        yield Advice(
            "see whether dropout is needed",
            "variance is low; dropout is meant for overfitting, and with it J is not well defined",
            overrides,
        )


def _layers(plan: Plan) -> list[DeclaredLayer]:
    return list(plan.experiment.architecture.layers)


def _keep_prob(plan: Plan, layer: DeclaredLayer) -> float:
    return plan.experiment.architecture.keep_prob if layer.keep_prob is None else layer.keep_prob


def _each_layer(plan: Plan, setting: str) -> tuple[str, ...]:
    return tuple(f"architecture.layers.{i}.{setting}" for i in range(len(_layers(plan))))


def _inheriting(plan: Plan) -> tuple[str, ...]:
    """A settled config spells the regularizer out in every layer; null makes them follow `regularizer` again."""
    layers = enumerate(_layers(plan))
    return tuple(f"architecture.layers.{i}.regularizer=null" for i, layer in layers if layer.regularizer is not None)


def _without_regularization(plan: Plan) -> tuple[str, ...]:
    experiment = plan.experiment
    kinds = {experiment.regularizer.kind, *(layer.regularizer.kind for layer in _layers(plan) if layer.regularizer)}
    decay: tuple[str, ...] = ("regularizer=none", *_inheriting(plan)) if kinds != {"none"} else ()
    if experiment.optimizer.kind == "adamw" and experiment.optimizer.weight_decay > 0:
        decay += ("optimizer.weight_decay=0",)
    return decay + _without_dropout(plan)


def _without_dropout(plan: Plan) -> tuple[str, ...]:
    layers = enumerate(_layers(plan))
    off = tuple(f"architecture.layers.{i}.keep_prob=1" for i, layer in layers if _keep_prob(plan, layer) < 1)
    return off + (("architecture.input_keep_prob=1",) if plan.experiment.architecture.input_keep_prob < 1 else ())


def _bigger_network(plan: Plan) -> Advice:
    layers = _layers(plan)
    why = "a bigger network fits the training set better, and with regularization hardly costs variance"
    if not layers:
        return Advice("add hidden layers", "without any, only a linear boundary can be fitted", _first_layers(plan))
    doubled = tuple(f"architecture.layers.{i}.units={2 * layer.units}" for i, layer in enumerate(layers))
    return Advice("take a bigger network: twice the units", why, doubled)


def _first_layers(plan: Plan) -> tuple[str, ...]:
    return ("architecture.layers=[64,32]" if plan.facts.m >= 1000 else "architecture.layers=[32]",)


def _longer_training(plan: Plan) -> Advice:
    training = plan.experiment.training
    if training.steps is not None:
        longer: tuple[str, ...] = (f"training.steps={2 * training.steps}",)
    else:
        longer = (f"training.epochs={2 * (training.epochs or 100)}",)
    if training.early_stopping is not None:
        longer += (f"training.early_stopping.patience={2 * training.early_stopping.patience}",)
    return Advice("train longer: twice as long", "the cost may still be falling", longer)


def _other_optimizer(plan: Plan) -> Advice:
    optimizer = plan.experiment.optimizer
    if optimizer.kind in ("adam", "adamw"):
        now = optimizer.learning_rate
        rate = _plain(now * STRONGER if now < 0.003 else now / STRONGER)
        return Advice(
            f"try another learning rate: {rate}",
            "of all hyperparameters it is the one most worth tuning; try both sides of it",
            (f"optimizer.learning_rate={rate}",),
        )
    return Advice(
        "try Adam",
        f"it scales each step by its gradient's recent size, where {optimizer.kind} may crawl along a plateau",
        ("optimizer.kind=adam", "optimizer.learning_rate=0.001"),
    )


def _batch_norm(plan: Plan) -> tuple[str, ...]:
    experiment = plan.experiment
    on = [bool(layer.batch_norm or experiment.architecture.batch_norm) for layer in _layers(plan)]
    if len(on) < 2 or any(on) or experiment.training.batch_size == 1:
        return ()
    return tuple(f"{key}=true" for key in _each_layer(plan, "batch_norm"))


def _more_data(plan: Plan) -> Advice:
    why = "it is the surest cure: it costs no bias and needs no tuning"
    held_back = fixed_parts(plan)
    if plan.experiment.data.limit is not None and held_back is not None:
        return Advice("use all the data: lift data.limit", why, ("data.limit=null", "split.train=rest", *held_back))
    return Advice(f"get more training data than these {plan.facts.m:,} examples", why)


def _more_decay(plan: Plan) -> Advice:
    """L2 from λ/m = 0.001, three times as strong where it is on; AdamW has its own decay and refuses L2."""
    experiment = plan.experiment
    stopping = experiment.training.early_stopping
    why = (
        "small weights make a simpler function; preferred to early stopping, which is one knob for two problems: "
        "minimizing J and not overfitting"
    )
    drop_stopping = ("training.early_stopping=null",) if stopping is not None else ()
    if experiment.optimizer.kind == "adamw":
        decay = STRONGER * experiment.optimizer.weight_decay or 0.01
        return Advice("decay the weights more", why, (f"optimizer.weight_decay={_plain(decay)}", *drop_stopping))
    kind, keys = _stronger_regularizer(plan)
    action = "add L2" if kind == "none" else "regularize more"
    if stopping is not None:
        action += ", in place of early stopping"
    return Advice(action, why, (*keys, *_inheriting(plan), *drop_stopping))


def _stronger_regularizer(plan: Plan) -> tuple[str, tuple[str, ...]]:
    regularizer = plan.experiment.regularizer
    batch = plan.experiment.training.batch_size
    first = FIRST_DECAY * (batch if isinstance(batch, int) else plan.facts.m)
    if regularizer.kind == "l1_l2":
        return "l1_l2", (f"regularizer.lambd_l2={_plain(STRONGER * regularizer.lambd_l2 or first)}",)
    if regularizer.kind == "none":
        return "none", ("regularizer.kind=l2", f"regularizer.lambd={_plain(first)}")
    return regularizer.kind, (f"regularizer.lambd={_plain(STRONGER * regularizer.lambd or first)}",)


def _dropout(plan: Plan) -> Iterator[Advice]:
    layers = _layers(plan)
    if not layers:
        return
    sizes = [plan.facts.n_x, *(layer.units for layer in layers)]
    i = max(range(len(layers)), key=lambda k: sizes[k] * sizes[k + 1])
    keep = _keep_prob(plan, layers[i])
    if keep <= SMALLEST_KEEP_PROB:
        return
    lower = max(SMALLEST_KEEP_PROB, round(keep - 0.2, 2))
    yield Advice(
        f"drop out units of layer {i + 1}, the one with the most weights: keep {_plain(lower)}",
        "the layer with the most weights overfits most; J is not well defined with dropout, so watch the dev error",
        (f"architecture.layers.{i}.keep_prob={_plain(lower)}",),
    )


def _plain(x: float) -> str:
    return f"{x:.2g}"
