"""What a search's space is likely to do: a linear scale where a logarithmic one is meant (notes, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dltrain.config.records_search import Declared, Int, LogUniform, Uniform

BY_FACTORS = (
    "learning_rate",
    "lambd",
    "lambd_l1",
    "lambd_l2",
    "weight_decay",
    "epsilon",
    "clip_norm",
    "decay_rate",
    "min",
)
"""Keys that matter by factors, in whichever section they stand."""
TOWARDS_ONE = ("beta", "beta1", "beta2", "parameter_average", "average")
"""Keys β that average over about 1/(1 - β) values."""
WIDE = 99.9
"""high/low from which on a linear scale hides decades; just below 100, which 0.1/0.001 misses by rounding."""


def scale_advice(space: Mapping[str, Declared], trials: int) -> list[str]:
    """One line for each key on a scale that does not fit it, and how many of so many trials that sends where."""
    return [line for path, one in space.items() for line in _of(path, one, trials)]


def _of(path: str, one: Declared, trials: int) -> Iterator[str]:
    name = path.rpartition(".")[2]
    if name in BY_FACTORS and isinstance(one, (Uniform, Int)):
        share = top_share(one.low, one.high)
        where = f"in the top decade, {one.high / 10:g} to {one.high:g}"
        better = ("log_int" if isinstance(one, Int) else "log_uniform") + ("" if one.low > 0 else " from a low above 0")
    elif name in TOWARDS_ONE and isinstance(one, (Uniform, LogUniform)) and one.high < 1:
        share, end = top_share(1 - one.high, 1 - one.low), 1 - (1 - one.low) / 10
        where = f"from {one.low:g} to {end:g}, where at most {1 / (1 - end):.0f} values are averaged"
        better = "one_minus_log_uniform"
    else:
        return
    if share is not None:
        count = f"some {round(share * trials):,} of {trials:,} trials"
        yield f"{path} is {one.kind}: {round(100 * share)} % of it, {count}, lies {where}; {better} spreads them evenly"


def top_share(low: float, high: float) -> float | None:
    """The share of a linear scale that lies in its top decade; None where the scale is not wide."""
    if high <= 0 or (low > 0 and high / low < WIDE):
        return None
    return (high - max(low, high / 10)) / (high - low)
