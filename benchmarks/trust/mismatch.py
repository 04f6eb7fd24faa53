"""Is a data mismatch found where there is one, and only there?

Pen digits: the official test part comes from other writers than the training part. And ten generated shifts, each
beside the same problem without one; all are redrawn, to tell luck from power.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.trust.networks import Fitted, train
from benchmarks.trust.problems import Draw, Kind, Problem, Shift
from benchmarks.trust.trainings import prepared, trained, written
from dltrain import experiment
from dltrain.diagnosis import diagnose

N = 2000
"""Examples of train-dev and of dev."""
M, UNITS, STEPS = 1500, (16,), 600
SHIFTS: tuple[tuple[Kind, Shift], ...] = (
    ("binary", Shift(kind="moved", strength=1.0)),
    ("binary", Shift(kind="turned", strength=1.5)),
    ("binary", Shift(kind="blanked", strength=0.3)),
    ("binary", Shift(kind="relabelled", strength=0.1)),
    ("multiclass", Shift(kind="moved", strength=1.0)),
    ("multiclass", Shift(kind="blurred", strength=0.7)),
    ("multiclass", Shift(kind="swapped", strength=0.3)),
    ("multiclass", Shift(kind="clipped", strength=1.5)),
    ("multiclass", Shift(kind="relabelled", strength=0.1)),
    ("regression", Shift(kind="scaled", strength=0.5)),
)
REDRAWS = 20


@dataclass(frozen=True, slots=True)
class Found:
    """One shift: its size in truth, and the verdicts with and without it, redraw by redraw."""

    name: str
    mismatch: float
    shifted: list[str]
    unshifted: list[str]


def measure(number: int) -> Found:
    """Verdicts of mismatch on fresh train-dev and dev sets, with the shift and without."""
    kind, shift = SHIFTS[number]
    classes = 4 if kind == "multiclass" else 2
    problem = Problem(kind=kind, family="regions", seed=3_000_000 + number, classes=classes, noise=0.05)
    fitted = train(problem, M, UNITS, STEPS)
    times = REDRAWS if kind != "regression" else REDRAWS // 4
    return Found(
        name=f"{kind}, {shift.kind} by {shift.strength:g}",
        mismatch=fitted.risk(shift) - fitted.risk(),
        shifted=[_verdict(fitted, redraw, shift) for redraw in range(times)],
        unshifted=[_verdict(fitted, redraw, None) for redraw in range(times)],
    )


def _verdict(fitted: Fitted, redraw: int, shift: Shift | None) -> str:
    parts = {
        "train": fitted.train,
        "train_dev": fitted.measure(N, Draw.TRAIN_DEV, redraw),
        "dev": fitted.measure(N, Draw.DEV, redraw, shift),
    }
    verdict: str = diagnose(parts, task=fitted.problem.kind, threshold=0.02, confidence=0.95)["verdict"]["mismatch"]
    return verdict


def pendigits(data: Path | None) -> dict[str, object] | None:
    """Train and train-dev of the training part's writers, dev of the others; and dev of the same writers."""
    folder = None if data is None else data / "pendigits"
    if folder is None or not folder.is_dir():
        return None
    with tempfile.TemporaryDirectory() as place:
        found = {}
        for name, other in (("other_writers", True), ("same_writers", False)):
            declared = {
                "data": {"source": str(folder / "pendigits_train.csv"), "target": "digit", "task": "multiclass"},
                "split": {"train": 0.75, "train_dev": 0.2, "dev": 0.25, "test": 0},
                "architecture": {"layers": [32]},
                "optimizer": {"kind": "adam", "learning_rate": 0.005},
                "training": {"epochs": 15},
            }
            if other:
                declared["data"]["dev_test_source"] = str(folder / "pendigits_test.csv")
                declared["split"] = {"train_dev": 0.2, "dev": 1.0, "test": 0}
            ready = prepared(written(Path(place), name, declared))
            best = trained(ready)
            assert best is not None
            found[name] = experiment.diagnose(ready, best)["gaps"]["mismatch"]
        return found


def summarize(found: list[Found], writers: dict[str, object] | None) -> dict[str, object]:
    """Found at the first draw, and how often over all redraws."""
    shifted = np.concatenate([np.array(one.shifted) == "high" for one in found])
    unshifted = np.concatenate([np.array(one.unshifted) == "high" for one in found])
    return {
        "shifts": [
            {"name": one.name, "mismatch": one.mismatch, "found": one.shifted[0], "unshifted": one.unshifted[0]}
            for one in found
        ],
        "found_of_shifted": sum(one.shifted[0] == "high" for one in found),
        "found_of_unshifted": sum(one.unshifted[0] == "high" for one in found),
        "power": float(shifted.mean()),
        "false_alarms": float(unshifted.mean()),
        "redraws": len(shifted),
        "pendigits": writers,
    }
