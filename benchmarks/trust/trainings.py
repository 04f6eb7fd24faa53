"""Experiments of configs, trained in this process and without a run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dltrain import config, experiment
from dltrain.engine.fit import Diverged, Epoch, fit, model
from dltrain.engine.network import Network
from dltrain.engine.state import Snapshot, State
from dltrain.ready import Ready


def written(folder: Path, name: str, declared: Mapping[str, Any]) -> Path:
    """A config file (JSON is YAML)."""
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"version": 1, "name": name, **declared}))
    return path


def prepared(path: Path, overrides: Sequence[str] = ()) -> Ready:
    return experiment.prepare(config.load([path], tuple(overrides)))


def again(base: Ready, path: Path, overrides: Sequence[str]) -> Ready:
    """The same data under other settings: overrides that touch neither data nor split."""
    loaded = config.load([path], tuple(overrides))
    settled = base.plan.experiment
    declared = replace(loaded.experiment, data=settled.data, split=settled.split)
    return Ready(loaded, config.resolve(declared, base.data.facts), base.data)


def trained(ready: Ready, metrics: list[dict[str, Any]] | None = None) -> Snapshot | None:
    """The parameters that a run would keep; None if training diverged. The lines of its metrics go to `metrics`."""
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    state = State.start(program)
    try:
        for event in fit(program, rows, ready.rows("dev"), state):
            if metrics is not None and isinstance(event, Epoch):
                metrics.append(event.record())
    except Diverged:
        return None
    return model(program, rows, state)


def error(ready: Ready, best: Snapshot | None, part: str) -> float:
    """The error on a part, measured clean; one that diverged has that of no knowledge, 1."""
    rows = ready.rows(part)
    assert rows is not None
    if best is None:
        return 1.0
    return rows.measured_by(Network(ready.plan.program().architecture, best.theta, best.stats)).error


def parameters(ready: Ready) -> int:
    return ready.plan.program().architecture.layout().size
