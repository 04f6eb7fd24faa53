"""The page's charts as data: what is drawn, not how. The script in templates/report.js draws them.

Values that are not finite become null (a gap in the curve), so the JSON is always valid; a series with no value
at all is left out, and a chart without series too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dltrain.report.formats import clean

DASHES: tuple[tuple[int, ...], ...] = ((), (9, 4), (2, 3), (10, 3, 2, 3), (16, 4), (5, 2))
"""Series are told apart by these even in grey."""
POINTS_SHOWN = 2_000

Metrics = Sequence[Mapping[str, Any]]
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One line. `tone` names a colour of the style sheet; `scale` the axis that it belongs to."""

    label: str
    values: Values
    tone: str
    dash: tuple[int, ...] = ()
    scale: str = "y"
    width: float = 1.5
    points: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis: `left` or `right`, with its label and unit."""

    label: str
    scale: str = "y"
    side: str = "left"


@dataclass(frozen=True, slots=True)
class Chart:
    """One graph over a common x."""

    key: str
    title: str
    x: tuple[float, ...]
    axes: tuple[Axis, ...]
    series: tuple[Series, ...]
    x_label: str = "epoch"
    whole_x: bool = True
    from_zero: bool = True
    log: bool = True
    mark: dict[str, Any] | None = None
    marks: tuple[dict[str, Any], ...] = ()
    """Further places along x: {x, label}, such as the epochs from which an adjustment held."""
    note: str = field(default="")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def finite(value: Any) -> float | None:
    """The number to six significant digits, or None where JSON has no word for it."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")


def curves(
    key: str, metrics: Metrics, task: str, best: int | None = None, adjusted: Sequence[int] = ()
) -> Chart | None:
    """Dev error, training error and cost J in one graph, J on its own axis at the right. `adjusted`: the epochs from
    which an adjustment held, which are marked."""
    label, factor, unit = _error_unit(task)
    dev, train = (_part(metrics, part, "error", factor) for part in ("dev", "train"))
    series = (
        Series("dev error", dev, "dev", width=2.25, unit=unit),
        Series("training error", train, "train", DASHES[1], width=2, unit=unit),
        Series("cost J", _column(metrics, "cost"), "cost", DASHES[2], scale="cost"),
    )
    axes = (Axis(f"error {label}"), Axis(_cost_label(task), scale="cost", side="right"))
    return _marked(_chart(key, "Learning curves", metrics, axes, series, best), adjusted)


def _marked(chart: Chart | None, adjusted: Sequence[int]) -> Chart | None:
    """With a line at each of these epochs; only the first has words, since they may stand close."""
    if chart is None or not adjusted:
        return chart
    epochs = [epoch for epoch in dict.fromkeys(adjusted) if epoch in chart.x]
    labels = ["adjusted", *[""] * len(epochs)]
    return replace(chart, marks=tuple({"x": x, "label": label} for x, label in zip(epochs, labels, strict=False)))


def _error_unit(task: str) -> tuple[str, float, str]:
    """Words of the axis, factor, and the unit beside a value."""
    return ("(of the target's variance)", 1.0, "") if task == "regression" else ("(%)", 100.0, "%")


def _loss_label(task: str) -> str:
    return "loss (½ squared error)" if task == "regression" else "loss (nats)"


def _cost_label(task: str) -> str:
    return "cost J (½ squared error)" if task == "regression" else "cost J (nats)"


def measures(
    key: str, metrics: Metrics, task: str, best: int | None = None, adjusted: Sequence[int] = ()
) -> Iterator[Chart]:
    """The smaller graphs: loss, learning rate, and layer by layer how activations and gradients fare."""
    losses = (
        Series("dev loss", _part(metrics, "dev", "loss"), "dev", width=2),
        Series("training loss", _part(metrics, "train", "loss"), "train", DASHES[1], width=2),
        Series("penalty in J", _nonzero(_column(metrics, "penalty")), "cost", DASHES[2]),
    )
    rate = (Series("learning rate", _column(metrics, "learning_rate"), "dev"),)
    whole = Series("all parameters", _column(metrics, "grad_norm"), "cost", DASHES[2])
    gradients = (*_layers(metrics, "gradient_norm"), whole)
    candidates = (
        _chart(f"{key}-loss", "Loss, without the penalty", metrics, (Axis(_loss_label(task)),), losses, best),
        _marked(_chart(f"{key}-rate", "Learning rate", metrics, (Axis("learning rate α"),), rate, best), adjusted),
        _chart(f"{key}-gradients", "Gradient norms", metrics, (Axis("‖dJ/dθ‖"),), gradients, best),
        *(_by_layer(key, metrics, best, *names) for names in LAYER_CHARTS),
    )
    yield from (chart for chart in candidates if chart is not None)


LAYER_CHARTS = (
    ("activation_norm", "Activation norms", "‖A‖"),
    ("update_ratio", "Size of an update", "‖Δθ‖ / ‖θ‖"),
    ("dead", "Dead units", "share of units"),
    ("saturated", "Saturated activations", "share"),
)


def _by_layer(key: str, metrics: Metrics, best: int | None, field_name: str, title: str, label: str) -> Chart | None:
    series = _layers(metrics, field_name)
    share = field_name in ("dead", "saturated")
    if share and not any(value for line in series for value in line.values):
        return None  # all zero: nothing to see
    return _chart(f"{key}-{field_name}", title, metrics, (Axis(label),), series, best, log=not share)


def _layers(metrics: Metrics, name: str) -> tuple[Series, ...]:
    depth = max((len(record.get("layers") or ()) for record in metrics), default=0)
    return tuple(
        Series(f"layer {i + 1}", tuple(_of_layer(record, i, name) for record in metrics), *layer_style(i))
        for i in range(depth)
    )


def layer_style(i: int) -> tuple[str, tuple[int, ...]]:
    """Tone and dash of the i-th of several lines: no two of the first 24 look alike, in colour or in grey."""
    return f"line{i % 8}", DASHES[i % len(DASHES)]


def _of_layer(record: Mapping[str, Any], i: int, name: str) -> float | None:
    layers = record.get("layers") or ()
    return finite(layers[i].get(name)) if i < len(layers) else None


def compare_dev_errors(runs: Mapping[str, tuple[Metrics, str]]) -> Chart | None:
    """Dev error of several runs in one graph."""
    epochs = sorted({record["epoch"] for metrics, _ in runs.values() for record in metrics})
    tasks = {task for _, task in runs.values()}
    label, factor, unit = _error_unit("regression" if tasks == {"regression"} else "multiclass")
    series = []
    for i, (name, (metrics, _)) in enumerate(runs.items()):
        found = dict(zip((r["epoch"] for r in metrics), _part(metrics, "dev", "error", factor), strict=True))
        values = tuple(found.get(epoch) for epoch in epochs)
        series.append(Series(name, values, *layer_style(i), unit=unit))
    lines = [{"epoch": epoch} for epoch in epochs]
    return _chart("comparison", "Dev error of every run", lines, (Axis(f"dev error {label}"),), series, None)


def scatter(key: str, predictions: Mapping[str, Any]) -> Chart | None:
    """Predicted against true values of the dev part, at most `POINTS_SHOWN` of them, beside the line of equality."""
    pairs = sorted((y, p) for y, p in zip(predictions["y"], predictions["predicted"], strict=True) if _both(y, p))
    every = math.ceil(len(pairs) / POINTS_SHOWN) if pairs else 1
    pairs = pairs[::every]
    x = tuple(float(f"{y:.6g}") for y, _ in pairs)
    series = (
        Series("predicted", tuple(finite(p) for _, p in pairs), "dev", points=True),
        Series("equal", x, "cost", DASHES[1]),
    )
    if not pairs:
        return None
    note = f"1 of {every} examples is drawn" if every > 1 else ""
    axes = (Axis("predicted"),)
    return Chart(key, "Predicted against true", x, axes, series, "true value", False, False, False, note=note)


def reliability(key: str, calibration: Mapping[str, Any]) -> Chart | None:
    """The reliability diagram: how often what was said with a probability came true, with intervals, bin by bin."""
    bins = sorted((b for b in calibration["bins"] if finite(b["p"]) is not None), key=lambda b: float(b["p"]))
    bins = [one for i, one in enumerate(bins) if not i or one["p"] > bins[i - 1]["p"]]
    if not bins:
        return None
    x = tuple(float(f"{100 * one['p']:.6g}") for one in bins)

    def of(name: str) -> Values:
        return tuple(_scaled(one[name], 100.0) for one in bins)

    series = (
        Series("came true", of("share"), "dev", points=True, unit="%"),
        Series("95% interval, low", of("share_low"), "train", DASHES[1], unit="%"),
        Series("95% interval, high", of("share_high"), "train", DASHES[1], unit="%"),
        Series("calibrated", x, "cost", DASHES[2], unit="%"),
    )
    error, chance = (100 * calibration[name] for name in ("ece", "if_calibrated"))
    note = f"expected calibration error {error:.1f}%, of which {chance:.1f}% by chance alone were it calibrated"
    title = f"Calibration of {clean(calibration['of'])}"
    axes = (Axis("came true (%)"),)
    return Chart(key, title, x, axes, series, "said (%)", False, True, False, note=note)


def _both(y: Any, predicted: Any) -> bool:
    return finite(y) is not None and finite(predicted) is not None


def _part(metrics: Metrics, part: str, name: str, factor: float = 1.0) -> Values:
    return tuple(_scaled((record.get(part) or {}).get(name), factor) for record in metrics)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else finite(factor * value)


def _column(metrics: Metrics, name: str) -> Values:
    return tuple(finite(record.get(name)) for record in metrics)


def _nonzero(values: Values) -> Values:
    return values if any(values) else ()


def _chart(
    key: str,
    title: str,
    metrics: Metrics,
    axes: tuple[Axis, ...],
    series: Iterable[Series],
    best: int | None,
    log: bool = True,
) -> Chart | None:
    drawn = tuple(line for line in series if any(value is not None for value in line.values))
    x = tuple(record["epoch"] for record in metrics)
    if not drawn:
        return None
    scales = {line.scale for line in drawn}
    axes = tuple(axis for axis in axes if axis.scale in scales)
    mark = {"x": best, "label": f"epoch {best} kept"} if best in x else None
    return Chart(key, title, x, axes, drawn, log=log, mark=mark)
