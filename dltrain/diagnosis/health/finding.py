"""What a check of a training's health brings: findings, and what could not be checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["warning", "note"]
Number: TypeAlias = float | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong (`warning`) or worth knowing (`note`) about a training."""

    id: str
    """Stable: `dltrain explain ID` says what it means."""
    severity: Severity
    layer: int | None = None
    """From 1, as in the notes; the last is the output layer. None where no layer in particular is meant."""
    evidence: str
    """A sentence with the numbers and epochs it rests on."""
    numbers: dict[str, Number] = field(default_factory=dict)
    """The same numbers by name."""
    why: str
    """Why it matters, and what the overrides do about it."""
    overrides: tuple[str, ...] = ()
    """What may cure it: KEY=VALUE, ...; empty where no setting does."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "severity": self.severity,
            "layer": self.layer,
            "evidence": self.evidence,
            "why": self.why,
            "overrides": list(self.overrides),
            "numbers": {name: value if _finite(value) else None for name, value in self.numbers.items()},
        }


def _finite(value: Number) -> bool:
    return value is not None and math.isfinite(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotChecked:
    """A finding that nobody could have made here."""

    id: str
    why: str

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The findings, worst first, and what was not checked."""

    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()

    def find(self, *ids: str) -> Finding | None:
        """The first finding of one of these identifiers."""
        return next((finding for finding in self.findings if finding.id in ids), None)
