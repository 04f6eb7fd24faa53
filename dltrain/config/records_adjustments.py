"""The `adjustments` section: settings that hold from an epoch on (notes, 3.3: the panda)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, MinLen

from dltrain.engine.arrays import RECORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Settings that hold from an epoch on. Several merge in the order of their epochs."""

    __pydantic_config__ = RECORD
    epoch: Annotated[int, Ge(2), "a whole number of at least 2 (what holds from the first epoch is the config itself)"]
    """The first epoch with them, from 2: 12 is the one that begins after 11 are complete."""
    set: Annotated[dict[str, Any], MinLen(1), "keys and values, like {optimizer.learning_rate: 0.0003}"]
    """{key: value}: optimizer.learning_rate, schedule, regularizer (all or some of their keys), architecture.keep_prob,
    architecture.layers.N.keep_prob, training.batch_size, training.epochs."""
