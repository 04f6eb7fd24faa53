"""What was trained, opened again: measure it, predict with it, read its diagnosis."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import config, data, diagnosis, runs
from dltrain.diagnosis import Measurement
from dltrain.engine.architecture import Architecture
from dltrain.engine.arrays import Floats, Ints, Targets
from dltrain.engine.losses import decide, target_dtype
from dltrain.engine.network import Measured, Network
from dltrain.engine.weights import loss_weights, mean_error
from dltrain.errors import InputError, Problem
from dltrain.experiment import in_own_units, prepare, threads, together
from dltrain.ready import Ready


@dataclass(frozen=True, slots=True)
class Run:
    """A trained run, opened from model.safetensors and preparation.json alone."""

    path: Path
    network: Network
    preparation: data.Preparation

    @property
    def task(self) -> str:
        return self.preparation.task

    def predict(self, X: Floats) -> Targets:
        """Predictions for raw rows X: (n, n_x), columns in the order of `preparation.features`.

        Class names, or values in the target's own units: (n,).
        """
        return self.preparation.decode(self.decisions(self.output(X)))

    def decisions(self, output: Floats) -> Targets:
        """Class numbers, or standardized values, of ŷ: (n, n_y); (n,)."""
        return decide(self.network.architecture.output, output.T)

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities of the classes, (n, C), in the order of `preparation.classes`."""
        return self.probabilities(self.output(X))

    def probabilities(self, output: Floats) -> Floats:
        """ŷ with one column a class: (n, C); of a sigmoid's one column 1 − ŷ and ŷ."""
        return np.hstack([1 - output, output]) if self.network.architecture.output == "sigmoid" else output

    @np.errstate(all="ignore")
    def output(self, X: Floats) -> Floats:
        """ŷ of the network for raw rows X: (n, n_x); (n, n_y)."""
        return self.network.predict(self.preparation.transform(X))

    @np.errstate(all="ignore")  # what overflows is refused
    def measure(self, X: Floats, y: Targets, weights: Floats | None = None) -> Measured:
        """Errors on prepared rows X: (n, n_x), y: (n,) class numbers or standardized values, weights: (n,).

        Raises InputError where the loss is no finite number, as with the parameters that a diverged run keeps.
        """
        dtype = target_dtype(self.network.architecture.output, self.network.theta.dtype)
        measured = self.network.evaluate(X, y.astype(dtype), weights, self.preparation.class_weights)
        if not np.isfinite(measured.loss):
            message = (
                f"the loss of {self.path.name} is {measured.loss} here: did its training diverge, or are inputs huge?"
            )
            raise InputError(message)
        return measured


def open_run(path: Path) -> Run:
    """Raises InputError if the run has no model yet, Damaged if what is stored is not sound."""
    for name in ("model.safetensors", "preparation.json"):
        if not (path / name).is_file():
            state = runs.read_run(path).get("state", "damaged")
            raise InputError(f"{path.name} has no {name}: the run is {state}")
    theta, stats, meta = runs.decode_model(path / "model.safetensors")
    network = Network(Architecture.of(meta["architecture"]), theta, stats)
    return Run(path, network, data.Preparation.from_json(runs.read_record(path, "preparation.json")))


def again(path: Path) -> Ready:
    """The config and data of a run, prepared again. Raises InputError if the data changed since."""
    ready = prepare(config.load([path / "config.resolved.yaml"]))
    if ready.data.sha256 != runs.read_run(path)["data"]["sha256"]:
        source = ready.plan.experiment.data.source
        problem = f"{source} is not the data that {path.name} was trained on; restore it, or evaluate with --data FILE"
        raise InputError(Problem(problem, "data.source"))
    return ready


# ---- measuring


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` prints: `record` is contract section 4's object."""

    record: dict[str, Any]
    task: str
    confidence: float
    notes: tuple[str, ...] = ()


def evaluate_part(path: Path, part: str) -> Evaluation:
    """Errors on a part of the run's own data. A look at test is recorded in the run and in looks.jsonl."""
    run, ready = open_run(path), again(path)
    if part not in ready.data.parts:
        there = ", ".join(ready.data.parts)
        raise InputError(Problem(f"{path.name} has no {part} part; it has {there}", "--part"))
    rows = ready.data.parts[part]
    with threads(ready.plan.threads):
        measured = run.measure(rows.X, rows.y, rows.weights)
    confidence = ready.plan.experiment.diagnosis.confidence
    codes = together(measured.errors, rows) if part != "train" else None
    record = _record(run, part, measured, rows.y, rows.weights, confidence, codes)
    notes: tuple[str, ...] = ()
    if part == "test":
        named = hashlib.sha256(ready.data.sha256.encode() + np.ascontiguousarray(rows.rows).tobytes()).hexdigest()
        home, name = runs.home_of(path)
        earlier = runs.record_look(home, named, name, len(rows.y), measured.error)
        runs.write_test(path, {"schema_version": 1, **record})
        if earlier:
            times = "once" if earlier == 1 else f"{earlier} times"
            notes = (f"these test rows were looked at {times} before: choosing by them makes them a dev set",)
    return Evaluation(record, run.task, confidence, notes)


def evaluate_file(path: Path, file: str) -> Evaluation:
    """Errors on a new labelled file, streamed."""
    run = open_run(path)
    portions: list[Measured] = []
    targets: list[Targets] = []
    weighed: list[Floats] = []
    totals: list[float] = []
    with threads(1):
        for rows in data.read_rows(file, run.preparation, labelled=True):
            y = _targets(run, rows.y, file, sum(len(y) for y in targets))
            portions.append(run.measure(run.preparation.transform(rows.X), y, rows.weights))
            targets.append(y)
            weighed += [] if rows.weights is None else [rows.weights]
            factors = loss_weights(y, rows.weights, run.preparation.class_weights)
            totals.append(float(len(y) if factors is None else factors.sum()))
    if not portions:
        raise InputError(Problem("no rows", where=file))
    weights = np.concatenate(weighed) if weighed else None
    errors = np.concatenate([portion.errors for portion in portions])
    whole = Measured(
        loss=float(np.average([portion.loss for portion in portions], weights=totals)) if any(totals) else 0.0,
        error=mean_error(errors, weights),
        errors=errors,
        predicted=np.concatenate([portion.predicted for portion in portions]),
    )
    confidence = (runs.find_record(path, "diagnosis.json") or {}).get("confidence", 0.95)
    record = _record(run, Path(file).name, whole, np.concatenate(targets), weights, confidence)
    return Evaluation(record, run.task, confidence)


def _targets(run: Run, raw: Any, file: str, first: int) -> Targets:
    """Raw targets of a portion whose first row is row `first` of the file."""
    try:
        return run.preparation.encode(raw)
    except InputError as error:
        place = Path(file).name + (f", counted from row {first}" if first else "")
        problems = [
            replace(found, where=f"{place}: {found.where or run.preparation.target}") for found in error.problems
        ]
        raise InputError(*problems) from None


def _record(
    run: Run,
    part: str,
    measured: Measured,
    y: Targets,
    weights: Floats | None,
    confidence: float,
    groups: Ints | None = None,
) -> dict[str, Any]:
    if weights is not None and not weights.any():
        raise InputError(f"every row of {part} has weight 0, expected one above 0: no error can be measured")
    each = measured.errors if run.task == "regression" or groups is not None else None
    measurement = Measurement(measured.error, len(measured.errors), "measured", each, weights=weights, groups=groups)
    entry = diagnosis.error_entry("dev", measurement, task=run.task, confidence=confidence)
    error = {key: entry[key] for key in ("value", "low", "high", "n", "n_eff") if key in entry}
    error |= {"interval": "clustered"} if groups is not None else {}
    return {"part": part, "error": error, "loss": measured.loss, "metrics": _metrics(run, y, weights, measured)}


def _metrics(run: Run, y: Targets, weights: Floats | None, measured: Measured) -> dict[str, float | None]:
    """Accuracy; for regression RMSE, MAE and R²."""
    if run.task != "regression":
        return {"accuracy": 1 - measured.error}
    return in_own_units(measured, y, run.preparation.target_sd, weights)


def read_diagnosis(path: Path) -> dict[str, Any]:
    """A run's diagnosis, with `run` and, once the test part was looked at, its error and gap filled in.

    Raises InputError for a run that has none yet.
    """
    found = runs.find_record(path, "diagnosis.json")
    if found is None:
        state = runs.read_run(path).get("state", "damaged")
        raise InputError(f"{path.name} has no diagnosis: the run is {state}")
    test = runs.read_test(path)
    if test is not None:
        found = diagnosis.with_test(found, test["error"])
        found["advice"] = [piece for piece in found["advice"] if "--part test" not in piece.get("command", "")]
    return {"run": str(path), **found}


# ---- predicting


def predictions_csv(run: Run, file: str, *, proba: bool = False, hardmax: bool = False) -> Iterator[str]:
    """The lines of a CSV of predictions for the raw rows of a file, its header first.

    Columns: the id column if there is one, `prediction`, then `p_<class>` with `proba`, a 0/1 column a class
    with `hardmax`. Raises InputError for either with a regression, and for rows that don't fit.
    """
    classes = run.preparation.classes
    if (proba or hardmax) and not classes:
        raise InputError(f"{run.path.name} is a regression: it predicts values, not classes")
    header = ["prediction"]
    header += [f"p_{name}" for name in classes] if proba else []
    header += list(classes) if hardmax else []
    written = False
    with threads(1):
        for rows in data.read_rows(file, run.preparation):
            output = run.output(rows.X)
            names = run.preparation.decode(run.decisions(output))
            columns: list[Any] = [names if classes else [repr(float(value)) for value in names]]
            probabilities = run.probabilities(output) if classes else output
            if proba:
                columns += [[f"{p:.6g}" for p in column] for column in probabilities.T.tolist()]
            if hardmax:
                columns += (np.arange(len(classes))[:, None] == probabilities.argmax(axis=1)).astype(int).tolist()
            if rows.ids is not None:
                columns.insert(0, rows.ids)
            if not written:
                yield _line([*([run.preparation.id or "id"] if rows.ids is not None else []), *header])
                written = True
            for row in zip(*columns, strict=True):
                yield _line(row)
    if not written:
        yield _line(header)


def _line(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
