"""Which parts have rows of their own (files, arrays), and which are drawn from the source."""

from __future__ import annotations

from typing import Any

from dltrain.config.records import Experiment

PARTS = ("train", "train_dev", "dev", "test")
DRAWN = ("train", "dev", "test")


def given_by(experiment: Experiment) -> dict[str, str]:
    """Part -> the key that gives its rows, for parts that are not drawn by ratio or count.

    With `by: random`, `arrays.train` is what the other parts are drawn from, so train is not among them.
    """
    split, arrays = experiment.split, experiment.data.arrays
    found: dict[str, str] = {str(part): f"data.arrays.{part}" for part in arrays or () if part != "train"}
    if split.files is not None:
        found |= {part: f"split.files.{part}" for part in PARTS if getattr(split.files, part) is not None}
    return found


def shares(experiment: Experiment) -> dict[str, Any]:
    """The ratios, counts and `rest` as written, of the parts that are drawn."""
    given = given_by(experiment)
    return {part: getattr(experiment.split, part) for part in PARTS if part not in given}
