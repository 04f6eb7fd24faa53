"""A finished search as Optuna's database, which its dashboard opens: `optuna-dashboard sqlite:///study.db`.

A copy to look at: the trial folders stay the truth, and nothing is ever read back from it.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltrain.studies.points import Point
from dltrain.studies.space import Dimension, Space
from dltrain.studies.tpe import load_optuna

NAME = "study.db"


def database(name: str, space: Space, points: Sequence[Point]) -> bytes:
    """The file's bytes: a trial a point, each parameter on its own scale. Raises InputError without Optuna."""
    optuna = load_optuna()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
        study = optuna.create_study(study_name=name, storage=storage)
        study.add_trials([_trial(optuna, space, point) for point in points])
        storage.engine.dispose()
        return file.read_bytes()


def _trial(optuna: Any, space: Space, point: Point) -> Any:
    states = optuna.trial.TrialState
    state = states.PRUNED if point.state == "pruned" else states.COMPLETE
    if point.objective is None:
        state = states.FAIL
    dimensions = [one for one in space.dimensions if one.path in point.overrides]
    return optuna.trial.create_trial(
        state=state,
        value=point.objective if state is states.COMPLETE else None,
        params={one.path: _param(one, point.overrides[one.path]) for one in dimensions},
        distributions={one.path: _distribution(optuna, one) for one in dimensions},
        intermediate_values={int(point.epochs): point.objective} if state is states.PRUNED else None,
        user_attrs={
            "state": point.state,
            "round": point.round,
            "trials": [result.trial for result in point.results],
        },
    )


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    values, kinds = dimension.values, optuna.distributions
    if dimension.scale == "choice":
        return kinds.CategoricalDistribution([_param(dimension, value) for value in values.values])
    log = dimension.scale == "log"
    if isinstance(values.low, int):
        return kinds.IntDistribution(values.low, values.high, log=log)
    return kinds.FloatDistribution(values.low, values.high, log=log)


def _param(dimension: Dimension, value: Any) -> Any:
    """What is no single value is shown as JSON."""
    if dimension.scale != "choice" or value is None or isinstance(value, (bool, int, str)):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else json.dumps(value, ensure_ascii=False)
