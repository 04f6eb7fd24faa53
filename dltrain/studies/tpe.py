"""`search.kind: tpe`: rounds proposed by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011).

Each round is proposed anew from the points of the rounds before, by a sampler seeded from their number: nothing of
Optuna's is kept between rounds. Points go in as places and ranks: no scale and no infinity is a matter.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltrain.engine.streams import Purpose, generator
from dltrain.errors import InputError, Problem
from dltrain.studies.points import Point
from dltrain.studies.space import COUNT, Dimension, Space, layer_of

if TYPE_CHECKING:
    import optuna

AT_RANDOM = 10
"""Points drawn at random before the estimator has a say."""
MISSING = "search.kind: tpe needs Optuna: pip install 'dltrain[optuna]'"


def load_optuna() -> Any:
    """Optuna, silent. Raises InputError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise InputError(Problem(MISSING, "search.kind")) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def propose(space: Space, done: Sequence[Point], count: int, seed: int) -> list[list[float]]:
    """The places of the next `count` points, given all of the rounds before, in order; one place a dimension.

    Raises InputError where Optuna is not installed.
    """
    optuna = load_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=int(generator(seed, Purpose.SEARCH, len(done)).integers(2**31)),
            n_startup_trials=AT_RANDOM,
            multivariate=True,
            group=True,
            constant_liar=True,  # points of one round keep away from each other
        )
        study = optuna.create_study(sampler=sampler)
        study.add_trials(_known(optuna, space, done))
        return [_asked(study.ask(), space) for _ in range(count)]


def _known(optuna: Any, space: Space, done: Sequence[Point]) -> list[Any]:
    """Points with a result as finished trials, their ranks for objectives; what diverged shares the last."""
    order = sorted((point for point in done if point.objective is not None), key=lambda point: point.rank)
    sound = sum(point.is_sound for point in order)
    ranks = {point.index: min(place, sound) for place, point in enumerate(order)}
    trials = []
    for point in done:
        if point.index in ranks:
            places = space.places(point.overrides)
            trials.append(
                optuna.trial.create_trial(
                    value=float(ranks[point.index]),
                    params={path: _param(space[path], place) for path, place in places.items()},
                    distributions={path: _distribution(optuna, space[path]) for path in places},
                )
            )
    return trials


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    if dimension.scale == "choice":
        return optuna.distributions.CategoricalDistribution(range(len(dimension.values.values)))
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _param(dimension: Dimension, place: float) -> float | int:
    return math.floor(place * len(dimension.values.values)) if dimension.scale == "choice" else place


def _asked(trial: optuna.Trial, space: Space) -> list[float]:
    """A dimension is asked for once all that it depends on is known, and only if it counts then."""
    values: dict[str, Any] = {}
    places: dict[str, float] = {}
    varied = {one.path for one in space.dimensions}
    while waiting := [one for one in space.dimensions if one.path not in values and one.counts(values)]:
        known = [one for one in waiting if layer_of(one.path) is None or COUNT not in varied - values.keys()]
        for one in known:
            places[one.path] = _suggested(trial, one)
            values[one.path] = one.values.at(places[one.path])
    return [places.get(one.path, 0.5) for one in space.dimensions]


def _suggested(trial: optuna.Trial, dimension: Dimension) -> float:
    if dimension.scale != "choice":
        return trial.suggest_float(dimension.path, 0.0, 1.0)
    number = len(dimension.values.values)
    return (trial.suggest_categorical(dimension.path, range(number)) + 0.5) / number
