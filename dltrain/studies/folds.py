"""`split.folds: k`: k runs, each with another fold as dev, so that every row of the pool is predicted once by a network
that has not seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dltrain.studies.model import Context, Overrides, Result
from dltrain.studies.seeds import row, with_interval

if TYPE_CHECKING:
    from dltrain.engine.arrays import Ints

POOLED = "pooled"


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
        """`errors` {train: mean over the folds, dev: pooled}, `trials`: each fold's row, `headline`.

        The pooled error is that of all out-of-fold predictions together, with the interval of one part of so many
        rows. There is no interval from the spread of the folds: their training sets overlap, and no unbiased estimate
        of that variance exists (Bengio and Grandvalet 2004).
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
        errors = {"train": _train(finished), "dev": _pooled(finished, context)}
        headline = f"dev {with_interval(errors['dev'], context)} pooled over {len(finished)} folds"
        return {"errors": errors, "trials": rows, "headline": headline, "note": note}


def _train(finished: Sequence[Result]) -> dict[str, Any]:
    """The mean training error, by the rows of each fold's training set."""
    entries = [result.errors["train"] for result in finished]
    n = sum(entry["n"] or 0 for entry in entries)
    value = sum(entry["value"] * (entry["n"] or 0) for entry in entries) / max(1, n)
    return {"value": value, "low": value, "high": value, "n": None, "source": "measured", "interval": "exact"}


def _pooled(finished: Sequence[Result], context: Context) -> dict[str, Any]:
    """The error of all out-of-fold predictions, with the interval of so many examples."""
    import numpy as np

    from dltrain import runs
    from dltrain.diagnosis import Measurement
    from dltrain.diagnosis.table import error_entry
    from dltrain.engine.weights import mean_error

    found = [runs.decode_predictions(result.path) for result in finished]
    errors = np.concatenate([arrays["errors"] for arrays in found]).astype(np.float64)
    weighted = all("weights" in arrays for arrays in found)
    weights = np.concatenate([arrays["weights"] for arrays in found]) if weighted else None
    grouped = all("groups" in arrays for arrays in found)
    measurement = Measurement(
        mean_error(errors, weights),
        len(errors),
        "measured",
        errors if grouped or context.task == "regression" else None,
        weights=weights,
        groups=_apart([arrays["groups"] for arrays in found]) if grouped else None,
    )
    entry = error_entry("dev", measurement, task=context.task, confidence=context.confidence)
    selected = any(result.errors["dev"].get("selected") for result in finished)
    return {**entry, "of": POOLED} | ({"selected": True} if selected else {})


def _apart(groups: Sequence[Ints]) -> Ints:
    """The groups of all folds, numbered anew: whole groups are in one fold, so no number is in two."""
    import numpy as np

    codes = [np.unique(fold, return_inverse=True)[1] for fold in groups]
    starts = np.cumsum([0, *(int(fold.max()) + 1 for fold in codes[:-1])])
    return np.concatenate([fold + start for fold, start in zip(codes, starts, strict=True)]).astype(np.int64)
