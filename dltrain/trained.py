"""What was trained, opened again: measure it, predict with it, read its diagnosis."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import config, data, diagnosis, runs
from dltrain.data.files import content_sha256
from dltrain.diagnosis import Measurement
from dltrain.diagnosis.metrics import Predictions, metrics_of
from dltrain.engine.architecture import Architecture
from dltrain.engine.arrays import Floats, Ints, Targets
from dltrain.engine.losses import decide, target_dtype
from dltrain.engine.network import Measured, Network
from dltrain.engine.weights import loss_weights, mean_error
from dltrain.errors import Damaged, InputError, Problem
from dltrain.experiment import in_own_units, prepare, threads, together
from dltrain.ready import Ready
from dltrain.storage import shown


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
    def predictions(
        self,
        X: Floats,
        y: Targets,
        measured: Measured,
        rows: Ints,
        ids: Sequence[str] | None,
        weights: Floats | None,
    ) -> Predictions:
        """What prepared rows X: (n, n_x) are, y: (n,) as in `measure`, and what they were taken for."""
        if self.task == "regression":
            decode = self.preparation.decode
            return Predictions.of(decode(y), decode(measured.predicted), rows, None, ids=ids, weights=weights)
        yhat = self.probabilities(self.network.predict(X))
        return Predictions.of(y, measured.predicted, rows, yhat, ids=ids, weights=weights)

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
    return Run(path, network, _preparation(path))


def _preparation(path: Path) -> data.Preparation:
    record = runs.read_record(path, "preparation.json")
    try:
        return data.Preparation.from_json(record)
    except Damaged as error:
        cause = str(error).removeprefix("the preparation is damaged: ")
        raise Damaged(f"{shown(path / 'preparation.json')} is damaged: {cause}") from None


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
        found = run.predictions(rows.X, rows.y, measured, rows.rows, rows.ids, rows.weights)
    confidence = ready.plan.experiment.diagnosis.confidence
    codes = together(measured.errors, rows) if part != "train" else None
    record = _record(run, part, measured, rows.y, found, confidence, codes, fitted=part == "train")
    notes: tuple[str, ...] = ()
    if part == "test":
        own = test_file(ready.plan.experiment)
        source = ready.data.sha256 if own is None else content_sha256({"test": own})
        notes = _look(path, source, rows.rows, measured.error)
        record["looks"] = runs.count_looks(*runs.home_of(path))
        runs.write_test(path, {"schema_version": 1, **record})
    return Evaluation(record, run.task, confidence, notes)


def test_file(experiment: config.Experiment) -> Path | None:
    """The file that the test rows are in and the training rows are not: they stay the same rows beside other training
    data. None where one source holds both, or it is no single file."""
    files, arrays, apart = experiment.split.files, experiment.data.arrays, experiment.data.dev_test_source
    own = files.test if files is not None and arrays is None else apart if isinstance(apart, str) else None
    return Path(own) if own is not None and Path(own).is_file() else None


def _look(path: Path, source: str, rows: Ints, error: float) -> tuple[str, ...]:
    """Records a look at rows: (n,) of a source with this sha256; a note, where there were looks before."""
    named = hashlib.sha256(source.encode() + np.ascontiguousarray(rows).tobytes()).hexdigest()
    home, name = runs.home_of(path)
    earlier = runs.record_look(home, named, name, len(rows), error)
    times = "once" if earlier == 1 else f"{earlier} times"
    return (f"these test rows were looked at {times} before: choosing by them makes them a dev set",) if earlier else ()


def evaluate_file(path: Path, file: str) -> Evaluation:
    """Errors on a new labelled file, streamed. The run's own test file is no new one: that look is recorded."""
    run = open_run(path)
    portions: list[Measured] = []
    described: list[Predictions] = []
    targets: list[Targets] = []
    weighed: list[Floats] = []
    totals: list[float] = []
    together_by, groups = _group_column(path), list[str]()
    with threads(1):
        for rows in data.read_rows(file, run.preparation, labelled=True, group=together_by):
            first = sum(len(y) for y in targets)
            y = _targets(run, rows.y, file, first)
            X = run.preparation.transform(rows.X)
            portions.append(run.measure(X, y, rows.weights))
            numbers = np.arange(first, first + len(y))
            described.append(run.predictions(X, y, portions[-1], numbers, rows.ids, rows.weights))
            targets.append(y)
            weighed += [] if rows.weights is None else [rows.weights]
            groups += rows.groups or []
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
    found = Predictions.joined(described)
    codes = np.unique(groups, return_inverse=True)[1].astype(np.int64) if groups else None
    record = _record(run, Path(file).name, whole, np.concatenate(targets), found, confidence, codes)
    notes = tuple(_unread(run, together_by, groups, weighed, Path(file).name))
    if _is_own_test(path, file):
        notes += _look(path, content_sha256({"test": Path(file)}), np.arange(len(errors)), whole.error)
    return Evaluation(record, run.task, confidence, notes)


def _is_own_test(path: Path, file: str) -> bool:
    """Whether a file is the one that the run's test rows are in."""
    resolved = path / "config.resolved.yaml"
    if not resolved.is_file() or not Path(file).is_file():
        return False
    own = test_file(config.load([resolved]).experiment)
    return own is not None and own.samefile(file)


def _group_column(path: Path) -> str | None:
    """The column of split.group, by which rows of a new file belong together too."""
    settings = runs.settings_of(runs.read_run(path)) or {}
    group = (settings.get("split") or {}).get("group")
    return group if isinstance(group, str) else None


def _unread(run: Run, group: str | None, groups: list[str], weights: list[Floats], place: str) -> Iterator[str]:
    """What the run's own rows had, and those of the file have not."""
    if group is not None and not groups:
        yield f"{place} has no column {group} (split.group): its rows count as independent of each other"
    if run.preparation.weight is not None and not weights:
        yield f"{place} has no column {run.preparation.weight} (data.weight): all its rows count alike"


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
    found: Predictions,
    confidence: float,
    groups: Ints | None = None,
    fitted: bool = False,
) -> dict[str, Any]:
    """`fitted`: the network was fitted on these very rows, so their error is exact: nothing is estimated."""
    weights = found.weights
    if weights is not None and not weights.any():
        raise InputError(f"every row of {part} has weight 0, expected one above 0: no error can be measured")
    each = measured.errors if run.task == "regression" or groups is not None else None
    measurement = Measurement(measured.error, len(measured.errors), "measured", each, weights=weights, groups=groups)
    entry = diagnosis.error_entry("train" if fitted else "dev", measurement, task=run.task, confidence=confidence)
    keys = ["value", "low", "high", "n", "n_eff", *(["interval"] if groups is not None else [])]
    error = {key: entry[key] for key in keys if key in entry}
    metrics = {
        **_metrics(run, y, weights, measured),
        **metrics_of(found, run.preparation.classes, confidence),
    }
    return {"part": part, "error": error, "loss": measured.loss, "metrics": metrics}


def _metrics(run: Run, y: Targets, weights: Floats | None, measured: Measured) -> dict[str, float | None]:
    """Accuracy; for regression RMSE, MAE and R²."""
    if run.task != "regression":
        return {"accuracy": 1 - measured.error}
    return in_own_units(measured, y, run.preparation.target_sd, weights)


def read_diagnosis(path: Path, bayes_error: float | None = None) -> dict[str, Any]:
    """A run's diagnosis, with `run` and, once the test part was looked at, its error and gap filled in.

    `bayes_error` is stated in place of the run's own: bias, headline, health and advice follow. Raises InputError for
    a run that has none yet.
    """
    found = runs.find_record(path, "diagnosis.json")
    if found is None:
        state = runs.read_run(path).get("state", "damaged")
        raise InputError(f"{path.name} has no diagnosis: the run is {state}")
    if bayes_error is not None:
        found = _judged_again(path, found, diagnosis.with_bayes(found, bayes_error))
        found["advice"] = diagnosis.advise(found, plan_of(path, found), also=stating(bayes_error))
    test = runs.read_test(path)
    if test is not None:
        found = diagnosis.with_test(found, test["error"])
        found["errors"]["test"] |= {"looks": runs.count_looks(*runs.home_of(path))}
        found["advice"] = [piece for piece in found["advice"] if "--part test" not in piece.get("command", "")]
    return {"run": str(path), **found}


def _judged_again(path: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`after`, with the findings about the training that hold with its Bayes error."""
    from dltrain.diagnosis.health.again import judged_again

    best_epoch = runs.read_run(path).get("best_epoch")
    return {**after, **judged_again(before, after, plan_of(path, before), runs.read_metrics(path), best_epoch)}


def stating(bayes_error: float | None) -> tuple[str, ...]:
    """The override that states it in what is trained next."""
    return () if bayes_error is None else (f"diagnosis.bayes_error={bayes_error}",)


def plan_of(path: Path, found: Mapping[str, Any]) -> config.Plan:
    """The run's plan, its diagnosis `found`, from what its folder holds: the data need not be there any more."""
    experiment = config.load([path / "config.resolved.yaml"]).experiment
    preparation = _preparation(path)
    parts = {part: entry["n"] for part, entry in found["errors"].items() if entry and entry.get("n")}
    if isinstance(experiment.split.test, int) and experiment.split.test:
        parts.setdefault("test", experiment.split.test)
    m, classes = parts.get("train", 1), tuple(preparation.classes)
    facts = config.DataFacts(m=m, n_x=preparation.n_x, classes=classes, task=preparation.task, parts=parts)
    return config.resolve(experiment, facts)


def read_metrics(path: Path) -> dict[str, Any] | None:
    """`part` and what `metrics_of` says of the predictions that a finished run keeps, those of dev (of train where
    there is no dev); None for a run without."""
    found = runs.find_record(path, "diagnosis.json")
    preparation = runs.find_record(path, "preparation.json")
    if found is None or preparation is None or not (path / "predictions.npz").is_file():
        return None
    classes = preparation.get("classes") or []
    arrays = runs.decode_predictions(path, len(classes) or None)
    ids = [name.decode() for name in arrays["ids"].tolist()] if "ids" in arrays else None
    more = {"ids": ids, "weights": arrays.get("weights")}
    predictions = Predictions.of(arrays["y"], arrays["predicted"], arrays["rows"], arrays.get("yhat"), **more)
    part = "dev" if found["errors"]["dev"] else "train"
    return {"part": part, **metrics_of(predictions, classes, found["confidence"])}


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
