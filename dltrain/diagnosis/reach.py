"""What a dev set of n examples can show, before anything is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dltrain.diagnosis.intervals import wilson, z_value
from dltrain.diagnosis.rates import percent


@dataclass(frozen=True, slots=True)
class Reach:
    """The smallest gap that n examples can show to be there or not, and how many the threshold takes."""

    n: int
    threshold: float
    smallest: float
    """The upper end of the interval of zero errors on n examples: no gap below it can be called low."""
    needed: int
    """Examples from which on zero errors lie below the threshold."""

    @property
    def enough(self) -> bool:
        return self.n >= self.needed

    def text(self, part: str = "dev") -> str:
        """`dev has 114 examples: a gap below 2% cannot be shown; 189 or more are needed`."""
        examples = "1 example" if self.n == 1 else f"{self.n:,} examples"
        if self.enough:
            return f"{part} has {examples}: gaps from {percent(self.smallest)} on can be shown"
        return (
            f"{part} has {examples}: a gap below {percent(self.threshold)} cannot be shown; "
            f"{self.needed:,} or more are needed"
        )


def smallest_gap(n: int, threshold: float, confidence: float) -> Reach:
    """What n examples can show at best, with no error among them: z²/(n + z²) has to be below the threshold."""
    z2 = z_value(confidence) ** 2
    needed = 1 if threshold >= 1 else max(1, math.floor(z2 * (1 - threshold) / threshold) + 1)
    return Reach(n, threshold, wilson(0.0, n, confidence).high, needed)
