"""Everything that changes while a network trains, in one place: a checkpoint is a State, no more and no less."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dltrain.engine.architecture import Program
from dltrain.engine.arrays import Floats
from dltrain.engine.binding import initialize
from dltrain.engine.schedules import Waiting


@dataclass(slots=True)
class Position:
    """Where training stands: whole epochs done, batches done in the next one, steps in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0


@dataclass(slots=True)
class Stopping:
    """Early stopping's memory: the best monitored value, its dev loss and epoch, epochs waited, whether to stop,
    and the value from which the next improvement is measured (min_delta apart, slow falls add up)."""

    value: float = math.inf
    loss: float = math.inf
    epoch: int = 0
    waited: int = 0
    stop: bool = False
    reference: float = math.inf


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Parameters and batch-norm averages of one moment: theta alone would forget the averages."""

    theta: Floats
    stats: Floats


@dataclass(slots=True)
class State:
    """theta, batch norm's averages, the optimizer's memory, the position, the best parameters so far, the memory of
    early stopping and of a plateau, and the running sums of the epoch. All arrays are changed in place."""

    theta: Floats
    stats: Floats
    slots: dict[str, Floats]
    sums: Floats
    position: Position = field(default_factory=Position)
    best: Snapshot | None = None
    stopping: Stopping = field(default_factory=Stopping)
    waiting: Waiting = field(default_factory=Waiting)

    @classmethod
    def start(cls, program: Program) -> State:
        """The state before the first step: initialized parameters, all memory 0."""
        theta, stats = initialize(program.architecture, program.seed, np.dtype(program.dtype))
        names = (*program.optimizer.slots, *(("average",) if program.parameter_average is not None else ()))
        slots = {name: np.zeros_like(theta) for name in names}
        return cls(theta, stats, slots, np.zeros(SUMS + 2 * len(program.architecture.sizes[1:])))

    def snapshot(self) -> Snapshot:
        """A copy of the parameters and averages."""
        return Snapshot(self.theta.copy(), self.stats.copy())

    def restore(self, snapshot: Snapshot) -> None:
        """theta and stats := the snapshot's values, in place, so that all views stay."""
        self.theta[...] = snapshot.theta
        self.stats[...] = snapshot.stats

    def arrays(self) -> dict[str, Floats]:
        """Every array, by name: what a checkpoint stores beside `numbers`."""
        arrays = {"theta": self.theta, "stats": self.stats, "sums": self.sums}
        arrays |= {f"slots.{name}": slot for name, slot in self.slots.items()}
        if self.best:
            arrays |= {"best.theta": self.best.theta, "best.stats": self.best.stats}
        return arrays

    def numbers(self) -> dict[str, Any]:
        """Everything that is not an array, as plain data; infinities as null. A plateau's memory only where there is
        something in it: a training without one is saved as it always was."""
        numbers = {"position": asdict(self.position), "stopping": _plain(asdict(self.stopping))}
        return numbers if self.waiting == Waiting() else {**numbers, "plateau": _plain(asdict(self.waiting))}

    @classmethod
    def load(cls, arrays: Mapping[str, Floats], numbers: Mapping[str, Any]) -> State:
        """The state that `arrays` and `numbers` describe, in copies of its own."""
        slots = {
            name.removeprefix("slots."): array.copy() for name, array in arrays.items() if name.startswith("slots.")
        }
        best = None
        if "best.theta" in arrays:
            best = Snapshot(arrays["best.theta"].copy(), arrays["best.stats"].copy())
        return cls(
            theta=arrays["theta"].copy(),
            stats=arrays["stats"].copy(),
            slots=slots,
            sums=arrays["sums"].copy(),
            position=Position(**numbers["position"]),
            best=best,
            stopping=Stopping(**_from_plain(numbers["stopping"])),
            waiting=Waiting(**_from_plain(numbers.get("plateau", {}))),
        )


def _plain(memory: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if value == math.inf else value for name, value in memory.items()}


def _from_plain(memory: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.inf if value is None else value for name, value in memory.items()}


SUMS = 4
"""The first running sums: cost, penalty and gradient norm, each times the batch's size, and the sizes. Behind
them lie the last step's gradient norms and update ratios by layer."""
