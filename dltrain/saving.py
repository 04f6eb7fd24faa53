"""When the state of a training is saved, and how it comes back: State <-> checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dltrain.config.records import Checkpoints
from dltrain.engine.architecture import Program
from dltrain.engine.fit import require_finite
from dltrain.engine.state import Position, State
from dltrain.runs import Checkpoint, RunFolder
from dltrain.signals import REQUEUE, Signals, Stopped

PAUSED = 0
"""Exit code of a training that came to where it was to pause."""


@dataclass(slots=True)
class Interrupts:
    """What may end or save a training between two batches: signals and the time it was given; or at an epoch's end."""

    signals: Signals = field(default_factory=Signals)
    until_epoch: int | None = None
    """After so many epochs the training is saved and left, to go on another time."""

    def stop(self) -> Stopped | None:
        """Why to leave now, if there is a reason."""
        try:
            self.signals.answer()
        except Stopped as stopped:
            return stopped
        if self.signals.leaving:
            return Stopped(self.signals.requeue_code, f"{self.signals.limit} is over")
        return None

    def pause(self, position: Position) -> Stopped | None:
        """As `stop`, at the end of an epoch."""
        until = self.until_epoch
        if until is None or position.epoch < until or position.batch:
            return None
        return Stopped(PAUSED, f"--until-epoch {until} is reached")


@dataclass(slots=True)
class Saver:
    """Saves a State into a run's folder by step, by time and when asked. Raises Diverged for one that is not finite.

    `context` goes into every checkpoint: what it belongs to (hashes of config and data), the same for the
    whole run.
    """

    folder: RunFolder
    program: Program
    rule: Checkpoints
    interrupts: Interrupts
    context: dict[str, Any]
    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False)
    _step: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def load(self) -> State | None:
        """The state of the newest sound checkpoint; None when there is none. Raises Damaged when none is sound, Stopped
        when it is as far as it is to go for now."""
        found = self.folder.load_checkpoint(fault=self._foreign, keep=self.rule.keep)
        state = state_of(found) if found else None
        if state is not None and (pause := self.interrupts.pause(state.position)):
            raise pause
        return state

    def _foreign(self, checkpoint: Checkpoint) -> str | None:
        other = [key for key, value in self.context.items() if checkpoint.meta.get(key) != value]
        return f"it belongs to another run: {', '.join(other)} differ" if other else None

    def after_step(self, state: State) -> None:
        """Saves if it is time to. Raises Stopped, after saving, if it is time to leave."""
        stop = self.interrupts.stop()
        if stop or self.interrupts.signals.save or self._due(state.position.step):
            self.save(state)
            self.interrupts.signals.save = False
        if stop:
            raise stop

    def after_epoch(self, state: State) -> None:
        """As `after_step`, and keeps every n-th epoch's state for good. Raises Stopped, after saving, where training
        is to pause."""
        every = self.rule.every_epochs
        if every is not None and state.position.epoch % every == 0:
            self.save(state, protect=True)
        pause = self.interrupts.pause(state.position)
        if pause:
            self.save(state)
            raise pause
        self.after_step(state)

    def finish(self, state: State) -> str:
        """Saves the last state, which holds the best parameters too; of the others those of `every_epochs` stay."""
        return self.save(state, keep=1)

    def save(self, state: State, protect: bool = False, keep: int | None = None) -> str:
        """Saves now; returns the checkpoint's name."""
        require_finite(self.program, state)
        position = state.position
        place = {"step": position.step, "epoch": position.epoch, "batch": position.batch}
        meta = {"format": 1, **place, "state": state.numbers(), **self.context}
        name = self.folder.save_checkpoint(state.arrays(), meta, keep=keep or self.rule.keep, protect=protect)
        self._last, self._step = self.clock(), position.step
        return name

    def _due(self, step: int) -> bool:
        rule = self.rule
        if rule.every_steps is not None and step % rule.every_steps == 0 and step != self._step:
            return True
        return rule.every_minutes is not None and self.clock() - self._last >= 60 * rule.every_minutes


def state_of(checkpoint: Checkpoint) -> State:
    """The State that a checkpoint holds."""
    return State.load(checkpoint.arrays, checkpoint.meta["state"])


__all__ = ["REQUEUE", "Interrupts", "Saver", "Stopped", "state_of"]
