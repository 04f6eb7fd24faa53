"""Reading what a run folder holds as JSON: run.json, diagnosis.json, test.json, metrics.jsonl."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from dltrain.errors import Damaged, InputError
from dltrain.runs import run_shapes
from dltrain.runs.run_shapes import ALIVE as ALIVE
from dltrain.runs.run_shapes import STATES as STATES
from dltrain.runs.shapes import Shape
from dltrain.runs.study_shapes import STUDY as STUDY_SHAPE
from dltrain.storage import held, read_if_there, shown, write_json

PathLike = str | os.PathLike[str]
RUN, LOCK, METRICS, EVENTS = "run.json", ".lock", "metrics.jsonl", "events.jsonl"
STUDY, TRIALS = "study.json", "trials"
DIAGNOSIS, TEST, MODEL, PAGE = "diagnosis.json", "test.json", "model.safetensors", "report.html"
PREPARATION = "preparation.json"
_SHAPES: dict[str, Shape] = {
    RUN: run_shapes.RUN,
    STUDY: STUDY_SHAPE,
    DIAGNOSIS: run_shapes.TABLE,
    TEST: run_shapes.TEST,
    PREPARATION: run_shapes.PREPARATION,
}


def read_run(path: PathLike) -> dict[str, Any]:
    """run.json of a run folder, its state as of now: `interrupted` where it says created or running but no
    live process holds the run. Raises InputError when there is none, Damaged when it makes no sense."""
    return _as_of_now(os.fspath(path), RUN)


def read_study(path: PathLike) -> dict[str, Any]:
    """study.json of a study's folder; its state, and what it raises, as `read_run`."""
    return _as_of_now(os.fspath(path), STUDY)


def read_either(path: PathLike) -> dict[str, Any]:
    """`read_study` of a study, else `read_run`."""
    return read_study(path) if is_study(path) else read_run(path)


def is_study(path: PathLike) -> bool:
    """Whether the folder is a study's: several runs, in its folder `trials`."""
    return os.path.lexists(os.path.join(path, STUDY))


def home_of(path: PathLike) -> tuple[Path, str]:
    """The runs folder that a run belongs to, and its name there: `STUDY/17` for a trial."""
    run = Path(path)
    study = run.parents[1]
    if run.parent.name == TRIALS and is_study(study):
        return study.parent, f"{study.name}/{run.name}"
    return run.parent, run.name


def _as_of_now(folder: str, name: str) -> dict[str, Any]:
    run = read_record(folder, name)
    if run["state"] in ALIVE and not held(os.path.join(folder, LOCK)):
        run = read_record(folder, name)  # it may have finished between the two looks
        if run["state"] in ALIVE and not ("batch" in run and _has_jobs(folder)):
            run["state"] = "interrupted"
    return run


def _has_jobs(study: str) -> bool:
    """Whether a job is at work on a trial; each holds a lock of its own."""
    with suppress(FileNotFoundError), os.scandir(os.path.join(study, "attempts")) as entries:
        return any(held(entry.path) for entry in entries if entry.name.endswith(LOCK))
    return False


def read_record(path: PathLike, name: str) -> dict[str, Any]:
    """A JSON file of a run folder. Raises InputError when there is none, Damaged when it makes no sense."""
    record = find_record(path, name)
    if record is None:
        raise InputError(f"{shown(path)} has no {name}")
    return record


def find_record(path: PathLike, name: str) -> dict[str, Any] | None:
    """A JSON file of a run folder, or None when there is none. Raises Damaged when it makes no sense: with what is
    wrong in a file that we know, or where it is no object."""
    file = os.path.join(path, name)
    data = read_if_there(file)
    return None if data is None else _parse(data, file, _SHAPES.get(name))


def _parse(data: bytes, place: str, shape: Shape | None = None) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        cause = "too deep" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise Damaged(f"{shown(place)} is damaged: not JSON ({cause})") from error
    return checked(value, place, shape)


def checked(value: Any, place: PathLike, shape: Shape | None = None) -> dict[str, Any]:
    """The value of a file, which must be an object of this shape. Raises Damaged."""
    if not isinstance(value, dict):
        raise Damaged(f"{shown(place)} is damaged: expected a JSON object")
    if shape is not None and (fault := shape(value, "")) is not None:
        raise Damaged(f"{shown(place)} is damaged: {fault}")
    return value


def read_metrics(path: PathLike) -> list[dict[str, Any]]:
    """The records of metrics.jsonl of a run folder, one an epoch. What follows the last end of line is a
    line still being written, or torn by a kill: left out. Raises Damaged for any other line that makes no sense."""
    return _read_lines(path, METRICS, run_shapes.LINE)


def read_events(path: PathLike) -> list[dict[str, Any]]:
    """The records of events.jsonl, read as `read_metrics` does."""
    return _read_lines(path, EVENTS, run_shapes.EVENT)


def _read_lines(path: PathLike, name: str, shape: Shape) -> list[dict[str, Any]]:
    file = os.path.join(path, name)
    data = read_if_there(file) or b""
    return [_parse(line, f"{file}:{number}", shape) for number, line in enumerate(data.split(b"\n")[:-1], start=1)]


def last_metrics(path: PathLike) -> dict[str, Any] | None:
    """The last whole record of metrics.jsonl, reading only the file's end; None when there is none."""
    data = read_if_there(os.path.join(path, METRICS), last=1 << 16) or b""
    lines = data.rpartition(b"\n")[0].rsplit(b"\n", 1)
    try:
        return _parse(lines[-1], METRICS, run_shapes.LINE) if lines[-1] else None
    except Damaged:
        return None


def read_test(path: PathLike) -> dict[str, Any] | None:
    """test.json: what `evaluate --part test` measured last; None when it was never asked."""
    return find_record(path, TEST)


def write_test(path: PathLike, record: dict[str, Any]) -> None:
    """Writes test.json durably."""
    write_json(Path(path) / TEST, record)
