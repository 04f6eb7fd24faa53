"""The curves of runs: the cost that is minimized, and the errors of train and dev, in one picture (notes, 1.6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltrain.report.page import RunRecord
from dltrain.report.plots.style import LINES, SHADES, encode, figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = len(SHADES)


def curves(records: Sequence[RunRecord], kind: str = "svg") -> bytes:
    """The file of a picture: cost and losses on the left, errors on the right, over the epochs.

    One run shows everything; several show train (thin) and dev, a shade a run. The epoch that early stopping chose is
    marked.
    """
    with style():
        drawn, (left, right) = figure(2)
        if len(records) == 1:
            _alone(records[0], left, right)
            left.legend()
            right.legend()
        else:
            _together(records, left, right)
            drawn.legend(*left.get_legend_handles_labels(), loc="outside lower center")
        left.set(title="cost and loss" if len(records) == 1 else "loss", xlabel="epoch", ylabel="J, mean L")
        right.set(title="error", xlabel="epoch", ylabel=_unit(records), ylim=(0, None))
        return encode(drawn, kind)


def _alone(record: RunRecord, left: Axes, right: Axes) -> None:
    epochs = [line["epoch"] for line in record.metrics]
    left.plot(epochs, [line["cost"] for line in record.metrics], label="J, as minimized", **LINES[2])
    for part, line in (("train", LINES[1]), ("dev", LINES[0])):
        if any(record_line.get(part) for record_line in record.metrics):
            left.plot(epochs, _values(record, part, "loss"), label=f"loss, {part}", **line)
            right.plot(epochs, _values(record, part, "error"), label=part, **line)
    bayes = ((record.diagnosis or {}).get("errors") or {}).get("bayes")
    if bayes and bayes["source"] != "assumed":
        right.axhline(_scale(record) * bayes["value"], label="Bayes", **LINES[4])
    _mark(record, (left, right), SHADES[0], "chosen")


def _together(records: Sequence[RunRecord], left: Axes, right: Axes) -> None:
    for n, record in enumerate(records):
        line = LINES[n % MOST]
        epochs = [one["epoch"] for one in record.metrics]
        for axes, what in ((left, "loss"), (right, "error")):
            axes.plot(epochs, _values(record, "train", what), **{**line, "linewidth": 0.8})
            if any(one.get("dev") for one in record.metrics):
                axes.plot(epochs, _values(record, "dev", what), label=f"{record.id}: dev (train thin)", **line)
            else:
                axes.plot([], [], label=f"{record.id}: train (thin)", **line)
        _mark(record, (left, right), str(line["color"]), None)


def _mark(record: RunRecord, all_axes: Sequence[Axes], shade: str, label: str | None) -> None:
    best = record.run.get("best_epoch")
    for axes in all_axes if best else ():
        axes.axvline(float(best or 0), color=shade, linewidth=0.9, linestyle=(0, (2, 2)), label=label)


def _values(record: RunRecord, part: str, what: str) -> list[float]:
    factor = _scale(record) if what == "error" else 1.0
    found: list[Any] = [line.get(part) for line in record.metrics]
    return [factor * one[what] if one else math.nan for one in found]


def _scale(record: RunRecord) -> float:
    return 1.0 if record.task == "regression" else 100.0


def _unit(records: Sequence[RunRecord]) -> str:
    return "1 − R²" if records[0].task == "regression" else "misclassified, %"
