"""Whether the points of a space can be trained at all: some of them are put over the config before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dltrain import config
from dltrain.errors import InputError, Problem
from dltrain.ready import Ready
from dltrain.studies.coordinator import text_of
from dltrain.studies.drawing import random_places
from dltrain.studies.model import Overrides
from dltrain.studies.search import Search
from dltrain.studies.space import COUNT, Space
from dltrain.studies.starting import trial_tree

NEAR_ONE = 1 - 1e-9
MOST = 100
"""Probes at most; each takes some milliseconds."""
DRAWN = 8
"""Of the search's own points, beside the ends of all ranges and every value of a choice."""


def require_applicable(ready: Ready, search: Search) -> None:
    """Raises InputError for keys whose values a config can't have, as trials would find out one by one."""
    problems: dict[str, Problem] = {}
    for overrides in probes(search):
        for problem in refusals(ready, overrides):
            key = f"search.space.{problem.key}" if problem.key in search.space else "search.space"
            said = problem.message if problem.key in search.space else problem.line()
            shown = " ".join(text_of(override) for override in overrides.items())
            problems.setdefault(key, Problem(f"{said} (at {shown})", key))
    if problems:
        raise InputError(*problems.values())


def probes(search: Search) -> Sequence[Overrides]:
    """The ends of all ranges, together and beside the middle of the others, every value of a choice, and some of the
    points that a random search would begin with."""
    space = search.dimensions
    places = [*_probed(space), *(random_places(space, search.seed, number) for number in range(DRAWN))]
    found = {json.dumps(one, default=str): one for one in map(space.sample, places)}
    return list(found.values())[:MOST]


def _probed(space: Space) -> Iterator[list[float]]:
    """Layers are all there, where their number is varied, but for its own lower end."""
    middle = [NEAR_ONE if one.path == COUNT else 0.5 for one in space.dimensions]
    yield from ([0.0] * len(space), [NEAR_ONE] * len(space), middle)
    for place, one in enumerate(space.dimensions):
        several = len(one.values.values)
        for u in [(n + 0.5) / several for n in range(several)] if several else [0.0, NEAR_ONE]:
            yield [*middle[:place], u, *middle[place + 1 :]]


def refusals(ready: Ready, overrides: Overrides) -> tuple[Problem, ...]:
    """What a trial with these overrides would be refused for."""
    text = json.dumps(trial_tree(ready.loaded.tree), ensure_ascii=False)
    try:
        loaded = config.load(["config"], [text_of(override) for override in overrides.items()], {"config": text})
        if not any(path.startswith("data.") for path in overrides):
            data = replace(loaded.experiment.data, image_shape=ready.plan.experiment.data.image_shape)
            split = ready.data.settled_split
            config.resolve(replace(loaded.experiment, data=data, split=split), ready.plan.facts)
    except InputError as error:
        return error.problems
    return ()
