"""How the learning rate falls (section 2.6 of the notes).

`alpha(alpha0, e, planned)` is the rate in epoch e (or step e, by `per`), counted from 1; `planned` is how many
there will be. `learning_rate` adds the warm-up that every schedule has, and what a plateau took away so far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, Lt, MinLen

from dltrain.engine.arrays import RECORD

Per = Literal["epoch", "step"]
Monitor = Literal["dev.error", "dev.loss", "train.error", "train.loss", "cost"]
WholeUnits = Annotated[int, Ge(1)]
Rate = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """α = α0."""

    __pydantic_config__ = RECORD
    kind: Literal["constant"] = "constant"
    """constant: α = α0."""
    per: Per = "epoch"
    """Whether e counts epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return alpha0


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseTime:
    """α = α0 / (1 + decay_rate e)."""

    __pydantic_config__ = RECORD
    kind: Literal["inverse_time"] = "inverse_time"
    """inverse_time: α = α0 / (1 + decay_rate e)."""
    decay_rate: Annotated[float, Ge(0)]
    """How fast α falls: 1 halves it in the first epoch."""
    per: Per = "epoch"
    """Whether e counts epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return alpha0 / (1 + self.decay_rate * e)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential:
    """α = α0 decay^e."""

    __pydantic_config__ = RECORD
    kind: Literal["exponential"] = "exponential"
    """exponential: α = α0 decay^e."""
    decay: Annotated[float, Gt(0), Le(1)] = 0.95
    """Factor of each epoch (or step)."""
    per: Per = "epoch"
    """Whether e counts epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return alpha0 * self.decay**e


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseSqrt:
    """α = α0 k / √e."""

    __pydantic_config__ = RECORD
    kind: Literal["inverse_sqrt"] = "inverse_sqrt"
    """inverse_sqrt: α = α0 k / √e."""
    k: Rate = 1.0
    """Factor before the root."""
    per: Per = "epoch"
    """Whether e counts epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return alpha0 * self.k / math.sqrt(e)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staircase:
    """α = α0 factor^⌊(e − 1)/every⌋: the discrete staircase."""

    __pydantic_config__ = RECORD
    kind: Literal["staircase"] = "staircase"
    """staircase: α = α0 factor^⌊(e − 1)/every⌋."""
    factor: Annotated[float, Gt(0), Le(1)] = 0.5
    """What α is multiplied by at each stair."""
    every: WholeUnits
    """Epochs (or steps) between two stairs."""
    per: Per = "epoch"
    """Whether e counts epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return alpha0 * float(self.factor ** ((e - 1) // self.every))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """α as written for an epoch (or step), held until the next; α0 before the first."""

    __pydantic_config__ = RECORD
    kind: Literal["manual"] = "manual"
    """manual: α as written, held until the next value."""
    values: Annotated[dict[WholeUnits, Rate], MinLen(1)] = field(default_factory=dict)
    """{epoch: α}."""
    per: Per = "epoch"
    """Whether the keys count epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        reached = [start for start in self.values if start <= e]
        return self.values[max(reached)] if reached else alpha0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine:
    """α = min + (α0 − min)(1 + cos(π(e − 1)/E))/2, E the planned epochs (or steps) (Loshchilov and Hutter 2017)."""

    __pydantic_config__ = RECORD
    kind: Literal["cosine"] = "cosine"
    """cosine: α falls from α0 to min along half a cosine."""
    min: Annotated[float, Ge(0)] = 0.0
    """Where α would end after the last epoch (or step)."""
    per: Per = "epoch"
    """Whether e counts epochs or steps."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs (or steps) are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return self.min + (alpha0 - self.min) * (1 + math.cos(math.pi * (e - 1) / planned)) / 2


@dataclass(slots=True)
class Waiting:
    """A plateau's memory: the value from which the next improvement is measured, the epochs waited since the last one,
    and how often α has fallen."""

    reference: float = math.inf
    waited: int = 0
    falls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """α := factor α after each `patience` epochs in which the monitored value did not fall: a hand that turns α down
    whenever training stands still."""

    __pydantic_config__ = RECORD
    kind: Literal["plateau"] = "plateau"
    """plateau: α := factor α whenever the monitored value has not fallen for `patience` epochs."""
    factor: Annotated[float, Gt(0), Lt(1)] = 0.5
    """What α is multiplied by at each fall."""
    patience: WholeUnits = 5
    """Epochs without improvement before α falls; then the count begins anew."""
    min_delta: Annotated[float, Ge(0)] = 0.0
    """By how much the value has to fall to count as an improvement."""
    monitor: Monitor = "dev.error"
    """What is watched; cost is J with the penalty, over the epoch's batches."""
    per: Literal["epoch"] = "epoch"
    """Always by epochs, which is when the monitored value is measured."""
    warmup: Annotated[int, Ge(0)] = 0
    """The first n epochs are multiplied by e/n."""

    def alpha(self, alpha0: float, e: int, planned: int) -> float:
        return alpha0

    def look(self, value: float, waiting: Waiting) -> None:
        """The memory takes in the value of one more epoch."""
        if value < waiting.reference - self.min_delta:
            waiting.reference, waiting.waited = value, 0
            return
        waiting.waited += 1
        if waiting.waited >= self.patience:
            waiting.falls, waiting.waited = waiting.falls + 1, 0


Schedule: TypeAlias = Constant | InverseTime | Exponential | InverseSqrt | Staircase | Manual | Cosine | Plateau


def learning_rate(schedule: Schedule, alpha0: float, e: int, planned: int, falls: int = 0) -> float:
    """The rate of epoch (or step) e, from 1, warm-up included: times min(1, e/warmup); `falls`: of a plateau."""
    alpha = schedule.alpha(alpha0, e, planned)
    if isinstance(schedule, Plateau):
        alpha *= schedule.factor**falls
    return alpha * min(1.0, e / schedule.warmup) if schedule.warmup else alpha
