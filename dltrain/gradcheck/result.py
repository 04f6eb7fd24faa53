"""What a gradient check found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dltrain.gradcheck.compare import Band, Comparison, band, best
from dltrain.gradcheck.culprit import Culprit

SHARP = 1e-5
"""Here round-off and the error of the two-sided formula are both near 1e-11; wider, the latter may prevail."""

SEVERITY: tuple[Band, ...] = ("great", "okay, double check", "not good")


@dataclass(frozen=True, slots=True)
class BlockResult:
    """One parameter block: measured at the asked ε, and over wider ones where round-off hides it."""

    name: str
    size: int
    """Coordinates in the block; those compared and left out are counted in the comparisons."""
    comparisons: tuple[Comparison, ...]
    """The asked ε first."""
    one_sided: bool = False

    @property
    def best(self) -> Comparison:
        return best(self.comparisons)

    @property
    def _sharp(self) -> list[Comparison]:
        """Those that tell small numbers from round-off. Two-sided, ε from 1e-5 up; one-sided the error of the
        formula is large there, so that every ε has a say."""
        again = self.comparisons if len(self.comparisons) > 1 else ()
        return [c for c in again if self.one_sided or c.epsilon >= SHARP]

    @property
    def is_zero(self) -> bool:
        """Neither gradient can be told from zero."""
        return any(c.is_zero for c in self._sharp)

    @property
    def ratio(self) -> float:
        """The block's relative difference at its best ε; two zero blocks give 0."""
        return 0.0 if self.is_zero else self.best.ratio

    @property
    def at_round_off(self) -> bool:
        """Whether round-off explained the difference at the asked ε."""
        return self.comparisons[0].at_round_off

    @property
    def band(self) -> Band:
        """By the ratio; but `not good` takes a difference that round-off doesn't explain at a wider ε.

        (In a layer whose gradient has vanished, to 1e-11 say, no ε shows more than a digit.)
        """
        found = band(self.ratio)
        if found == "not good" and any(c.at_round_off for c in self._sharp):
            return "okay, double check"
        return found

    def to_json(self) -> dict[str, Any]:
        first, chosen = self.comparisons[0], self.best
        return {
            "name": self.name,
            "band": self.band,
            "ratio": finite(self.ratio),
            "epsilon": chosen.epsilon,
            "ratio_at_epsilon": finite(first.ratio),
            "at_round_off": self.at_round_off,
            "difference": finite(chosen.difference),
            "approx_norm": finite(chosen.approx_norm),
            "gradient_norm": finite(chosen.gradient_norm),
            "size": self.size,
            "compared": first.n,
            "kinks": first.kinks,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A gradient check of one problem at one theta."""

    at: str
    """`initialization`, or `after N steps`."""
    epsilon: float
    one_sided: bool
    cost: float
    blocks: tuple[BlockResult, ...]
    samples: int | None = None
    """How many coordinates were asked for; None is all."""
    culprit: Culprit | None = None
    """The first mistake in backward order, when the verdict is `not good`."""

    @property
    def worst(self) -> BlockResult:
        return max(self.blocks, key=lambda b: (SEVERITY.index(b.band), b.ratio))

    @property
    def verdict(self) -> Band:
        """The worst block's band; with nothing compared at all it is no better than `okay, double check`."""
        found = self.worst.band
        return found if self.compared or found == "not good" else "okay, double check"

    @property
    def ratio(self) -> float:
        """The relative difference over theta, each block at its best ε."""
        return self._over([b.best for b in self.blocks if not b.is_zero])

    @property
    def ratio_at_epsilon(self) -> float:
        """The relative difference over theta at the asked ε."""
        return self._over([b.comparisons[0] for b in self.blocks])

    @property
    def compared(self) -> int:
        return sum(b.comparisons[0].n for b in self.blocks)

    @property
    def kinks(self) -> int:
        return sum(b.comparisons[0].kinks for b in self.blocks)

    @property
    def size(self) -> int:
        return sum(b.size for b in self.blocks)

    @property
    def exit_code(self) -> int:
        """4, a check found something, when the verdict is `not good`; else 0."""
        return 4 if self.verdict == "not good" else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data; numbers that are not finite are null."""
        return {
            "verdict": self.verdict,
            "at": self.at,
            "ratio": finite(self.ratio),
            "ratio_at_epsilon": finite(self.ratio_at_epsilon),
            "worst": self.worst.name,
            "epsilon": self.epsilon,
            "one_sided": self.one_sided,
            "cost": self.cost,
            "size": self.size,
            "samples": self.samples,
            "compared": self.compared,
            "kinks": self.kinks,
            "blocks": [block.to_json() for block in self.blocks],
            "culprit": self.culprit.to_json() if self.culprit else None,
        }

    @staticmethod
    def _over(comparisons: Sequence[Comparison]) -> float:
        difference = math.hypot(*(c.difference for c in comparisons))
        if not math.isfinite(difference):
            return math.inf
        total = math.hypot(*(c.approx_norm for c in comparisons)) + math.hypot(*(c.gradient_norm for c in comparisons))
        return difference / total if total else 0.0


def finite(value: float) -> float | None:
    """The number, or None where JSON has no word for it."""
    return value if math.isfinite(value) else None
