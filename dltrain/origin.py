"""`--from RUN[@EPOCH]`: the parameters that a new run starts from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltrain import runs
from dltrain.engine.architecture import Architecture
from dltrain.engine.arrays import Floats
from dltrain.engine.layout import Layout
from dltrain.engine.state import State
from dltrain.errors import InputError


@dataclass(frozen=True, slots=True)
class Origin:
    """Parameters of another run: its model, or those of a checkpoint."""

    name: str
    """RUN or RUN@EPOCH, as run.json's `parent` says it."""
    theta: Floats
    stats: Floats
    layout: Layout
    given: str
    """As it was typed."""

    def require_fits(self, layout: Layout) -> None:
        """Raises InputError if the networks differ."""
        if self.layout != layout:
            ours, theirs = _sizes(layout), _sizes(self.layout)
            raise InputError(f"--from {self.name}: its network is {theirs}, this config's is {ours}")

    def give(self, state: State, layout: Layout) -> None:
        """theta and batch norm's averages of the state := the origin's. Raises InputError if the networks differ."""
        self.require_fits(layout)
        state.theta[...] = self.theta
        state.stats[...] = self.stats


def _sizes(layout: Layout) -> str:
    weights = [block.shape for block in layout.blocks if block.role == "weight"]
    norm = ", batch norm" if any(block.role == "gamma" for block in layout.blocks) else ""
    return "-".join(str(n) for n in (weights[0][0], *(shape[1] for shape in weights))) + norm


def find_origin(runs_dir: Path, text: str) -> Origin:
    """The parameters that `RUN` or `RUN@EPOCH` names; an epoch that was not kept is refused, the kept ones listed."""
    name, at, epoch = text.rpartition("@")
    if not at or os.sep in epoch:  # a folder on the way may have an @ in its name
        name, at, epoch = text, "", ""
    path = runs.find(runs_dir, name)
    theta, stats, meta = runs.decode_model(path / "model.safetensors") if not at else _kept(path, epoch)
    return Origin(f"{path.name}{at}{epoch}", theta, stats, Architecture.of(meta["architecture"]).layout(), text)


def recorded_origin(path: Path, record: Mapping[str, Any]) -> Origin | None:
    """What an interrupted run starts from; None once it has a checkpoint of its own, or where it had no origin."""
    parent = record.get("parent")
    if not parent or runs.list_checkpoints(path):
        return None
    given = record.get("given") or {}
    typed = str(given.get("from") or "")
    return find_origin(path.parent, os.path.join(given["folder"], typed) if os.sep in typed else parent)


def _kept(path: Path, epoch: str) -> tuple[Floats, Floats, dict[str, Any]]:
    """The parameters after an epoch: those of a checkpoint at its end, or the best that the newest one holds."""
    kept: dict[str, tuple[Floats, Floats, dict[str, Any]]] = {}
    for one in runs.list_checkpoints(path):
        found = runs.read_checkpoint(path, one.name)
        arrays, meta = found.arrays, found.meta
        if "best.theta" in arrays:
            kept[str(meta["state"]["stopping"]["epoch"])] = (arrays["best.theta"], arrays["best.stats"], meta)
        if one.epoch is not None:
            kept[str(one.epoch)] = (arrays["theta"], arrays["stats"], meta)
    if epoch not in kept:
        there = ", ".join(sorted(kept, key=int)) or "none"
        raise InputError(f"--from {path.name}@{epoch}: that epoch was not kept; kept: {there}")
    return kept[epoch]
