"""What dltrain says when it refuses an input: one line for each thing wrong, and exit code 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: what came, what was expected, what to try; and where, as far as it is known.

    `key` is a dotted path of the config (`split.train`); whoever knows the file turns it into a place.
    `where` is a place already (`data.csv:7:3`) and stands first in the line.
    """

    message: str
    key: str | None = None
    where: str | None = None

    def line(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class InputError(Exception):
    """The input was refused. Carries every problem found, so that all are told at once. Exit code 2."""

    exit_code = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            Problem(problem) if isinstance(problem, str) else problem for problem in problems
        )
        super().__init__("\n".join(problem.line() for problem in self.problems))


class RunExists(InputError):
    """The run id exists already with another config or other data. Exit code 73."""

    exit_code = 73


class RunHeld(InputError):
    """The run is held by another live process. Exit code 69."""

    exit_code = 69


class StorageError(InputError):
    """The disk is full, or reading or writing failed. Exit code 74."""

    exit_code = 74


class ClusterGone(InputError):
    """The cluster that ran a study's trials does not answer; the study can go on later. Exit code 74, an I/O error."""

    exit_code = 74


class Damaged(InputError):
    """Stored state is damaged. Exit code 65."""

    exit_code = 65


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean X?` for the nearest known word, or an empty string."""
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
