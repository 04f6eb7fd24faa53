"""The whole story on one page: prepare what a config declares, train it, say what came of it."""

from __future__ import annotations

import math
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dltrain import baselines, config, data, diagnosis, identity, runs
from dltrain.config import Loaded
from dltrain.diagnosis import Measurement
from dltrain.diagnosis.health import examine
from dltrain.engine.architecture import Program
from dltrain.engine.arrays import Floats, Ints, Targets
from dltrain.engine.beginning import begin
from dltrain.engine.fit import Diverged, Step, fit, is_over, model
from dltrain.engine.network import Measured, Network
from dltrain.engine.state import Snapshot, State
from dltrain.engine.weights import mean_error
from dltrain.errors import InputError, Problem
from dltrain.modes import training_modes
from dltrain.origin import Origin
from dltrain.ready import Ready
from dltrain.saving import Interrupts, Saver, Stopped
from dltrain.steering import Hand
from dltrain.storage import to_json

SCHEMA_VERSION = 1
"""Of every JSON object that dltrain prints or writes."""


class Watcher(Protocol):
    """Whoever looks on while a network trains."""

    def step(self, step: int) -> None: ...

    def epoch(self, record: Mapping[str, Any]) -> None: ...

    def adjusted(self, said: str, epochs: int, steps: int) -> None:
        """It was adjusted, and takes so many epochs and steps in all."""


def prepare(loaded: Loaded, report: data.Report | None = None) -> Ready:
    """Reads, splits and prepares the data, then settles the config. Raises InputError with places in the config.

    `report` is told how far the conversion of data larger than memory is.
    """
    try:
        prepared = data.prepare(loaded.experiment, report)
        image_shape = prepared.preparation.image_shape
        source = replace(loaded.experiment.data, image_shape=list(image_shape) if image_shape else None)
        declared = replace(loaded.experiment, data=source, split=prepared.settled_split)
        plan = config.resolve(declared, prepared.facts)
        _require_memory(plan)
        ready = Ready(loaded, plan, prepared)
        _require_weight(ready)
    except InputError as error:
        raise loaded.locate(error) from None
    return ready


def _require_weight(ready: Ready) -> None:
    """Raises InputError for a part without any weight: nothing could be learned from it, or measured on it."""
    empty = []
    for part, found in ready.data.parts.items():
        if found.weights is not None and not found.weights.any():
            empty.append(Problem(f"every row of {part} has weight 0, expected one above 0", "data.weight"))
    rows = ready.rows("train")
    factors = rows.loss_weights() if rows and not empty else None
    if factors is not None and not factors.any():
        empty.append(Problem("every training row has weight 0, by its own or by its class's", "data.class_weights"))
    if empty:
        raise InputError(*empty)


def _require_memory(plan: config.Plan) -> None:
    """Raises InputError for a network that this machine's memory cannot hold: better now than in a run folder."""
    program = plan.program()
    vectors = 4 + len(program.optimizer.slots)  # theta, its gradient, the best, one being saved
    need = program.architecture.layout().size * np.dtype(program.dtype).itemsize * vectors
    have = memory()
    if need > have:
        size = f"{program.architecture.layout().size:,} parameters need {need / 2**30:,.0f} GB"
        raise InputError(
            Problem(f"{size}, this machine has {have / 2**30:,.0f} GB; try fewer units", "architecture.layers")
        )


def memory() -> int:
    """Bytes of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to. `diverged` says where and how, if it did."""

    diagnosis: dict[str, Any] | None
    diverged: Diverged | None


def start(ready: Ready, runs_dir: Path, run_id: str | None, origin: Origin | None = None) -> runs.RunFolder:
    """Claims a new run folder that holds the config as given and as settled."""
    given = "---\n".join(ready.loaded.texts.values())
    files = {
        "config.yaml": given.encode(),
        "config.resolved.yaml": config.dump(ready.plan, ready.loaded).encode(),
    }
    return runs.create(
        runs_dir,
        run_id,
        ready.plan.experiment.name or "run",
        files,
        threads=ready.plan.threads,
        data_sha256=ready.data.sha256,
        task=ready.plan.facts.task,
        parent=origin.name if origin else None,
        given={**identity.of(ready), **_adjustments(ready.plan), "from": origin.given if origin else None},
    )


def train(
    ready: Ready,
    folder: runs.RunFolder,
    watcher: Watcher,
    interrupts: Interrupts | None = None,
    origin: Origin | None = None,
) -> Outcome:
    """Trains from the folder's newest checkpoint, or from the start (or the origin's parameters), writing a
    metrics line an epoch and checkpoints, and leaves the folder finished, diverged or, whatever else happens,
    interrupted or failed.

    Raises Stopped after a checkpoint when asked to leave, Damaged when no checkpoint is sound.
    """
    interrupts = interrupts or Interrupts()
    program = ready.plan.program()
    belonging = identity.belonging(ready, folder.record)
    saver = Saver(folder, program, ready.plan.experiment.training.checkpoints, interrupts, belonging)
    state: State | None = None
    try:
        with threads(ready.plan.threads):
            hand = Hand(folder, ready.plan, saver.save, watcher.adjusted)
            state = saver.load()
            folder.state("running")
            if state is None:
                state = _begin(ready, program, origin)
                for note in ready.notes:
                    folder.event("note", text=note)
                saver.save(state)  # a full disk shows in the first second
            interrupts.signals.defer()
            _follow(ready, hand, state, folder, watcher, saver)
            saver.finish(state)
            interrupts.signals.defer(False)
            return _finish(replace(ready, plan=hand.plan), state, folder)
    except Diverged as diverged:
        assert state is not None
        return _keep_diverged(ready, folder, state, diverged)
    except BaseException as error:
        _note_end(folder, error, state, asked=interrupts.signals.asked is not None)
        raise


def _adjustments(plan: config.Plan) -> dict[str, Any]:
    """What run.json says of adjustments: nothing where there are none."""
    found = [asdict(adjustment) for adjustment in plan.experiment.adjustments]
    return {"adjustments": found} if found else {}


def _begin(ready: Ready, program: Program, origin: Origin | None) -> State:
    state = State.start(program)
    if origin is not None:
        origin.give(state, program.architecture.layout())
    return state


def _follow(ready: Ready, hand: Hand, state: State, folder: runs.RunFolder, watcher: Watcher, saver: Saver) -> None:
    """Trains to the end. Where the hand changed the course, another generator goes on with the state."""
    train, dev = ready.rows("train"), ready.rows("dev")
    assert train is not None
    while not is_over(hand.course, state):
        for event in fit(hand.course, train, dev, state):
            if isinstance(event, Step):
                watcher.step(event.step)
                saver.after_step(state)
                hand.glance(state)
                continue
            record = event.record()
            folder.append_metrics(record)
            watcher.epoch(record)
            changed = hand.look(state)
            saver.after_epoch(state)
            if changed:
                break
    hand.end("the training is over")


def _note_end(folder: runs.RunFolder, error: BaseException, state: State | None, asked: bool) -> None:
    """Records how a training ended that did not finish. A disk that fails here too must not hide the error.

    `asked`: a signal came; what its handler raises may reach us as another error of foreign code.
    """
    position = {"epochs": state.position.epoch, "steps": state.position.step} if state else {}
    with suppress(InputError, OSError, ValueError):
        folder.event("stopped", why=str(error) or type(error).__name__)
        if asked or isinstance(error, (KeyboardInterrupt, Stopped, InputError)):
            folder.state("interrupted", **position)
            return
        folder.write("traceback.txt", traceback.format_exc().encode())
        folder.state("failed", **position)


def _finish(ready: Ready, state: State, folder: runs.RunFolder) -> Outcome:
    """What came of it, by the settings of the last epoch."""
    ready = replace(ready, plan=ready.plan.at(max(1, state.position.epoch)))
    program, rows = ready.plan.program(), ready.rows("train")
    assert rows is not None
    best = model(program, rows, state)
    best_epoch = state.stopping.epoch if program.early_stopping is not None else None
    course = Trained(runs.read_metrics(folder.path), best_epoch, own_start=folder.record.get("parent") is None)
    report = diagnose(ready, best, course)
    results = {"predictions.npz": _predictions(ready, best), "diagnosis.json": _json(report)}
    folder.write_all(_model_files(ready, best) | results)
    done = {"epochs": state.position.epoch, "steps": state.position.step}
    folder.state("finished", **done, best_epoch=best_epoch)
    return Outcome(report, None)


def _keep_diverged(ready: Ready, folder: runs.RunFolder, state: State, diverged: Diverged) -> Outcome:
    """The last finite parameters are kept, and what happened is recorded."""
    for kept in (state.snapshot(), state.best):
        if kept is not None and np.isfinite(kept.theta).all() and np.isfinite(kept.stats).all():
            folder.write_all(_model_files(ready, kept))
            break
    where = {"epoch": diverged.epoch, "step": diverged.step, "layer": diverged.layer}
    folder.event("diverged", what=diverged.what, **where)
    folder.state("diverged", epochs=state.position.epoch, steps=state.position.step, reason=str(diverged), **where)
    return Outcome(None, diverged)


def _model_files(ready: Ready, best: Snapshot) -> dict[str, bytes]:
    architecture = ready.plan.program().architecture
    meta = {"format": 1, "architecture": architecture.describe(), "layout": architecture.layout().describe()}
    model_bytes = runs.encode_model(best.theta, best.stats, meta)
    return {"model.safetensors": model_bytes, "preparation.json": _json(ready.data.preparation.to_json())}


def _json(record: Mapping[str, Any]) -> bytes:
    return (to_json(dict(record), indent=2) + "\n").encode()


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads for the matrix products, whatever the environment says: equal bytes need equal threads."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=number, user_api="blas"):
        yield


def _predictions(ready: Ready, best: Snapshot) -> bytes:
    """Per-example predictions of dev (of train where there is no dev), for paired tests and the report."""
    part = "dev" if "dev" in ready.data.parts else "train"
    rows = ready.rows(part)
    assert rows is not None
    preparation = ready.data.preparation
    network = Network(ready.plan.program().architecture, best.theta, best.stats)
    measured = rows.measured_by(network)
    y, predicted, yhat = ready.data.parts[part].y, measured.predicted, network.predict(rows.X)
    if ready.plan.facts.task == "regression":
        y, predicted = preparation.decode(y), preparation.decode(predicted)
    elif yhat.shape[1] == 1:
        yhat = np.hstack([1 - yhat, yhat])
    found = ready.data.parts[part]
    return runs.encode_predictions(
        found.rows,
        y,
        predicted,
        measured.errors,
        None if ready.plan.facts.task == "regression" else yhat,
        rows.weights,
        groups=found.groups,
        times=found.times,
        ids=found.ids,
    )


@dataclass(frozen=True, slots=True)
class Trained:
    """How a training went: the lines of metrics.jsonl, the epoch that early stopping kept, and whether its first
    parameters were those that its config and seed give."""

    metrics: Sequence[Mapping[str, Any]]
    best_epoch: int | None = None
    own_start: bool = True


def diagnose(ready: Ready, best: Snapshot, course: Trained | None = None) -> dict[str, Any]:
    """The diagnosis of a training: errors of every part but test, gaps, verdict, baselines, health (which takes its
    `course`) and advice."""
    program, settings = ready.plan.program(), ready.plan.experiment.diagnosis
    network = Network(program.architecture, best.theta, best.stats, seed=program.seed)
    measurements: dict[str, Measurement] = {}
    units: dict[str, dict[str, float | None]] = {}
    if (bayes := _bayes(ready)) is not None:
        measurements["bayes"] = bayes
    for part in ("train", "train_dev", "dev"):
        rows = ready.rows(part)
        if rows is not None:
            selected = part == "dev" and program.early_stopping is not None
            measured = rows.measured_by(network)
            codes = together(measured.errors, ready.data.parts[part]) if part != "train" else None
            measurements[part] = as_measurement(measured.errors, program, rows.weights, selected, codes)
            if part == "train":
                units[part] = dict(training_modes(ready, network, measured.errors))
            if ready.plan.facts.task == "regression":
                units[part] = units.get(part, {}) | in_own_units(
                    measured, rows.y, ready.data.preparation.target_sd, rows.weights
                )
    report = diagnosis.diagnose(
        measurements, task=ready.plan.facts.task, threshold=settings.threshold, confidence=settings.confidence
    )
    for part, numbers in units.items():
        report["errors"][part] |= numbers
    if report["errors"]["bayes"]["source"] == "estimated":
        report["errors"]["bayes"]["rows"] = ready.data.conflicting
    report["baselines"] = _baselines(ready, program)
    if course is not None:
        report |= _health(ready, best, report, course)
    report["advice"] = diagnosis.advise(report, ready.plan)
    return {"schema_version": SCHEMA_VERSION, **report}


def _bayes(ready: Ready) -> Measurement | None:
    """The Bayes error as stated, else that of people, else as estimated from equal inputs with other targets; None
    where nothing is known of it."""
    settings = ready.plan.experiment.diagnosis
    if settings.bayes_error is not None:
        return Measurement(settings.bayes_error, None, "stated")
    if settings.human_error is not None:
        return Measurement(settings.human_error, None, "human")
    if ready.data.least_error > 0 and ready.data.parts["train"].weights is None:
        return Measurement(ready.data.least_error, None, "estimated")
    return None


def _health(ready: Ready, best: Snapshot, report: Mapping[str, Any], course: Trained) -> dict[str, Any]:
    """`health` and `not_checked` of the diagnosis."""
    rows = ready.rows("train")
    assert rows is not None
    beginning = begin(ready.plan.program(), rows, best.theta) if course.own_start else None
    found = examine(course.metrics, report, ready.plan, beginning, course.best_epoch)
    return {
        "health": [finding.to_json() for finding in found.findings],
        "not_checked": [missing.to_json() for missing in found.not_checked],
    }


def in_own_units(measured: Measured, y: Targets, sd: float, weights: Floats | None = None) -> dict[str, float | None]:
    """RMSE and MAE in the units of the target, whose standard deviation in training is sd, and R² of this part.

    y: (n,) standardized values; `weights`: (n,) of the examples weigh all three, as they do `error`.
    """
    off, y = measured.predicted.astype(np.float64) - y, y.astype(np.float64)
    square = float(np.average(off**2, weights=weights))
    spread = float(np.average((y - np.average(y, weights=weights)) ** 2, weights=weights))
    return {
        "rmse": math.sqrt(square) * sd,
        "mae": float(np.average(np.abs(off), weights=weights)) * sd,
        "r2": 1 - square / spread if spread else None,
    }


def as_measurement(
    errors: Floats,
    program: Program,
    weights: Floats | None = None,
    selected: bool = False,
    groups: Ints | None = None,
) -> Measurement:
    """The mean of errors (n,), as Measured has them, by the examples' weights (n,) where they have any; the
    diagnosis needs each error only for regression and for groups (n,) of them."""
    each = errors if program.architecture.output == "linear" or groups is not None else None
    value = mean_error(errors, weights)
    return Measurement(value, len(errors), "measured", each, selected, weights=weights, groups=groups)


def together(errors: Floats, part: data.Part) -> Ints | None:
    """Which rows of a part are no independent draws: (n,) its groups, or blocks of a split by time, as long as its
    errors (n,) ask for. None where every row was drawn for itself."""
    if part.groups is not None or part.times is None:
        return part.groups
    from dltrain.diagnosis.clusters import blocks

    return blocks(errors, part.times)


def _baselines(ready: Ready, program: Program) -> dict[str, Any]:
    rows, dev = ready.rows("train"), ready.rows("dev")
    if rows is None or dev is None:
        return {}
    plain = [baselines.constant(program, rows, dev), baselines.linear(program, rows, dev)]
    settings = ready.plan.experiment.diagnosis
    return {
        found.name: diagnosis.baseline_entry(
            as_measurement(found.errors, program, dev.weights, groups=together(found.errors, ready.data.parts["dev"])),
            task=ready.plan.facts.task,
            confidence=settings.confidence,
        )
        for found in plain
        if found
    }
