"""`split.folds: k`: k runs, each with another fold as dev, so that every row of the pool is predicted once by a network
that has not seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dltrain.studies.model import Context, Overrides, Result
from dltrain.studies.seeds import row

if TYPE_CHECKING:
    from dltrain.diagnosis import Measurement
    from dltrain.engine.arrays import Ints
    from dltrain.runs import Unit

POOLED = "pooled"
MEAN = "mean of the folds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Trials with fold 0, 1, ... as dev, all with one training seed."""

    kind: ClassVar[str] = "folds"
    folds: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "folds": self.folds, "seed": self.seed}

    def propose(self, done: Sequence[Result]) -> list[Overrides]:
        return [] if done else [{"seed": self.seed, "split.fold": fold} for fold in range(self.folds)]

    def summarize(self, results: Sequence[Result], context: Context) -> dict[str, Any]:
        """A diagnosis (contract section 4): train the mean over the folds, dev pooled; its `advice`, and `trials`, each
        fold's row.

        The pooled error is that of all out-of-fold predictions together, with the interval of one part of so many
        rows. There is no interval from the spread of the folds: their training sets overlap, and no unbiased estimate
        of that variance exists (Bengio and Grandvalet 2004). All folds count in one unit: the mean variance of their
        training targets, and weights as they are in the data.
        """
        finished = [result for result in results if result.outcome == "finished"]
        rows = [row(result) for result in results]
        if len(finished) < self.folds:
            missing = self.folds - len(finished)
            note = f"{missing} of {self.folds} folds have no result, so their rows are not in the pool"
        else:
            note = None
        if not finished:
            return {"errors": {}, "trials": rows, "headline": None, "note": note}
        return {**_table(finished, context), "trials": rows, "note": note}


def _table(finished: Sequence[Result], context: Context) -> dict[str, Any]:
    from dltrain.diagnosis import Measurement, diagnose
    from dltrain.studies.next_steps import with_advice

    own, common = _units(finished)
    factors = [unit.factor(common) for unit in own]
    measured = {"train": Measurement(_mean(finished, "train", factors)), "dev": _pooled(finished)}
    bayes = finished[0].errors.get("bayes")
    if bayes is not None and bayes["source"] != "assumed":
        measured["bayes"] = Measurement(_mean(finished, "bayes"), None, bayes["source"])
    rules: dict[str, Any] = {"threshold": context.threshold, "confidence": context.confidence}
    found = diagnose(measured, task=context.task, **rules)
    found["errors"]["train"] |= {"of": MEAN}
    found["errors"]["dev"] |= {"of": POOLED}
    return with_advice(found, finished, pooled=True)


def _units(finished: Sequence[Result]) -> tuple[list[Unit], Unit]:
    """That of each fold's training set, and the one that all are counted in."""
    from dltrain import runs

    own = [runs.unit_of(result.path) for result in finished]
    return own, runs.Unit(variance=sum(unit.variance for unit in own) / len(own), weight=1.0)


def _mean(finished: Sequence[Result], part: str, factors: Sequence[float] | None = None) -> float:
    """The mean error, each times its factor, by the rows of each fold's training set."""
    sizes = [float(result.errors["train"]["n"] or 0) for result in finished]
    values = [float(result.errors[part]["value"]) for result in finished]
    values = [value * factor for value, factor in zip(values, factors or [1.0] * len(values), strict=True)]
    return sum(value * n for value, n in zip(values, sizes, strict=True)) / max(1.0, sum(sizes))


def _pooled(finished: Sequence[Result]) -> Measurement:
    """The error of all out-of-fold predictions, on so many examples."""
    import numpy as np

    from dltrain import runs
    from dltrain.diagnosis import Measurement
    from dltrain.engine.weights import mean_error

    own, common = _units(finished)
    found = [
        unit.turned(runs.decode_predictions(result.path), common) for unit, result in zip(own, finished, strict=True)
    ]
    errors = np.concatenate([arrays["errors"] for arrays in found]).astype(np.float64)
    weighted = all("weights" in arrays for arrays in found)
    weights = np.concatenate([arrays["weights"] for arrays in found]) if weighted else None
    grouped = all("groups" in arrays for arrays in found)
    return Measurement(
        mean_error(errors, weights),
        len(errors),
        "measured",
        errors,
        selected=any(bool(result.errors["dev"].get("selected")) for result in finished),
        weights=weights,
        groups=_apart([arrays["groups"] for arrays in found]) if grouped else None,
    )


def _apart(groups: Sequence[Ints]) -> Ints:
    """The groups of all folds, numbered anew: whole groups are in one fold, so no number is in two."""
    import numpy as np

    codes = [np.unique(fold, return_inverse=True)[1] for fold in groups]
    starts = np.cumsum([0, *(int(fold.max()) + 1 for fold in codes[:-1])])
    return np.concatenate([fold + start for fold, start in zip(codes, starts, strict=True)]).astype(np.int64)
