"""What the trials of a tried recipe say: paired changes of the dev error, and the gaps before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltrain.studies.model import Context, Result
from dltrain.studies.recipe import GAPS, SEEDS

if TYPE_CHECKING:
    from dltrain.diagnosis.comparison import Examples
    from dltrain.runs import Unit

ALIKE = ("rows", "y", "weights", "groups", "times")
"""Arrays of the dev examples that have to be the same on both sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The finished trials of one config, one a seed."""

    results: tuple[Result, ...]
    whole: bool
    """Whether every seed finished."""
    arrays: tuple[dict[str, Any], ...]
    """Dev predictions of each."""
    diagnoses: tuple[Mapping[str, Any], ...]
    context: Context

    @staticmethod
    def of(results: Sequence[Result], context: Context, unit: Unit) -> Side:
        """All errors and weights in this unit: a step may train on more rows than the config as it was."""
        from dltrain import runs

        finished = [result for result in results if result.outcome == "finished"]
        units = [runs.unit_of(result.path) for result in finished]
        arrays = [
            own.turned(runs.decode_predictions(result.path), unit) for own, result in zip(units, finished, strict=True)
        ]
        diagnoses = [
            _turned(runs.read_record(result.path, "diagnosis.json"), own.factor(unit))
            for own, result in zip(units, finished, strict=True)
        ]
        return Side(tuple(results), len(finished) == len(results), tuple(arrays), tuple(diagnoses), context)

    def errors(self) -> dict[str, Any]:
        """Of each part, with the interval of its rows; over several seeds the mean, training randomness only."""
        from dltrain.studies.seeds import over_seeds

        parts = [part for part in ("train", "train_dev", "dev") if self._entries("errors", part)]
        if len(self.diagnoses) == 1:
            kept = ("value", "low", "high", "n")
            return {part: {key: self._entries("errors", part)[0].get(key) for key in kept} for part in parts}
        return {
            part: over_seeds([entry["value"] for entry in self._entries("errors", part)], self.context)
            for part in parts
        }

    def _entries(self, kind: str, name: str) -> list[Mapping[str, Any]]:
        return [entry for found in self.diagnoses if (entry := found[kind].get(name)) is not None]

    def gap(self, name: str) -> tuple[float, str] | None:
        """Its mean, and the verdict of all seeds, `undetermined` where they differ."""
        entries = self._entries("gaps", name)
        if not entries:
            return None
        verdicts = {str(entry["verdict"]) for entry in entries}
        value = sum(float(entry["value"]) for entry in entries) / len(entries)
        return value, verdicts.pop() if len(verdicts) == 1 else "undetermined"

    def to_json(self) -> dict[str, Any]:
        gaps = {name: {"value": gap[0], "verdict": gap[1]} for name in GAPS if (gap := self.gap(name)) is not None}
        return {"errors": self.errors(), "gaps": gaps, "trials": [result.trial for result in self.results]}


def unit_of(results: Sequence[Result]) -> Unit:
    """The first trial's that finished: that of the config itself, unless all its trials failed."""
    from dltrain import runs

    return next((runs.unit_of(result.path) for result in results if result.outcome == "finished"), runs.Unit())


def _turned(diagnosis: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """With the errors and gaps of a regression in another unit; the verdicts stand."""
    ends = ("value", "low", "high")
    return {
        kind: {
            name: entry and {**entry, **{key: entry[key] * factor for key in ends if entry.get(key) is not None}}
            for name, entry in diagnosis[kind].items()
        }
        for kind in ("errors", "gaps")
    }


def judged(
    asked: Sequence[tuple[Mapping[str, Any], Side, Side]], start: Side | None, context: Context
) -> list[dict[str, Any]]:
    """Of each step, and what it is compared with: whether it helped, p corrected for all of them (Holm 1979).

    `from_start` is the change from the config as it was, where that was trained too.
    """
    from dltrain.diagnosis.paired import holm

    found = [_changed(side, against) for _, side, against in asked]
    known = [place for place, change in enumerate(found) if change is not None]
    corrected = dict(zip(known, holm([found[place]["p"] for place in known]), strict=True))  # type: ignore[index]
    steps = []
    for place, (step, side, against) in enumerate(asked):
        change = found[place]
        whole = start is not None and against is not start
        entry: dict[str, Any] = {**step, **(change or {"change": None, "p": None, "test": None})}
        entry |= {"p_holm": corrected.get(place), "verdict": _verdict(change, corrected.get(place), context)}
        entry |= {"gaps": _gaps(side, against)}
        moved = _changed(side, start) if whole and start is not None else None
        steps.append({**entry, "from_start": moved and moved["change"], **_shown(side)})
    return steps


def _shown(side: Side) -> dict[str, Any]:
    failed = [result for result in side.results if result.outcome != "finished"]
    cause = {"cause": failed[0].cause or failed[0].outcome} if failed else {}
    return {"errors": side.errors(), "trials": [result.trial for result in side.results], **cause}


def _verdict(change: Mapping[str, Any] | None, p: float | None, context: Context) -> str:
    if change is None or p is None:
        return "no result"
    if p >= 1 - context.confidence:
        return "not told apart"
    return "helped" if change["change"]["value"] < 0 else "hurt"


def _changed(side: Side, against: Side) -> dict[str, Any] | None:
    """{change: {value, low, high, interval}, p, test}: dev error of the side − that of the other one, on the same
    rows. None where one of them has no result, or other rows."""
    from dltrain.diagnosis.comparison import Contender, compare, compare_configs

    if not side.whole or not against.whole or not _alike(side, against):
        return None
    one = [Contender(f"step {i}", _errors(arrays), "step") for i, arrays in enumerate(side.arrays)]
    other = [Contender(f"base {i}", _errors(arrays), "base") for i, arrays in enumerate(against.arrays)]
    by_config = len(one) >= SEEDS
    examples = _examples(side)
    found = (compare_configs if by_config else compare)([*one, *other], examples, side.context.confidence)
    (pair,) = found["pairs"]
    return {"change": _from(pair), "p": pair["p"], "test": pair["test"]}


def _from(pair: Mapping[str, Any]) -> dict[str, Any]:
    """The difference as step − base, whichever of the two is the better one."""
    found = pair["difference"]
    if str(pair["a"]).startswith("step"):
        return dict(found)
    turned = {key: None if found[key] is None else 0.0 - found[key] for key in ("value", "low", "high")}
    return {**found, "value": turned["value"], "low": turned["high"], "high": turned["low"]}


def _errors(arrays: Mapping[str, Any]) -> Any:
    return arrays["errors"].astype("float64")


def _examples(side: Side) -> Examples:
    from dltrain.diagnosis.comparison import Examples

    first = side.arrays[0]
    return Examples(side.context.task, first.get("weights"), first.get("groups"), first.get("times"))


def _alike(side: Side, against: Side) -> bool:
    from dltrain import runs

    first = against.arrays[0]
    for arrays in (*side.arrays, *against.arrays):
        if not all(runs.alike(first.get(name), arrays.get(name)) for name in ALIKE):
            return False
    return "dev" in side.errors() and "dev" in against.errors()


def _gaps(side: Side, against: Side) -> dict[str, Any]:
    """Before and after; `closed`: it was high, or nobody knew, and is low now."""
    found = {}
    for name in GAPS:
        before, after = against.gap(name), side.gap(name)
        if before is None or after is None:
            continue
        closed = before[1] != "low" and after[1] == "low"
        found[name] = {
            "before": before[0],
            "after": after[0],
            "verdict_before": before[1],
            "verdict_after": after[1],
            "closed": closed,
        }
    return found
