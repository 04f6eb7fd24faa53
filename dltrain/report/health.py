"""The findings about a training in words: short lines under the verdict, all of them on the page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltrain.report.formats import clean

SHOWN = 3
"""Warnings shown after a training; `diagnose RUN` shows every finding."""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, ready to be shown."""

    id: str
    severity: str
    place: str
    """`layer 2`, or empty."""
    evidence: str
    why: str
    overrides: str
    """As a shell takes them, or empty."""

    @property
    def name(self) -> str:
        return f"{self.id} ({self.place})" if self.place else self.id


@dataclass(frozen=True, slots=True)
class HealthView:
    """What is known of a training's health."""

    rows: tuple[FindingRow, ...]
    not_checked: tuple[str, ...]
    """`oscillating-cost, plateau: 2 epochs: 5 are needed`"""
    known: bool = True
    """Whether anybody looked: a run of an older release has no findings, which says nothing."""

    @property
    def warnings(self) -> tuple[FindingRow, ...]:
        return tuple(row for row in self.rows if row.severity == "warning")


def health_of(diagnosis: Mapping[str, Any]) -> HealthView | None:
    """The health that a run's diagnosis tells of; None for errors typed by hand, which have none."""
    if "health" not in diagnosis:
        return HealthView((), (), known=False) if diagnosis.get("run") else None
    rows = tuple(_row(found) for found in diagnosis["health"])
    return HealthView(rows, tuple(_not_checked(diagnosis.get("not_checked") or ())))


def _row(found: Mapping[str, Any]) -> FindingRow:
    layer = found.get("layer")
    return FindingRow(
        id=clean(found["id"]),
        severity=str(found.get("severity")),
        place=f"layer {layer}" if layer else "",
        evidence=clean(found.get("evidence") or ""),
        why=clean(found.get("why") or ""),
        overrides=clean(shlex.join(str(override) for override in found.get("overrides") or ())),
    )


def _not_checked(missing: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line a reason."""
    by_reason: dict[str, list[str]] = {}
    for entry in missing:
        by_reason.setdefault(clean(entry["why"]), []).append(clean(entry["id"]))
    for reason, names in by_reason.items():
        yield f"{', '.join(names)}: {reason}"


def short_lines(view: HealthView, run: str) -> Iterator[str]:
    """The worst warnings, one line each, and where the rest is to be had; nothing where notes are all there is."""
    worst: dict[str, list[FindingRow]] = {}
    for row in view.warnings:
        worst.setdefault(row.id, []).append(row)
    shown = list(worst.values())[:SHOWN]
    for first, *others in shown:
        also = f"; {', '.join(row.place for row in others)} too" if others else ""
        yield f"{first.name}: {first.evidence}{also}"
    left = len(view.rows) - sum(map(len, shown))
    if shown and left:
        what = "more findings" if left > 1 else "more finding"
        yield f"{left} {what}: {shlex.join(['dltrain', 'diagnose', run])} shows all"


def all_lines(view: HealthView) -> Iterator[str]:
    """Every finding with its reason and cure, and what was not checked."""
    if not view.known:
        yield "health: not checked, for the run was made by an older release"
        return
    for row in view.rows:
        yield f"{row.severity} {row.name}: {row.evidence}"
        yield f"    {row.why}" + (f": {row.overrides}" if row.overrides else "")
    for line in view.not_checked:
        yield f"not checked: {line}"
    if view.rows:
        yield f"dltrain explain {view.rows[0].id} says more"
    elif not view.not_checked:
        yield "health: nothing found"
