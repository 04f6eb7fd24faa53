"""A run's folder as the record that the page is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltrain import runs, trained
from dltrain.errors import InputError
from dltrain.report.page import RunRecord, render_page


def page_of(paths: Sequence[Path]) -> str:
    """The HTML page of these runs. Raises InputError for a regression beside a classification, whose errors share no
    axis, and Damaged for a folder that is no sound run."""
    return render_page(_alike(paths))


def plot_of(paths: Sequence[Path], file: Path) -> bytes:
    """The curves of these runs as a picture of the kind that the file's ending names. Raises InputError as `page_of`,
    for another ending, for a run without an epoch, and without matplotlib."""
    from dltrain.report.plots.curves import curves
    from dltrain.report.plots.style import ending

    kind, records = ending(file), _alike(paths)
    for record in records:
        if not record.metrics:
            raise InputError(f"{record.id} has no epoch to draw yet")
    return curves(records, kind)


def _alike(paths: Sequence[Path]) -> list[RunRecord]:
    records = [gather(path) for path in paths]
    if len({record.task == "regression" for record in records}) > 1:
        raise InputError("runs of regression and of classification share no axis; draw them apart")
    return records


def gather(path: Path) -> RunRecord:
    """What a run's folder holds; what is not there yet is left out."""
    preparation = runs.find_record(path, "preparation.json") or {}
    resolved = path / "config.resolved.yaml"
    diagnosed = runs.find_record(path, "diagnosis.json") is not None
    run = runs.read_run(path)
    return RunRecord(
        id=path.name,
        run=run,
        adjustments=[(one["epoch"], runs.words_of(one["set"])) for one in runs.adjustments_of(path, run)],
        metrics=runs.read_metrics(path),
        diagnosis=trained.read_diagnosis(path) if diagnosed else None,
        config_text=resolved.read_text(encoding="utf-8") if resolved.is_file() else "",
        predictions=_predictions(path, len(preparation.get("classes") or ())),
        calibration=(trained.read_metrics(path) or {}).get("calibration"),
        classes=preparation.get("classes", ()),
        task=preparation.get("task", "multiclass"),
    )


def _predictions(path: Path, classes: int) -> dict[str, object] | None:
    if not (path / "predictions.npz").is_file():
        return None
    arrays = runs.decode_predictions(path, classes or None)
    found: dict[str, object] = {name: arrays[name].tolist() for name in ("rows", "y", "predicted")}
    if "weights" in arrays:
        found["weights"] = arrays["weights"].tolist()
    if "yhat" in arrays:
        found["probability"] = arrays["yhat"].tolist()
    if "ids" in arrays:
        found["ids"] = [name.decode() for name in arrays["ids"].tolist()]
    return found
