"""What the engine is told: the network, and how it is trained. In these records everything is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Gt, Lt

from dltrain.engine.arrays import RECORD
from dltrain.engine.initializers import Initializer, Zeros
from dltrain.engine.layout import Layout, Role, lay_out
from dltrain.engine.optimizers import Optimizer
from dltrain.engine.regularizers import NoRegularizer, Regularizer
from dltrain.engine.schedules import Schedule

Activation: TypeAlias = Literal["relu", "leaky_relu", "tanh", "sigmoid", "linear"]
Output: TypeAlias = Literal["sigmoid", "softmax", "linear"]
Dtype: TypeAlias = Literal["float32", "float64"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNorm:
    """Batch normalization between Z and A of a hidden layer, which then has no b (section 3.4 of the notes)."""

    __pydantic_config__ = RECORD
    average: Annotated[float, Ge(0), Lt(1)] = 0.99
    """β of the averages of mu and sigma² that stand in for a batch's at test time."""
    epsilon: Annotated[float, Gt(0)] = 1e-5
    """ε, inside the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """Stop when the monitored value has not fallen for `patience` epochs, and take the best epoch's
    parameters (section 1.6 of the notes). Ties go to the lower dev loss, then to the earlier epoch."""

    __pydantic_config__ = RECORD
    patience: Annotated[int, Ge(1)] = 10
    """Epochs without improvement before training stops."""
    min_delta: Annotated[float, Ge(0)] = 0.0
    """By how much the value has to fall to count as an improvement."""
    monitor: Literal["dev.error", "dev.loss"] = "dev.error"
    """What is watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A hidden layer of `units` units, everything settled."""

    units: int
    activation: Activation
    keep_prob: float
    batch_norm: BatchNorm | None
    initializer: Initializer
    regularizer: Regularizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A network from n_x inputs through hidden layers to n_y outputs.

    n_y is 1 for sigmoid and linear outputs and the number of classes C for softmax.
    """

    n_x: int
    layers: tuple[Layer, ...]
    output: Output
    n_y: int
    input_keep_prob: float
    initializer: Initializer
    """Of the output layer."""
    regularizer: Regularizer
    """Of the output layer."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_x, the units of each hidden layer, n_y."""
        return (self.n_x, *(layer.units for layer in self.layers), self.n_y)

    def describe(self) -> dict[str, Any]:
        """What prediction needs, as plain data: the network without what only training uses."""
        layers = [
            {
                "units": layer.units,
                "activation": layer.activation,
                "batch_norm": {"average": layer.batch_norm.average, "epsilon": layer.batch_norm.epsilon}
                if layer.batch_norm
                else None,
            }
            for layer in self.layers
        ]
        return {"n_x": self.n_x, "layers": layers, "output": self.output, "n_y": self.n_y}

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Architecture:
        """The network that `describe` described, for prediction: no dropout, no regularizer."""
        layers = tuple(
            Layer(
                units=layer["units"],
                activation=layer["activation"],
                keep_prob=1.0,
                batch_norm=BatchNorm(**layer["batch_norm"]) if layer["batch_norm"] else None,
                initializer=Zeros(),
                regularizer=NoRegularizer(),
            )
            for layer in description["layers"]
        )
        return cls(
            n_x=description["n_x"],
            layers=layers,
            output=description["output"],
            n_y=description["n_y"],
            input_keep_prob=1.0,
            initializer=Zeros(),
            regularizer=NoRegularizer(),
        )

    def layout(self) -> Layout:
        """theta: W1, b1 (or W1, gamma1, beta1 with batch norm), W2, ... Layers count from 1."""
        entries: list[tuple[str, tuple[int, ...], int, Role]] = []
        sizes = self.sizes
        for n, (n_in, n_out) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
            entries.append((f"W{n}", (n_in, n_out), n, "weight"))
            if n <= len(self.layers) and self.layers[n - 1].batch_norm:
                entries += [(f"gamma{n}", (n_out,), n, "gamma"), (f"beta{n}", (n_out,), n, "beta")]
            else:
                entries.append((f"b{n}", (n_out,), n, "bias"))
        return lay_out(entries)

    def stats_layout(self) -> Layout:
        """Batch norm's averages: of mu, of sigma², and of 1, by which the others are bias corrected."""
        entries: list[tuple[str, tuple[int, ...], int, Role]] = []
        for n, layer in enumerate(self.layers, start=1):
            if layer.batch_norm:
                units = (layer.units,)
                entries += [(f"mu{n}", units, n, "mu"), (f"var{n}", units, n, "var")]
                entries.append((f"count{n}", (1,), n, "count"))
        return lay_out(entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """All that training needs to know beside the data. Exactly one of `epochs` and `steps` is given."""

    architecture: Architecture
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    epochs: int | None = None
    steps: int | None = None
    early_stopping: EarlyStopping | None = None
    parameter_average: float | None = None
    dtype: Dtype = "float32"
    seed: int = 1
