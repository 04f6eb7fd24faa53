"""The proof that nothing leaks: every row outside the training set is changed, and no training tensor moves.

What training sees may depend on its own rows alone. So the data are prepared twice as `train` prepares them, from
the same split on, the second time with the inputs, targets and weights of all other rows perturbed: numbers far
off, categories never seen, gaps where they are filled. Then the training arrays and everything that the
preparation has fitted must be the same, bit for bit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dltrain.config.records import Experiment
from dltrain.data.fitting.cleaning import labels_of
from dltrain.data.large.store import stored
from dltrain.data.preparing import Part, Prepared, Tables, finish, read_and_split
from dltrain.data.splitting.dealing import Drawn
from dltrain.data.suspicion.perturbing import Perturbed, perturbed
from dltrain.errors import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A part other than train, after the perturbation."""

    part: str
    rows: int
    cells: int
    """Raw cells with another value, gaps among them."""
    gaps: int
    """Gaps put in."""
    categories: int
    """Cells with a category that no row had."""
    targets: int
    moved: int
    """Rows that the network sees differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Something that training uses, before and after."""

    name: str
    size: str
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was changed, and what stayed as it was."""

    changed: tuple[Changed, ...]
    compared: tuple[Compared, ...]

    @property
    def leaks(self) -> tuple[str, ...]:
        """What moved and must not."""
        return tuple(one.name for one in self.compared if not one.same)

    def to_json(self) -> dict[str, Any]:
        return {
            "leaks": list(self.leaks),
            "perturbed": [{name: getattr(one, name) for name in Changed.__slots__} for one in self.changed],
            "compared": [{"name": one.name, "size": one.size, "same": one.same} for one in self.compared],
        }


def check(experiment: Experiment, before: Prepared) -> Report:
    """Perturbs every row of dev, test and train_dev and prepares again; `before` is what `train` uses.

    Raises InputError where there is no such row.
    """
    if any(stored(part.X) is not None for part in before.parts.values()):
        message = "the data are larger than memory, and the proof needs all of them there; try it on 100000 rows"
        raise InputError(Problem(message, "data.limit"))
    tables = read_and_split(experiment)
    if set(tables.drawn) == {"train"}:
        raise InputError("all rows are in train: there is no other part from which something could leak")
    drawn, changes = _perturb(tables, gaps=bool(before.preparation.fills))
    after = finish(experiment, replace(tables, drawn=drawn))
    changed = tuple(
        _changed(part, changes[part], before.parts[part], after.parts[part]) for part in tables.drawn if part != "train"
    )
    for one in changed:
        if not one.moved:
            raise InputError(f"the perturbation of {one.part} did not reach the network: it would prove nothing")
    return Report(changed=changed, compared=tuple(_compared(before, after)))


def _perturb(tables: Tables, gaps: bool) -> tuple[dict[str, Drawn], dict[str, Perturbed]]:
    """The same parts, their tables changed in every row that is not a training row."""
    train = tables.drawn["train"]
    targets = labels_of(train.raw)[train.rows]
    made: dict[int, Perturbed] = {}
    for one in tables.drawn.values():
        if id(one.raw) not in made:
            kept = train.rows if one.raw is train.raw else None
            made[id(one.raw)] = perturbed(one.raw, kept, targets, quantity=tables.task == "regression", gaps=gaps)
    parts = {part: replace(one, raw=made[id(one.raw)].raw) for part, one in tables.drawn.items()}
    return parts, {part: made[id(one.raw)].of(one.rows) for part, one in tables.drawn.items()}


def _changed(part: str, made: Perturbed, before: Part, after: Part) -> Changed:
    moved = (before.X != after.X).any(axis=1) | (before.y != after.y)
    return Changed(
        part=part,
        rows=len(before.rows),
        cells=int(made.cells.sum()),
        gaps=int(made.gaps.sum()),
        categories=int(made.categories.sum()),
        targets=int(made.targets.sum()),
        moved=int(moved.sum()),
    )


def _compared(before: Prepared, after: Prepared) -> list[Compared]:
    """The training arrays, then every field of the preparation, then the sizes from which the network follows."""
    one, two = before.parts["train"], after.parts["train"]
    found = [
        _array(f"train.{name}", getattr(one, name), getattr(two, name)) for name in ("X", "y", "weights", "rows", "raw")
    ]
    plain, other = before.preparation.to_json(), after.preparation.to_json()
    plain["inputs"], other["inputs"] = list(before.preparation.inputs), list(after.preparation.inputs)
    for name in sorted({*plain, *other} - {"format"}):
        found.append(_value(f"preparation.{name}", plain.get(name), other.get(name)))
    facts = [{"m": data.facts.m, "n_x": data.facts.n_x, "task": data.facts.task} for data in (before, after)]
    found.append(_value("facts", facts[0], facts[1]))
    return [each for each in found if each.size != "none" or not each.same]


def _array(name: str, one: npt.NDArray[Any] | None, two: npt.NDArray[Any] | None) -> Compared:
    if one is None or two is None:
        return Compared(name=name, size="none", same=one is two)
    same = one.dtype == two.dtype and one.shape == two.shape
    same = same and np.array_equal(_bytes(one), _bytes(two))
    return Compared(name=name, size=f"{' × '.join(map(str, one.shape))} {one.dtype}", same=same)


def _bytes(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(array).view(np.uint8)


def _value(name: str, one: Any, two: Any) -> Compared:
    """Plain JSON data; Python writes a float with as many digits as make it the same bits."""
    size = "none" if one in (None, [], {}) else f"{len(one)} entries" if isinstance(one, (list, dict)) else str(one)
    return Compared(name=name, size=size, same=json.dumps(one) == json.dumps(two))
