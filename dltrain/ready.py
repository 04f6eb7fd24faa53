"""What a training needs, all in one place: the config as loaded and as settled, and the data."""

from __future__ import annotations

from dataclasses import dataclass

from dltrain import data
from dltrain.config import Loaded, Plan
from dltrain.data.augmenting import Augmented
from dltrain.data.preparing import Part
from dltrain.engine.architecture import Program
from dltrain.engine.arrays import Targets
from dltrain.engine.fit import Rows


@dataclass(frozen=True, slots=True)
class Ready:
    """A config with its data read and everything settled: what `train` needs."""

    loaded: Loaded
    plan: Plan
    data: data.Prepared

    def rows(self, part: str) -> Rows | None:
        """A part's examples, or None if there is no such part."""
        found = self.data.parts.get(part)
        if found is None:
            return None
        y = _targets(self.plan.program(), found.y)
        making = self._making(found) if part == "train" else None
        return Rows(found.X, y, found.weights, self.data.preparation.class_weights, making)

    def _making(self, train: Part) -> Augmented | None:
        """How training batches are made, where they are augmented."""
        experiment = self.plan.experiment
        if not experiment.data.augment:
            return None
        return Augmented(experiment.data.augment, self.data.preparation, train.X, train.raw, experiment.seed)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.loaded.notices, *self.data.notes, *self.plan.notes)


def _targets(program: Program, y: Targets) -> Targets:
    """Class numbers stay what they are for softmax; the other outputs take numbers of the network's type."""
    return y if program.architecture.output == "softmax" else y.astype(program.dtype)
