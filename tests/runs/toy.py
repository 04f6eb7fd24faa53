"""A training in miniature on a real run folder: what it leaves must not depend on how often it was stopped."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import runs
from dltrain.runs import RunFolder

ID = "toy"
STEPS, EPOCH, EVERY = 12, 4, 3
BEST = {4: 0.5, 8: 0.25, 12: 0.75}
"""The error after each epoch's last step."""


def train(runs_dir: Path | str, *, keep: int = 2) -> str:
    """Starts the run, or goes on with it, or does nothing when it has finished; the state found."""
    record = runs.peek(runs_dir, ID)
    if record is not None and record["state"] == "finished":
        return "finished"
    folder = runs.create(runs_dir, ID, "x", {}) if record is None else runs.reopen(runs_dir, ID)
    with folder:
        _train(folder, keep)
    return record["state"] if record else "none"


def _train(folder: RunFolder, keep: int) -> None:
    found = folder.load_checkpoint()
    theta = np.array(found.arrays["theta"]) if found else np.zeros(6)
    step = found.meta["step"] if found else 0
    best: Any = None
    if found:
        best = found.name if found.meta["protected"] == "best" else found.meta["best"]
    folder.state("running")
    last = found.name if found else save(folder, theta, 0, best, keep)
    while step < STEPS:
        step += 1
        update(theta, step)
        if step % EPOCH == 0:
            folder.append_metrics(line(theta, step))
            if best is None or BEST[step] <= min(BEST[earlier] for earlier in BEST if earlier <= step):
                last = best = save(folder, theta, step, best, keep, protect="best")
            else:
                last = save(folder, theta, step, best, keep)
        elif step % EVERY == 0:
            last = save(folder, theta, step, best, keep)
    folder.keep_only({best, last})
    folder.write("model.safetensors", runs.encode_model(theta, np.zeros(0), {}))
    folder.state("finished")


def update(theta: np.ndarray, step: int) -> None:  # type: ignore[type-arg]
    theta *= 0.9
    theta += [math.sin(step + k) for k in range(len(theta))]


def line(theta: np.ndarray, step: int) -> dict[str, Any]:  # type: ignore[type-arg]
    return {"epoch": step // EPOCH, "step": step, "cost": float(theta.sum())}


def save(folder: RunFolder, theta: Any, step: int, best: str | None, keep: int, protect: Any = False) -> str:
    meta = {"step": step, "epoch": step // EPOCH, "batch": step % EPOCH, "best": best}
    return folder.save_checkpoint({"theta": theta}, meta, keep=keep, protect=protect)


def digest(runs_dir: Path | str) -> str:
    """One hash over everything that equal runs have in common, names included."""
    folder = Path(runs_dir) / ID
    total = hashlib.sha256()
    for path in sorted([*folder.glob("checkpoints/*"), folder / "metrics.jsonl", folder / "model.safetensors"]):
        total.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()
