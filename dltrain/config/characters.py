"""Whether a config's pictures are letters and digits, which mean something else when they are mirrored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from dltrain.config.plan import Plan

KNOWN = ("digits", "mnist", "kmnist")
"""Sets of characters."""
OTHERS = ("fashion_mnist",)
"""Sets whose classes are numbered, and are no digits."""
_FEW = 3
"""So many classes named by single digits are more likely digits than numbers of classes."""


def characters(plan: Plan) -> Literal["yes", "likely", "no"]:
    """By the name of the set, else by those of the classes: single letters, or digits."""
    source = plan.experiment.data.source
    if source in OTHERS:
        return "no"
    if source in KNOWN:
        return "yes"
    return "likely" if _named_so(plan.facts.classes) else "no"


def _named_so(classes: Collection[str]) -> bool:
    single = bool(classes) and all(len(name) == 1 and name.isalnum() for name in classes)
    digits = all(name.isdigit() for name in classes)
    return single and (len(classes) >= _FEW if digits else len(classes) > 1)
