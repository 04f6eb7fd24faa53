"""Studies without training: results by hand, and an executor that only pretends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltrain.studies.executor import Ended, Task
from dltrain.studies.folder import StudyFolder, create
from dltrain.studies.model import Context, Result, Rules

CONTEXT = Context(task="multiclass", confidence=0.95, threshold=0.02)
DATA = "d" * 64


def result(trial: int, dev: float | None, overrides: dict[str, Any] | None = None, **more: Any) -> Result:
    """A finished trial with this dev error, of 100 rows; one without is diverged."""
    entry = {"value": dev, "low": 0.0, "high": 1.0, "n": 100}
    fields: dict[str, Any] = {"outcome": "finished", "errors": {"train": {**entry, "value": 0.01}, "dev": entry}}
    if dev is None:
        fields = {"outcome": "diverged", "cause": "at step 3"}
    return Result(
        **{
            "trial": trial,
            "round": 1,
            "overrides": overrides or {"seed": trial},
            "path": Path("none"),
            **fields,
            **more,
        }
    )


def folder_in(tmp_path: Path, study: Any, rules: Rules = Rules()) -> StudyFolder:  # noqa: B008
    facts = {"task": "multiclass", "data": {"sha256": DATA}, "study": study.to_json(), "given": {}}
    return create(tmp_path / "runs", "one", "name", facts, {"config.trial.yaml": b"{}"})


def finish(folder: Path, trial: int, dev: float = 0.1, state: str = "finished", data: str = DATA) -> None:
    """What a trial that came to its end leaves."""
    path = folder / "trials" / str(trial)
    path.mkdir(parents=True, exist_ok=True)
    (path / "run.json").write_text(json.dumps({"state": state, "created": "now", "data": {"sha256": data}}))
    if state == "finished":
        errors = {"dev": {"value": dev, "low": dev / 2, "high": dev * 2, "n": 50}}
        (path / "diagnosis.json").write_text(json.dumps(whole_diagnosis(errors)))


def whole_diagnosis(errors: Mapping[str, Any], gaps: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A diagnosis.json with these errors and gaps; the rest so that it is whole."""
    known = {"bayes": {"value": 0.0, "source": "assumed"}, "train": {"value": 0.01}, "dev": None, **errors}
    plain = {"low": None, "high": None, "point": "low"}
    found = dict.fromkeys(("avoidable_bias", "variance", "mismatch", "test_gap"))
    return {
        "errors": known,
        "gaps": {**found, **{name: gap and {**plain, **gap} for name, gap in (gaps or {}).items()}},
        "verdict": dict.fromkeys(("bias", "variance", "mismatch")),
        "headline": "low bias",
        "task": CONTEXT.task,
        "threshold": CONTEXT.threshold,
        "confidence": CONTEXT.confidence,
        "advice": [],
    }


Ending = Callable[[Task, int], Ended]


@dataclass
class Pretender:
    """An executor whose tasks end as `ending(task, attempt)` says, the last started first."""

    ending: Ending
    workers: int = 2
    started: list[Task] = field(default_factory=list)
    live: list[Task] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.workers - len(self.live)

    @property
    def running(self) -> int:
        return len(self.live)

    def start(self, task: Task) -> None:
        assert self.free > 0
        self.started.append(task)
        self.live.append(task)

    def wait(self, seconds: float) -> list[Ended]:
        if not self.live:
            return []
        task = self.live.pop()
        return [self.ending(task, sum(one.trial == task.trial for one in self.started))]

    def ask_to_leave(self) -> None:
        self.asked.append("leave")

    def save(self) -> None:
        self.asked.append("save")

    def close(self) -> None:
        self.asked.append("close")


class Silent:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.over: list[int] = []

    def round(self, trials: Mapping[int, Any], done: int) -> None: ...

    def started(self, trial: int, attempt: int) -> None: ...

    def ended(self, result: Result) -> None:
        self.over.append(result.trial)

    def tick(self) -> None: ...
