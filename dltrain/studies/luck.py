"""How much of a search's best dev error is luck: of many trials on the same dev rows the best looks too good.

Dev rows are drawn with replacement (the bag); the best trial in the bag is measured on the rows outside of it, which
had no part in the choice (Tsamardinos, Greasidou and Borboudakis 2018). The trials are not trained again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dltrain.engine.streams import Purpose, generator
from dltrain.engine.weights import mean_error

if TYPE_CHECKING:
    from dltrain.diagnosis.comparison import Examples

Values: TypeAlias = npt.NDArray[np.float64]

DRAWS = 1000
AT_ONCE = 1 << 21
"""Row counts held in memory at a time."""
MOST_WORK = 1 << 27
"""Rows drawn in all: of very many dev rows fewer draws are made, which such sizes can spare."""
FEWEST = 100
PLACE = 4
"""Of the bootstrap's stream, apart from those of the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What the choice of the best one does to its error."""

    winner: int
    """Place of the best one."""
    apparent: float
    """Its error on the rows that chose it."""
    corrected: float
    """Its error to be expected on other rows."""

    @property
    def value(self) -> float:
        """corrected − apparent: about 0 where one trial is best beyond doubt."""
        return self.corrected - self.apparent


def luck_of(
    errors: Values, *, chosen_by: Values | None = None, weights: Values | None = None, codes: Any = None
) -> Luck | None:
    """The luck of choosing the trial with the lowest mean of `chosen_by`, in the mean of its `errors`.

    errors, chosen_by: (trials, n), each trial's errors and what it is chosen by (the same if not given) on the same n
    dev rows; ties go to the first. weights: (n,) of the rows; codes: (n,) groups, drawn whole. A trial of several seeds
    has the sum over its seeds divided by their number.

    corrected = apparent + E[error of the bag's choice − error of the best one], both out of the bag: the same
    expectation as that of the first term alone, with less noise. None where there is nothing to draw: a single row,
    group, or trial.
    """
    sizes = np.ones(errors.shape[1]) if weights is None else np.asarray(weights, np.float64)
    measured, criterion = errors * sizes, (errors if chosen_by is None else chosen_by) * sizes
    winner = int(np.argmin(criterion.sum(axis=1)))
    apparent = mean_error(errors[winner], weights)
    if codes is not None:
        measured, criterion, sizes = _by_group(measured, criterion, sizes, codes)
    if len(sizes) < 2 or len(errors) < 2:
        return None
    moved = _moved(measured, criterion, sizes, winner)
    return None if moved is None else Luck(winner=winner, apparent=apparent, corrected=apparent + moved)


def _by_group(measured: Values, criterion: Values, sizes: Values, codes: Any) -> tuple[Values, Values, Values]:
    """The sums of each group."""
    group = np.unique(codes, return_inverse=True)[1]

    def summed(rows: Values) -> Values:
        return np.stack([np.bincount(group, row) for row in rows])

    return summed(measured), summed(criterion), np.asarray(np.bincount(group, sizes), np.float64)


def _moved(measured: Values, criterion: Values, sizes: Values, winner: int) -> float | None:
    """E[error of the bag's choice − error of `winner`] out of the bag; None where no draw left anything out."""
    n = len(sizes)
    draws = min(DRAWS, max(FEWEST, MOST_WORK // n))
    rows = max(1, AT_ONCE // n)
    random = generator(0, Purpose.BOOTSTRAP, PLACE)
    found: list[Values] = []
    for start in range(0, draws, rows):
        counts = _counts(random, min(rows, draws - start), n)
        bag = counts @ criterion.T
        chosen = np.argmin(np.where((counts @ sizes)[:, None] > 0, bag, 0.0), axis=1)
        out = (counts == 0).astype(np.float64)
        left = out @ sizes
        sums = out @ measured.T
        difference = sums[np.arange(len(sums)), chosen] - sums[:, winner]
        found.append(difference[left > 0] / left[left > 0])
    moved = np.concatenate(found)
    return float(moved.mean()) if moved.size else None


def _counts(random: np.random.Generator, draws: int, n: int) -> Values:
    """How often each of n units is in each of `draws` bags of n: (draws, n)."""
    picks = random.integers(0, n, (draws, n))
    picks += np.arange(draws)[:, None] * n
    return np.bincount(picks.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def summarized(found: Luck, errors: Values, examples: Examples, confidence: float) -> dict[str, Any]:
    """`luck` of a search's summary: {value, low, high, apparent, corrected {value, low, high, n}, n, trials}.

    errors: (trials, n) as above. The interval of `corrected` is that of an error of this size on so many rows (of
    regression: the winner's own, scaled); `low` and `high` of the luck are its ends less `apparent`: between these the
    error of this very winner may lie, on other rows, above what the search saw.
    """
    entry = _interval(found, errors[found.winner], examples, confidence)
    ends = {end: None if entry[end] is None else entry[end] - found.apparent for end in ("low", "high")}
    return {
        "value": found.value,
        **ends,
        "apparent": found.apparent,
        "corrected": entry,
        "n": errors.shape[1],
        "trials": len(errors),
    }


def _interval(found: Luck, errors: Values, examples: Examples, confidence: float) -> dict[str, Any]:
    from dltrain.diagnosis.estimates import Measurement, estimate

    codes = examples.codes(errors)
    regression = examples.task == "regression"
    value = found.apparent if regression else found.corrected
    kept = errors if regression or codes is not None else None
    measured = Measurement(max(0.0, value), len(errors), errors=kept, weights=examples.weights, groups=codes)
    entry = estimate("dev", measured, task=examples.task, confidence=confidence).to_json()
    factor = found.corrected / found.apparent if regression and found.apparent > 0 else 1.0
    ends = {end: None if entry[end] is None else factor * entry[end] for end in ("low", "high")}
    return {"value": found.corrected, **ends, "n": len(errors), "interval": entry["interval"]}


def in_words(luck: Mapping[str, Any], regression: bool) -> str:
    """`about 1.7 points of its dev error are luck of the search: on other rows expect 2.5 % [1.3 %, 4.7 %]`."""
    from dltrain.diagnosis.rates import percent

    def written(value: float) -> str:
        return f"{value:.3f}" if regression else percent(value)

    corrected = luck["corrected"]
    within = "" if corrected["low"] is None else f" [{written(corrected['low'])}, {written(corrected['high'])}]"
    expect = f"on other rows expect {written(corrected['value'])}{within}"
    points = f"{luck['value']:.3f}" if regression else f"{100 * luck['value']:.1f} points"
    if not points.strip("-0. points"):
        return f"next to nothing of its dev error is luck of the search: {expect}"
    return f"about {points} of its dev error {'is' if regression else 'are'} luck of the search: {expect}"
