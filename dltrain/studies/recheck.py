"""`dltrain search --recheck STUDY`: is its winner still the best? (notes, section 3.3: intuitions do get stale)

The winner and a few neighbours of it are trained on the data as they are now, with the config as it is now, each with
the same seeds, and compared in pairs on the same dev rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dltrain.studies.model import Context, Overrides, Result
from dltrain.studies.seeds import row, with_interval, written
from dltrain.studies.space import Dimension, Space

SEEDS = 3
"""So many train each point: fewer say nothing of a config."""
STEP = 0.1
"""How far a neighbour is, of the length of its scale."""
MOST = 12
"""Neighbours at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """Trials: the winner, then each neighbour, with every seed."""

    kind: ClassVar[str] = "recheck"
    study: str
    """The id of the search."""
    then: Mapping[str, Any]
    """What it was worth then: {value, low, high} of dev, or null."""
    changed: tuple[str, ...]
    """What is not as it was: keys of the config, `data`."""
    points: tuple[Mapping[str, Any], ...]
    """Overrides; the winner's first."""
    seeds: int
    first: int

    def to_json(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"study": self.study, "then": dict(self.then), "changed": list(self.changed)}
        points = [dict(point) for point in self.points]
        return {"kind": self.kind, **settings, "points": points, "seeds": self.seeds, "first": self.first}

    def propose(self, done: Sequence[Result]) -> list[Overrides]:
        return [] if done else [{**point, "seed": seed} for point in self.points for seed in self._seeds]

    @property
    def _seeds(self) -> range:
        return range(self.first, self.first + self.seeds)

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """`winner` {overrides, errors, then}, `steps`: each neighbour {action, overrides, verdict: helped|hurt|not told
        apart|no result, change, p, p_holm, errors, trials}, `stands`: whether none helped (null where the winner has
        no result), `best`: the place of the neighbour that did, `changed`, `trials`, `errors` of the winner,
        `headline`."""
        from dltrain.studies.recipe_summary import Side, judged, unit_of

        unit = unit_of(results)
        sides = [
            Side.of(results[place * self.seeds : (place + 1) * self.seeds], context, unit)
            for place in range(len(self.points))
        ]
        winner, *others = sides
        asked = [
            ({"action": self._difference(point), "aim": None, "overrides": dict(point)}, side, winner)
            for point, side in zip(self.points[1:], others, strict=True)
        ]
        steps = judged(asked, None, context)
        better = [place for place, step in enumerate(steps) if step["verdict"] == "helped"]
        best = min(better, key=lambda place: steps[place]["errors"]["dev"]["value"], default=None)
        errors = winner.errors()
        stands = (best is None) if winner.whole else None
        return {
            "errors": errors,
            "winner": {"overrides": dict(self.points[0]), "errors": errors, "then": dict(self.then)},
            "steps": steps,
            "stands": stands,
            "best": best,
            "changed": list(self.changed),
            "trials": [row(result) for result in results],
            "headline": self._headline(steps, best, stands, errors, context),
        }

    def _difference(self, point: Overrides) -> str:
        """`learning_rate 0.01 → 0.02`: a neighbour differs in one key."""
        winner = self.points[0]
        keys = [key for key in point if point[key] != winner.get(key)]
        return ", ".join(f"{key.rpartition('.')[2]} {_text(winner.get(key))} → {_text(point[key])}" for key in keys)

    def _headline(
        self,
        steps: Sequence[Mapping[str, Any]],
        best: int | None,
        stands: bool | None,
        errors: Mapping[str, Any],
        context: Context,
    ) -> str:
        if stands is None or "dev" not in errors:
            return f"the winner of {self.study} did not finish with every seed: search again"
        now = f"dev {with_interval(errors['dev'], context)}"
        then = f" ({with_interval(self.then, context)} then)" if self.then.get("value") is not None else ""
        if best is not None:
            better = f"and {steps[best]['action']} is better: search again"
            return f"the winner of {self.study} is stale: {now}{then}, {better}"
        beaten = f"none of {len(steps)} neighbours is better beyond doubt"
        gain = max((-low for step in steps if (low := (step["change"] or {}).get("low")) is not None), default=0.0)
        if gain <= context.threshold:
            return f"the winner of {self.study} still stands: {now}{then}; {beaten}"
        most = written(gain, context)
        return f"the winner of {self.study} is not told to be stale: {now}{then}; {beaten}, one may be by up to {most}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def neighbours(space: Space, winner: Overrides) -> list[dict[str, Any]]:
    """Points that differ from the winner in one key: a tenth of its scale lower and higher, or another value of a
    choice; all that the others depend on stays. MOST at most, in turns over the keys."""
    kept = {key: value for key, value in winner.items() if key != "seed"}
    columns = [_of_key(one, kept) for one in space.dimensions if one.path in kept]
    found = []
    for turn in range(max(map(len, columns), default=0)):
        for column in columns:
            if turn < len(column):
                point = {**kept, **column[turn]}
                if {one.path for one in space.dimensions if one.counts(point)} == set(kept) and point not in found:
                    found.append(point)
    return found[:MOST]


def _of_key(dimension: Dimension, winner: Overrides) -> list[dict[str, Any]]:
    value = winner[dimension.path]
    if dimension.scale == "choice":
        return [{dimension.path: other} for other in dimension.values.values if other != value]
    place = dimension.values.place(value)
    near = [dimension.values.at(min(1.0, max(0.0, place + step))) for step in (STEP, -STEP)]
    return [{dimension.path: other} for other in near if other != value]
