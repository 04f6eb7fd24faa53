"""The `search` section: which settings are varied, on which scale, and how the trials are chosen (notes, part 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import Field

from dltrain.engine.arrays import RECORD

OF_SEARCHES = {
    "trials": ("random", "coarse_to_fine", "tpe"),
    "rounds": ("coarse_to_fine", "tpe"),
    "points": ("grid",),
}
"""Keys of `search` that only some kinds have a use for: another kind over the one that a config names drops them."""
Whole: TypeAlias = Annotated[int, Ge(0), Le(10**9)]
When: TypeAlias = Annotated[dict[str, Any], MinLen(1)] | None
SearchKind: TypeAlias = Literal["random", "coarse_to_fine", "grid", "tpe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """v is uniform from low to high."""

    __pydantic_config__ = RECORD
    kind: Literal["uniform"] = "uniform"
    """uniform: a linear scale from low to high."""
    low: float
    """The least value."""
    high: float
    """The greatest value."""
    when: When = None
    """{path: value or [values]}: varied only where another key has this value, or one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUniform:
    """log v is uniform: as many trials in each decade (notes, 3.2: v = 10^r, r uniform)."""

    __pydantic_config__ = RECORD
    kind: Literal["log_uniform"] = "log_uniform"
    """log_uniform: a logarithmic scale, for learning_rate, lambd, weight_decay, epsilon."""
    low: Annotated[float, Gt(0)]
    """The least value."""
    high: Annotated[float, Gt(0)]
    """The greatest value."""
    when: When = None
    """{path: value or [values]}: varied only where another key has this value, or one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneMinusLogUniform:
    """log(1 - v) is uniform: for β of an average over 1/(1 - β) values (notes, 3.2: β = 1 - 10^r)."""

    __pydantic_config__ = RECORD
    kind: Literal["one_minus_log_uniform"] = "one_minus_log_uniform"
    """one_minus_log_uniform: 1 - v on a logarithmic scale, for β, beta1, beta2."""
    low: float
    """The least value."""
    high: float
    """The greatest value, below 1."""
    when: When = None
    """{path: value or [values]}: varied only where another key has this value, or one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Int:
    """Each whole number from low to high is as likely."""

    __pydantic_config__ = RECORD
    kind: Literal["int"] = "int"
    """int: whole numbers from low to high, on a linear scale."""
    low: Whole
    """The least value."""
    high: Whole
    """The greatest value, itself included."""
    when: When = None
    """{path: value or [values]}: varied only where another key has this value, or one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInt:
    """Whole numbers on a logarithmic scale."""

    __pydantic_config__ = RECORD
    kind: Literal["log_int"] = "log_int"
    """log_int: whole numbers from low to high, on a logarithmic scale."""
    low: Annotated[int, Ge(1), Le(10**9)]
    """The least value."""
    high: Annotated[int, Ge(1), Le(10**9)]
    """The greatest value, itself included."""
    when: When = None
    """{path: value or [values]}: varied only where another key has this value, or one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Each value is as likely; they have no order."""

    __pydantic_config__ = RECORD
    kind: Literal["choice"] = "choice"
    """choice: one of the values, which have no order."""
    values: Annotated[list[Any], MinLen(1)]
    """What may stand there."""
    when: When = None
    """{path: value or [values]}: varied only where another key has this value, or one of these."""


Declared: TypeAlias = Uniform | LogUniform | OneMinusLogUniform | Int | LogInt | Choice
RangeChoice: TypeAlias = Annotated[Declared, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Synchronous successive halving (Jamieson and Talwalkar 2016): all points of a round train for `min_epochs`, the
    best 1/factor of them for factor times as long, and so on."""

    __pydantic_config__ = RECORD
    kind: Literal["successive_halving"] = "successive_halving"
    """successive_halving: after min_epochs, and factor times as many again and again, the best 1/factor go on."""
    factor: Annotated[int, Ge(2), Le(100)] = 3
    """One in so many goes on."""
    min_epochs: Annotated[int, Ge(1)] = 5
    """Epochs that every point trains for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which settings `dltrain search` varies, and how. `train` does not look at it."""

    __pydantic_config__ = RECORD
    trials: Annotated[int, Ge(1), Le(1_000_000)] | None = None
    """How many points of the space are tried, in all rounds together; 60, or as many as the grid has."""
    objective: str = "dev.error"
    """What is minimized: dev.error, dev.loss, train.error, cost, ... of the finished run."""
    space: Annotated[dict[str, RangeChoice], MinLen(1)]
    """{dotted path: {kind, low, high}}: what is varied; architecture.layers.count is the number of hidden layers."""
    kind: SearchKind = "coarse_to_fine"
    """random, coarse_to_fine (boxes that shrink round the best points so far), grid, or tpe (by Optuna)."""
    rounds: Annotated[int, Ge(1), Le(1000)] | None = None
    """Portions of trials, each chosen when the one before is over; 3, random and grid have one."""
    seeds: Annotated[int, Ge(1), Le(1000)] = 1
    """k trains each point with seed, ..., seed + k - 1; the mean counts."""
    points: Annotated[int, Ge(1), Le(1000)] = 8
    """Points of the grid on each dimension; a choice takes all its values."""
    prune: Prune | None = None
    """{kind: successive_halving, factor, min_epochs}: end poor trials early; null trains all of them to the end."""
    trial_timeout: Annotated[float, Gt(0)] | str | None = None
    """Time of each attempt of a trial: seconds, or 90s, 10m, 1h30m; what it has trained is kept for the next."""
    attempts: Annotated[int, Ge(1), Le(1000)] = 3
    """How often a trial is tried that was killed, timed out or ran out of memory."""
    winner_seeds: Annotated[int, Ge(0), Le(1000)] = 3
    """With how many seeds, that no trial had, the best point is trained again; 0 leaves it."""
