"""What a study is: it proposes rounds of trials, which differ by overrides, and says what came of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

Overrides: TypeAlias = Mapping[str, Any]
"""Dotted path of a config key -> plain value."""
Outcome: TypeAlias = Literal["finished", "diverged", "crashed", "timed_out", "paused", "pruned"]
"""paused: at the epoch until which it was to train so far; pruned: and never to go on."""
LOST: tuple[Outcome, ...] = ("crashed", "timed_out")
"""Outcomes that say something of the machine, or are bugs; the others say something of the config."""
Role: TypeAlias = Literal["trial", "winner"]
"""winner: the best trial's config again, with a seed that had no part in choosing it."""
OBJECTIVE = "dev.error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A trial that a study proposes."""

    overrides: Overrides
    until: int | None = None
    """Epochs after which it is to pause; None trains it to its end."""
    trial: int | None = None
    """The number of a paused one that is to go on; None for a new one, which gets the next number."""
    role: Role = "trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a trial ended. Nothing in it depends on when, where or after how many attempts it did."""

    trial: int
    round: int
    overrides: Overrides
    outcome: Outcome
    path: Path
    """Its run folder; of a trial that crashed it may not be there."""
    errors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of diagnosis.json: {part: {value, low, high, n, ...}}."""
    cause: str | None = None
    """Why it crashed or where it diverged, in words."""
    score: float | None = None
    """What the study minimizes, where that is another number than the error."""
    epochs: int | None = None
    """Of a trial that paused or was pruned: what its numbers are of."""
    role: Role = "trial"

    @property
    def seed(self) -> int | None:
        """The seed that its overrides name."""
        return self.overrides.get("seed")

    @property
    def objective(self) -> float | None:
        """dev.error (train.error where there is no dev), or what else the study minimizes; infinite if it diverged,
        None if it crashed."""
        if self.outcome in LOST or self.outcome == "diverged":
            return math.inf if self.outcome == "diverged" else None
        if self.score is not None:
            return self.score
        entry = self.measured
        return None if entry is None else float(entry["value"])

    @property
    def measured(self) -> Mapping[str, Any] | None:
        """The entry of dev, or of train where there is no dev."""
        return self.errors.get("dev") or self.errors.get("train")


class Study(Protocol):
    """A kind of study, with its settings: a pure function of these and of what came of earlier rounds."""

    @property
    def kind(self) -> str:
        """seeds, folds, learning_curve, ..."""

    def to_json(self) -> dict[str, Any]:
        """`kind` and the settings, from which `studies.kinds.study_of` makes it again."""

    def propose(self, done: Sequence[Result]) -> Sequence[Planned | Overrides]:
        """The next round's trials, given all trials of the rounds before it, in order; none when it is over. Where
        trials pause, a round takes several calls."""

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """What the trials say together: plain data with `errors` ({part: {value, low, high, n}}) and a `headline`."""


def objective_of(study: Study) -> str:
    """What a study minimizes: its `objective`, if it has one."""
    found: str = getattr(study, "objective", OBJECTIVE)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What summaries need to know of the config."""

    task: str
    confidence: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What becomes of trials that do not end by themselves."""

    attempts: int = 3
    """How often a trial is tried whose end need not repeat itself: killed, timed out, out of memory."""
    trial_timeout: float | None = None
    """Seconds for each attempt; what an attempt has trained is kept for the next one."""
