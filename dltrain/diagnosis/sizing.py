"""Overrides that change the sizes of the parts of a settled split, whose sizes are counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltrain.config import Plan

SPARED = 0.5
"""At most this share of the training set is moved to other parts."""


def larger_parts(plan: Plan, more: Mapping[str, int]) -> tuple[str, ...]:
    """Overrides that give each part so many more examples, out of the training set; none if it can't spare them.

    All parts are written, since ratios and counts don't mix.
    """
    sizes = _counts(plan)
    moved = sum(more.values())
    if sizes is None or not more.keys() <= sizes.keys() or moved > SPARED * sizes["train"]:
        return ()
    sizes = {part: n + more.get(part, 0) for part, n in sizes.items()}
    sizes["train"] -= moved
    return tuple(f"split.{part}={n}" for part, n in sizes.items())


def fixed_parts(plan: Plan) -> tuple[str, ...] | None:
    """Overrides that keep every part but the training set as large as it is; None if files make the parts."""
    sizes = _counts(plan)
    if sizes is None:
        return None
    return tuple(f"split.{part}={n}" for part, n in sizes.items() if part != "train")


def _counts(plan: Plan) -> dict[str, int] | None:
    """The parts that the split draws, with their sizes; None where dev has rows or a source of its own."""
    split, arrays = plan.experiment.split, plan.experiment.data.arrays
    given = set(arrays or ()) - {"train"}
    if split.files is not None:
        given |= {part for part in ("train_dev", "dev", "test") if getattr(split.files, part) is not None}
    if split.by != "random" or "dev" in given or plan.experiment.data.dev_test_source is not None:
        return None
    drawn = {part: plan.facts.parts.get(part, 0) for part in ("train", "dev", "test", "train_dev") if part not in given}
    if not drawn["train"] or not drawn["dev"]:
        return None
    return {part: n for part, n in drawn.items() if n or part == "test"}
