"""Searching hyperparameters: at random instead of on a grid, and from coarse to fine."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Workshop

NAME = "lesson_search"
ALPHA, EPSILON = "optimizer.learning_rate", "optimizer.epsilon"
DECADES = 4
"""Of the learning rate, in the space."""
SHAPES = ("o", "s", "D")
FILLS = ("#d9d9d9", "#8a8a8a", "#1b1b1b")
COLOURS = ("#9b9b9b", "#2563a8", "#c2410c")
DASHES: tuple[Any, ...] = ((0, (1, 1.4)), (0, (5, 2)), "-")


@dataclass(frozen=True)
class Searched:
    """A finished `dltrain search`: what it printed as JSON, and its folder."""

    record: Mapping[str, Any]
    path: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of results.csv; cells are JSON where they can be."""
        with (self.path / "results.csv").open(newline="", encoding="utf-8") as file:
            return [{key: _value(cell) for key, cell in row.items()} for row in csv.DictReader(file)]

    def column(self, key: str) -> list[float]:
        return [float(row[key]) for row in self.rows]

    @property
    def best(self) -> float:
        return float(self.record["best"]["objective"])


def search(shop: Workshop, name: str, *words: str, run_id: str) -> Searched:
    """`dltrain search configs/NAME.yaml WORDS`."""
    runs_dir = shop.folder / "runs"
    config = f"configs/{name}.yaml"
    record = shop.call("search", config, *words, "-q", "--run-id", run_id, "--runs-dir", str(runs_dir))
    return Searched(record, runs_dir / run_id)


def _value(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _show(shop: Workshop) -> Iterator[Finding]:
    grid = search(shop, NAME, "search.kind=grid", run_id="grid")
    random = search(shop, NAME, "search.kind=random", run_id="random")
    zoomed = search(shop, NAME, run_id="coarse_to_fine")
    counts = {one.path.name: [len(set(one.column(key))) for key in (ALPHA, EPSILON)] for one in (grid, random)}
    yield Finding(
        "an 8 × 8 grid tries 8 values of a hyperparameter, 64 random trials try 64",
        f"values in results.csv: grid α {counts['grid'][0]}, ε {counts['grid'][1]}; random α {counts['random'][0]}, ε {counts['random'][1]}",
        counts == {"grid": [8, 8], "random": [64, 64]},
    )
    shares = {one["path"]: one["share"] for one in random.record["importance"]}
    yield Finding(
        "one hyperparameter matters more than another",
        f"α has {shares[ALPHA]:.0%} of the variance of the ranks, ε {shares[EPSILON]:.0%}; on the grid eight different networks are trained eight times",
        shares[ALPHA] > 0.5 > 0.1 > shares[EPSILON],
    )
    yield Finding(
        "so random values find a better one",
        f"lowest dev error of 64: grid {grid.best:.1%}, random {random.best:.1%}",
        random.best < grid.best,
    )
    yield _zooming(zoomed, random)
    with shop.picture("grid_random", 2, width=4.3, height=3.3) as axes:
        for one, found, title in zip(axes, (grid, random), ("8 × 8 grid", "64 random trials"), strict=True):
            _draw_values(one, found, title)
        _bar(axes)
    with shop.picture("coarse_to_fine", 2, width=4.3, height=3.3) as (left, right):
        _draw_boxes(left, zoomed)
        _draw_errors(right, zoomed)


def _zooming(zoomed: Searched, random: Searched) -> Finding:
    widths = [math.log10(box[ALPHA][1] / box[ALPHA][0]) for box in zoomed.record["boxes"]]
    tried = [
        sum(row["round"] == number and box[ALPHA][0] <= row[ALPHA] <= box[ALPHA][1] for row in zoomed.rows)
        for number, box in enumerate(zoomed.record["boxes"], start=1)
    ]
    density = [count / width for count, width in zip(tried, widths, strict=True)]
    said = "; ".join(
        f"round {number}: {width:.1f} of {DECADES} decades, {many:.0f} trials a decade"
        for number, (width, many) in enumerate(zip(widths, density, strict=True), start=1)
    )
    return Finding(
        "coarse to fine: zoom in to the region of the best, and sample more densely",
        f"α: {said}; lowest dev error {zoomed.best:.1%}",
        sorted(widths, reverse=True) == widths and sorted(density) == density and zoomed.best <= random.best,
    )


def _space(axes: Any) -> None:
    axes.set(xscale="log", yscale="log", xlabel="learning rate α", ylabel="Adam's ε")
    axes.set(xlim=(4e-5, 1.9), ylim=(2.5e-11, 2e-6))
    axes.grid(False)


def _draw_values(axes: Any, found: Searched, title: str) -> None:
    """All points, dark where the dev error is low, and which values of each hyperparameter were tried."""
    alpha, epsilon = found.column(ALPHA), found.column(EPSILON)
    _space(axes)
    errors = [100 * value for value in found.column("objective")]
    axes.scatter(alpha, epsilon, c=errors, cmap="gray", vmin=0, vmax=100, s=34, edgecolors="black", linewidths=0.6)
    across, up = axes.get_xaxis_transform(), axes.get_yaxis_transform()
    axes.plot(sorted(set(alpha)), [0.03] * len(set(alpha)), "|", color="#c2410c", ms=12, transform=across)
    axes.plot([0.025] * len(set(epsilon)), sorted(set(epsilon)), "_", color="#c2410c", ms=12, transform=up)
    axes.set_title(
        f"{title}: {len(set(alpha))} values of α, {len(set(epsilon))} of ε\nlowest dev error {found.best:.1%}"
    )


def _bar(axes: Sequence[Any]) -> None:
    figure = axes[0].figure
    bar = figure.colorbar(axes[1].collections[0], ax=list(axes), shrink=0.9)
    bar.set_label("dev error, %")


def _draw_boxes(axes: Any, found: Searched) -> None:
    from matplotlib.patches import Rectangle

    _space(axes)
    for number, box in enumerate(found.record["boxes"], start=1):
        rows = [row for row in found.rows if row["round"] == number]
        axes.plot(
            [row[ALPHA] for row in rows],
            [row[EPSILON] for row in rows],
            SHAPES[number - 1],
            mfc=FILLS[number - 1],
            mec="black",
            mew=0.6,
            ms=4.5,
        )
        (left, right), (low, high) = box[ALPHA], box[EPSILON]
        colour, dash = COLOURS[number - 1], DASHES[number - 1]
        axes.add_patch(
            Rectangle(
                (left, low), right - left, high - low, fill=False, edgecolor=colour, linestyle=dash, linewidth=1.8
            )
        )
    axes.set_title("each round's box, and its points")


def _draw_errors(axes: Any, found: Searched) -> None:
    from matplotlib.lines import Line2D

    for number in range(1, len(found.record["boxes"]) + 1):
        rows = [row for row in found.rows if row["round"] == number]
        axes.plot(
            [row[ALPHA] for row in rows],
            [100 * row["objective"] for row in rows],
            SHAPES[number - 1],
            mfc=FILLS[number - 1],
            mec="black",
            mew=0.6,
            ms=4.5,
        )
        for end in found.record["boxes"][number - 1][ALPHA]:
            axes.axvline(end, color=COLOURS[number - 1], linestyle=DASHES[number - 1], linewidth=1.2)
    axes.set(
        xscale="log", yscale="log", xlabel="learning rate α", ylabel="dev error, %", xlim=(6e-5, 1.7), ylim=(4, 130)
    )
    axes.set_yticks([5, 10, 20, 50, 100], labels=["5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.set_title("the box closes in on the least error")
    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[n],
            linestyle=DASHES[n],
            marker=SHAPES[n],
            mfc=FILLS[n],
            mec="black",
            ms=4.5,
            label=f"round {n + 1}",
        )
        for n in range(len(SHAPES))
    ]
    axes.legend(handles=handles, loc="upper center")


LESSONS = [
    Lesson(
        section="3.1",
        title="Tuning process",
        where=("studies/search.py", "studies/drawing.py", "studies/importance.py", "report/search_plots.py"),
        how=(
            f"dltrain search configs/{NAME}.yaml search.kind=grid",
            f"dltrain search configs/{NAME}.yaml search.kind=random",
            f"dltrain search configs/{NAME}.yaml",
            "dltrain search configs/search.yaml",
        ),
        show=_show,
        pictures=(
            (
                "grid_random",
                "64 trials on a grid and at random, dark where the dev error is low; ticks: the values tried",
            ),
            ("coarse_to_fine", "The boxes of a search from coarse to fine, and the dev error of its trials"),
        ),
        slow=True,
    ),
]
