"""Overrides that change one thing of a plan. Each is empty where the plan is like that already.

They can be run over the user's own config and over the settled one alike: where the settled one spells out in a
layer what the layer has from above, the override reaches the layer too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dltrain.config import Plan
    from dltrain.config.records import DeclaredLayer

Overrides: TypeAlias = tuple[str, ...]

FIRST_DECAY = 5e-3
"""λ/m of a first try of L2."""
STRONGER = 3
SMALLEST_KEEP_PROB = 0.5
PATIENCE = 10


def layers_of(plan: Plan) -> list[DeclaredLayer]:
    return list(plan.experiment.architecture.layers)


def keep_prob_of(plan: Plan, layer: DeclaredLayer) -> float:
    return plan.experiment.architecture.keep_prob if layer.keep_prob is None else layer.keep_prob


def plain(x: float) -> str:
    """Two digits, as a config would have them: 0.0003, 1e-05."""
    return f"{x:.2g}"


def each_layer(plan: Plan, setting: str) -> Overrides:
    return tuple(f"architecture.layers.{i}.{setting}" for i in range(len(layers_of(plan))))


def inheriting(plan: Plan) -> Overrides:
    """A settled config spells the regularizer out in every layer; null makes those that have it from `regularizer`
    follow it again."""
    shared = plan.experiment.regularizer
    layers = enumerate(layers_of(plan))
    return tuple(f"architecture.layers.{i}.regularizer=null" for i, layer in layers if layer.regularizer == shared)


# ---- optimizer and time


def learning_rate(plan: Plan, factor: float) -> Overrides:
    """The rate times `factor`; nothing where a manual schedule sets the rates."""
    if plan.experiment.schedule.kind == "manual":
        return ()
    return (f"optimizer.learning_rate={plain(plan.experiment.optimizer.learning_rate * factor)}",)


def adam(plan: Plan) -> Overrides:
    if plan.experiment.optimizer.kind in ("adam", "adamw"):
        return ()
    return ("optimizer.kind=adam", "optimizer.learning_rate=0.001")


def longer(plan: Plan, factor: int = 2) -> Overrides:
    training = plan.experiment.training
    if training.steps is not None:
        more: Overrides = (f"training.steps={factor * training.steps}",)
    else:
        more = (f"training.epochs={factor * (training.epochs or 100)}",)
    if training.early_stopping is not None:
        more += (f"training.early_stopping.patience={factor * training.early_stopping.patience}",)
    return more


def early_stopping(plan: Plan) -> Overrides:
    if plan.experiment.training.early_stopping is not None or not plan.facts.parts.get("dev"):
        return ()
    return (f"training.early_stopping.patience={PATIENCE}",)


# ---- the network


def bigger(plan: Plan) -> Overrides:
    """Twice the units; first hidden layers where there is none."""
    layers = layers_of(plan)
    if not layers:
        first = "architecture.layers=[64,32]" if plan.facts.m >= 1000 else "architecture.layers=[32]"
        return (first, "architecture.initializer=auto")  # a settled config holds the output layer's own
    return tuple(f"architecture.layers.{i}.units={2 * layer.units}" for i, layer in enumerate(layers))


def batch_norm(plan: Plan) -> Overrides:
    experiment = plan.experiment
    on = [bool(layer.batch_norm or experiment.architecture.batch_norm) for layer in layers_of(plan)]
    if len(on) < 2 or any(on) or experiment.training.batch_size == 1:
        return ()
    return tuple(f"{key}=true" for key in each_layer(plan, "batch_norm"))


def initializers(plan: Plan) -> Overrides:
    """Each layer initialized as suits its activation, where it is not."""
    from dltrain.engine.initializers import automatic  # NumPy: numbers typed by hand do without

    changed: list[str] = []
    for i, layer in enumerate(layers_of(plan)):
        wanted = automatic(layer.activation or plan.experiment.architecture.activation)
        now = layer.initializer or plan.experiment.architecture.initializer
        if now not in (wanted, "auto"):
            changed.append(f"architecture.layers.{i}.initializer={wanted.kind}")
    of_output, wanted = plan.experiment.architecture.initializer, automatic("linear")
    if of_output not in (wanted, "auto"):
        changed.append(f"architecture.initializer={wanted.kind}")
    return tuple(changed)


def rectifiers(plan: Plan) -> Overrides:
    """ReLU, with its initializer, in place of sigmoid and tanh."""
    keys: list[str] = []
    for i, layer in enumerate(layers_of(plan)):
        if (layer.activation or plan.experiment.architecture.activation) in ("sigmoid", "tanh"):
            keys += [f"architecture.layers.{i}.activation=relu", f"architecture.layers.{i}.initializer=he"]
    return tuple(keys)


def scaled_inputs(plan: Plan) -> Overrides:
    return ("data.normalize=standard",) if plan.experiment.data.normalize == "none" else ()


# ---- regularization


def without_regularization(plan: Plan) -> Overrides:
    experiment = plan.experiment
    keys: Overrides = ()
    if experiment.regularizer.kind != "none":
        keys = ("regularizer=none", *inheriting(plan))
    for i, layer in enumerate(layers_of(plan)):
        own = layer.regularizer
        if own is not None and own != experiment.regularizer and own.kind != "none":
            keys += (f"architecture.layers.{i}.regularizer=none",)
    if experiment.optimizer.kind == "adamw" and experiment.optimizer.weight_decay > 0:
        keys += ("optimizer.weight_decay=0",)
    if experiment.data.augment:
        keys += ("data.augment=[]",)
    return keys + without_dropout(plan)


def without_dropout(plan: Plan) -> Overrides:
    layers = enumerate(layers_of(plan))
    off = tuple(f"architecture.layers.{i}.keep_prob=1" for i, layer in layers if keep_prob_of(plan, layer) < 1)
    return off + (("architecture.input_keep_prob=1",) if plan.experiment.architecture.input_keep_prob < 1 else ())


def weaker(plan: Plan, factor: float) -> Overrides:
    """Every λ divided by `factor`."""
    shared = plan.experiment.regularizer
    keys = tuple(f"regularizer.{name}={plain(value / factor)}" for name, value in _lambdas(shared).items())
    keys += inheriting(plan) if keys else ()
    for i, layer in enumerate(layers_of(plan)):
        if layer.regularizer is not None and layer.regularizer != shared:
            own = _lambdas(layer.regularizer).items()
            keys += tuple(f"architecture.layers.{i}.regularizer.{name}={plain(v / factor)}" for name, v in own)
    return keys


def _lambdas(regularizer: object) -> dict[str, float]:
    found = {name: getattr(regularizer, name, 0.0) for name in ("lambd", "lambd_l1", "lambd_l2")}
    return {name: value for name, value in found.items() if value}


def augmented(plan: Plan) -> Overrides:
    """Pictures changed at each visit as the notes say: characters turned and bent, others flipped and clipped too."""
    from dltrain.config.characters import characters

    data = plan.experiment.data
    if data.image_shape is None or data.augment:
        return ()
    return ("data.augment=[flip, rotate, crop]" if characters(plan) == "no" else "data.augment=[rotate, distort]",)


def more_decay(plan: Plan) -> Overrides:
    """L2 from λ/m = 0.001, three times as strong where it is on; AdamW has its own decay and refuses L2."""
    experiment = plan.experiment
    if experiment.optimizer.kind == "adamw":
        decay = STRONGER * experiment.optimizer.weight_decay or 0.01
        return (f"optimizer.weight_decay={plain(decay)}",)
    regularizer = experiment.regularizer
    batch = experiment.training.batch_size
    first = FIRST_DECAY * (batch if isinstance(batch, int) else plan.facts.m)
    if regularizer.kind == "l1_l2":
        keys: Overrides = (f"regularizer.lambd_l2={plain(STRONGER * regularizer.lambd_l2 or first)}",)
    elif regularizer.kind == "none":
        keys = ("regularizer.kind=l2", f"regularizer.lambd={plain(first)}")
    else:
        keys = (f"regularizer.lambd={plain(STRONGER * regularizer.lambd or first)}",)
    return (*keys, *inheriting(plan))


def heaviest_layer(plan: Plan) -> int:
    """The place of the hidden layer with the most weights."""
    sizes = [plan.facts.n_x, *(layer.units for layer in layers_of(plan))]
    return max(range(len(sizes) - 1), key=lambda k: sizes[k] * sizes[k + 1])


def more_dropout(plan: Plan) -> Overrides:
    """Fewer units kept in the layer with the most weights."""
    layers = layers_of(plan)
    if not layers:
        return ()
    i = heaviest_layer(plan)
    keep = keep_prob_of(plan, layers[i])
    if keep <= SMALLEST_KEEP_PROB:
        return ()
    return (f"architecture.layers.{i}.keep_prob={plain(max(SMALLEST_KEEP_PROB, round(keep - 0.2, 2)))}",)
