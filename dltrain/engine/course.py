"""Which program holds in which epoch: a training may be adjusted between two epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dltrain.engine.architecture import Program


def batch_bounds(m: int, batch_size: int, batch_norm: bool) -> list[int]:
    """Where mini-batches begin, and m. With batch norm a last batch of one joins the one before."""
    bounds = [*range(0, m, batch_size), m]
    if batch_norm and len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        del bounds[-2]
    return bounds


def bounds_of(program: Program, m: int) -> list[int]:
    """`batch_bounds` of the program's batches on m training examples."""
    return batch_bounds(m, program.batch_size, any(layer.batch_norm for layer in program.architecture.layers))


def batches_of(program: Program, m: int) -> int:
    """Steps of an epoch on m training examples."""
    return len(bounds_of(program, m)) - 1


@dataclass(frozen=True, slots=True)
class Course:
    """Programs by the epoch from which on they hold; the first holds from 1. They differ in nothing that the State
    depends on: neither parameters nor the optimizer's kind.

    What an epoch does depends on the programs up to it alone, so that one who adds a later program changes nothing of
    what was before.
    """

    stretches: tuple[tuple[int, Program], ...]

    @classmethod
    def of(cls, given: Program | Course) -> Course:
        """A program that holds throughout, or the course itself."""
        return given if isinstance(given, Course) else cls(((1, given),))

    def at(self, epoch: int) -> Program:
        """The program of an epoch, from 1."""
        return [program for start, program in self.stretches if start <= epoch][-1]

    def planned(self, epoch: int, m: int) -> tuple[int, int]:
        """(epochs, steps) of the whole training as the program of this epoch plans them, after those that went before
        its stretch."""
        epochs, steps, program = 0, 0, self.stretches[0][1]
        for start, later in self.stretches[1:]:
            if start > epoch:
                break
            epochs, steps, program = start - 1, steps + (start - 1 - epochs) * batches_of(program, m), later
        an_epoch = batches_of(program, m)
        if program.steps is not None:
            return epochs + math.ceil((program.steps - steps) / an_epoch), program.steps
        total = program.epochs or 0
        return total, steps + (total - epochs) * an_epoch

    def total(self, m: int) -> tuple[int, int]:
        """(epochs, steps) that it takes on m training examples, if nothing stops it early."""
        for start, _ in self.stretches[1:]:
            epochs, steps = self.planned(start - 1, m)
            if epochs < start - 1:  # it ends before the next program has a say
                return epochs, steps
        return self.planned(self.stretches[-1][0], m)
