"""All that the checks look at: how a training went, what it was, how it began and what it came to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltrain.diagnosis.changes import keep_prob_of, layers_of
from dltrain.diagnosis.health.course import Course
from dltrain.engine.arrays import Floats
from dltrain.engine.beginning import Beginning

if TYPE_CHECKING:
    from dltrain.config import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One training."""

    course: Course
    plan: Plan
    diagnosis: Mapping[str, Any]
    """Of its errors: `errors` and `gaps` of contract section 4."""
    beginning: Beginning | None = None
    """None where its first parameters were not its own, or nobody measured them."""

    @property
    def hidden(self) -> int:
        """Number of hidden layers."""
        return len(layers_of(self.plan))

    @property
    def drops(self) -> bool:
        """Whether there is dropout anywhere."""
        inputs = self.plan.experiment.architecture.input_keep_prob
        return inputs < 1 or any(keep_prob_of(self.plan, layer) < 1 for layer in layers_of(self.plan))

    @property
    def unfit(self) -> bool:
        """Whether the training error stands above the Bayes error by more than the threshold, interval or not."""
        gap = self.diagnosis["gaps"].get("avoidable_bias")
        return gap is not None and gap["point"] == "high"

    @property
    def chance(self) -> float:
        """Loss of the best constant prediction; of equal classes where nobody measured it."""
        if self.beginning is not None and self.beginning.chance > 0:
            return self.beginning.chance
        return math.log(max(2, len(self.plan.facts.classes))) if self.plan.facts.task != "regression" else 0.5

    @property
    def loss(self) -> float:
        """Training loss of the model, in units of chance."""
        return float(self.course.train_loss[self.course.kept]) / self.chance

    def by_layer(self, name: str) -> Floats | None:
        """A number of metrics.jsonl's `layers`: (epochs, L), or None."""
        return self.course.layers.get(name)


def share(x: float) -> str:
    """`3.1 %`, `0.02 %`."""
    return f"{100 * x:.2g} %" if x < 0.995 else f"{100 * x:.0f} %"


def layer_name(case: Case, layer: int) -> str:
    return "the output layer" if layer > case.hidden else f"layer {layer}"
