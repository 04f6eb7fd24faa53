"""`dltrain recipe RUN --try`: the recipe's steps at equal budget. Which of them helped, and which gap did it close?

A budget is example-passes × parameters: a network of twice the parameters gets half the passes. Every step is compared
with the same config at the same budget, on the same dev rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dltrain.studies.model import Context, Overrides, Result
from dltrain.studies.seeds import row

SEEDS = 3
"""So many, or one: two say nothing of a config."""
GAPS = ("avoidable_bias", "variance", "mismatch")
LONGER = "train longer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Trials: the config as it was (where that is cheaper), the same at the budget, each step; all with every seed."""

    kind: ClassVar[str] = "recipe"
    run: str
    """The run that the steps were advised for."""
    seconds: float
    """Of --budget."""
    most: int
    """Steps that were asked for at most."""
    seeds: int
    first: int
    budget: Mapping[str, Any]
    """What the seconds were converted to: {passes_times_parameters, a trial's; per_second, start_seconds, timed_steps;
    base_epochs; of_training, so many times what the run's own training takes}."""
    as_it_was: bool
    steps: tuple[Mapping[str, Any], ...]
    """Each {action, aim, overrides: [KEY=VALUE, ...], steps}; the first is the config itself."""
    bayes_error: float | None = None
    """As stated with --bayes-error, for all trials; None where that of the run's config holds."""

    def to_json(self) -> dict[str, Any]:
        names = ("run", "seconds", "most", "seeds", "first", "as_it_was")
        found: dict[str, Any] = {"kind": self.kind, **{name: getattr(self, name) for name in names}}
        found |= {} if self.bayes_error is None else {"bayes_error": self.bayes_error}
        return {**found, "budget": dict(self.budget), "steps": [dict(step) for step in self.steps]}

    def propose(self, done: Sequence[Result]) -> list[Overrides]:
        return [] if done else [overrides for _, overrides in self._trials()]

    def _trials(self) -> list[tuple[int, Overrides]]:
        """The place of the step in `steps` (−1: as it was) and the overrides of each trial."""
        places = [*([-1] if self.as_it_was else []), *range(len(self.steps))]
        seeds = range(self.first, self.first + self.seeds)
        stated = {} if self.bayes_error is None else {"diagnosis.bayes_error": self.bayes_error}
        return [(place, {"seed": seed, **self._overrides(place), **stated}) for place in places for seed in seeds]

    def _overrides(self, place: int) -> Overrides:
        if place < 0:
            return {}
        step = self.steps[place]
        length = {"training.epochs": None, "training.steps": step["steps"]}
        return {**dict(value_of(override) for override in step["overrides"]), **length}

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """`reference` and `as_it_was` (null where there was none): {errors, gaps, trials}; `steps`: each {action, aim,
        overrides, verdict: helped|hurt|not told apart|no result, change {value, low, high}, p, p_holm, gaps {name:
        {before, after, verdict_before, verdict_after, closed}}, errors, trials}; `best`, the place of the one that
        helped and has the least dev error, or null; `trials`, `headline`, `errors` of the reference.
        """
        from dltrain.studies.recipe_summary import Side, judged, unit_of

        of_place: dict[int, list[Result]] = {}
        for (place, _), result in zip(self._trials(), results, strict=True):
            of_place.setdefault(place, []).append(result)
        unit = unit_of(results)
        sides = {place: Side.of(found, context, unit) for place, found in of_place.items()}
        reference, before = sides[0], sides.get(-1)
        asked: list[tuple[Mapping[str, Any], Side, Side]] = []
        if before is not None:
            asked.append(
                (
                    {"action": LONGER, "aim": "bias", "overrides": [], "steps": self.steps[0]["steps"]},
                    *(reference, before),
                )
            )
        asked += [(step, sides[place], reference) for place, step in enumerate(self.steps) if place]
        steps = judged(asked, before, context)
        helped = [place for place, step in enumerate(steps) if step["verdict"] == "helped"]
        best = min(helped, key=lambda place: steps[place]["errors"]["dev"]["value"], default=None)
        return {
            "errors": reference.errors(),
            "budget": dict(self.budget),
            "reference": reference.to_json(),
            "as_it_was": None if before is None else before.to_json(),
            "steps": steps,
            "best": best,
            "trials": [row(result) for result in results],
            "note": self._note(),
            "headline": headline(steps, best, context),
        }

    def _note(self) -> str:
        if self.seeds == 1:
            return "one seed: this compares trained models, not configs; --seeds 3 does, training each 3 times"
        return f"over {self.seeds} seeds: a claim about the configs"


def value_of(override: str) -> tuple[str, Any]:
    """KEY=VALUE as a dotted path and a plain value."""
    from dltrain.config.nodes import plain
    from dltrain.config.reader import read

    key, _, text = override.partition("=")
    return key, plain(read(text, None))


def headline(steps: Sequence[Mapping[str, Any]], best: int | None, context: Context) -> str:
    tried = f"{len(steps)} {'step' if len(steps) == 1 else 'steps'} tried"
    if best is None:
        return f"{tried}: none helped beyond doubt"
    helped = sum(step["verdict"] == "helped" for step in steps)
    step = steps[best]
    return f"{tried}, {helped} helped: {step['action']}, dev {change_text(step['change'], context.task)}, paired"


def change_text(change: Mapping[str, Any], task: str) -> str:
    """`−1.4 [−2.3, −0.5]`: points of a percentage; for regression shares of the target's variance."""
    value, low, high = (_points(change[key], task) for key in ("value", "low", "high"))
    return value if change["low"] is None else f"{value} [{low}, {high}]"


def _points(value: float | None, task: str) -> str:
    if value is None:
        return ""
    text = f"{value:+.3f}" if task == "regression" else f"{100 * value:+.1f}"
    zero = not text.strip("+-0.")
    return text[1:] if zero else text.replace("-", "−")
