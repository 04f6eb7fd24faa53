"""From predictions of the dev part to the confusion matrix and the worst examples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dltrain.diagnosis.intervals import Interval, wilson
from dltrain.report.formats import NOTHING, clean, count, number, percent

MATRIX_CLASSES = 20
"""More classes than this don't fit a screen as a matrix; the pairs most often confused are listed instead."""
PAIRS_SHOWN = 15
WORST_SHOWN = 12
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Cell:
    """How often a true class was given a predicted one; `level` (0 to 9) shades it by its share of the row."""

    count: str
    level: int
    right: bool
    words: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A true class, its cells, its examples, and the share of them that was missed."""

    name: str
    cells: tuple[Cell, ...]
    n: str
    missed: str
    interval: str = ""
    """Wilson's, of the share missed."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows are true classes, columns predicted ones. `rows` is empty when there are too many classes."""

    names: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    pairs: tuple[tuple[str, str, str], ...]
    wrong: str
    n: str
    weighted: bool = False
    """The examples have weights, which these counts leave out."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example that went wrong (or nearly): its row number in its file, from 0."""

    row: str
    true: str
    predicted: str
    p_predicted: str
    p_true: str
    wrong: bool
    off: str = ""
    id: str = ""
    """Its data.id, where rows have one."""


def confusion_of(predictions: Mapping[str, Any], classes: Sequence[str]) -> Confusion | None:
    """Counts of (true, predicted); None without predictions."""
    counts = Counter(zip(predictions["y"], predictions["predicted"], strict=True))
    if not counts:
        return None
    labels: list[Any] = list(range(len(classes))) or sorted({label for pair in counts for label in pair}, key=str)
    names = tuple(_name(label, classes) for label in labels)
    wrong = sorted(((n, t, p) for (t, p), n in counts.items() if t != p), key=lambda w: (-w[0], str(w[1]), str(w[2])))
    small = len(labels) <= MATRIX_CLASSES
    return Confusion(
        names=names,
        rows=tuple(_matrix_row(label, labels, counts, classes) for label in labels) if small else (),
        pairs=tuple((_name(t, classes), _name(p, classes), count(n)) for n, t, p in wrong[:PAIRS_SHOWN]),
        wrong=count(sum(n for n, _, _ in wrong)),
        n=count(sum(counts.values())),
        weighted="weights" in predictions,
    )


def _matrix_row(true: Any, labels: Sequence[Any], counts: Counter[Any], classes: Sequence[str]) -> MatrixRow:
    total = sum(counts[true, predicted] for predicted in labels)
    missed = percent((total - counts[true, true]) / total) if total else NOTHING
    ends = wilson((total - counts[true, true]) / total, total, CONFIDENCE) if total else None
    cells = []
    for predicted in labels:
        n = counts[true, predicted]
        words = f"{count(n)} of class {_name(true, classes)} predicted as {_name(predicted, classes)}"
        cells.append(Cell(count(n) if n else "", _level(n, total), true == predicted, words))
    return MatrixRow(_name(true, classes), tuple(cells), count(total), missed, _ends(ends))


def _ends(ends: Interval | None) -> str:
    return "" if ends is None else f"{percent(ends.low).removesuffix('%')} to {percent(ends.high)}"


def _level(n: int, total: int) -> int:
    """0 for none, 1 to 9 by the square root of the share, so that rare confusions are seen."""
    return 0 if not n else max(1, math.ceil(9 * math.sqrt(n / total)))


def worst_of(predictions: Mapping[str, Any], classes: Sequence[str], task: str) -> list[Example]:
    """The examples with the largest loss: the wrong ones, or the least sure right ones when none is wrong."""
    found = _furthest(predictions) if task == "regression" else _worst(predictions, classes, task)
    ids = predictions.get("ids")
    names = dict(zip(map(str, predictions["rows"]), ids, strict=True)) if ids else {}
    return [replace(example, id=clean(names.get(example.row, ""))) for example in found]


def _worst(predictions: Mapping[str, Any], classes: Sequence[str], task: str) -> list[Example]:
    found = []
    for i, (row, true, predicted) in enumerate(_triples(predictions)):
        p_true, p_predicted = _probabilities(predictions.get("probability"), i, true, predicted, task)
        found.append((true == predicted, _order(p_true, p_predicted), i, row, true, predicted, p_predicted, p_true))
    found.sort(key=lambda entry: entry[:3])
    wrong = [entry for entry in found if not entry[0]]
    shown = (wrong or found)[:WORST_SHOWN]
    return [
        Example(str(row), _name(t, classes), _name(p, classes), _chance(p_p), _chance(p_t), not right)
        for right, _, _, row, t, p, p_p, p_t in shown
    ]


def _triples(predictions: Mapping[str, Any]) -> Any:
    return zip(predictions["rows"], predictions["y"], predictions["predicted"], strict=True)


def _order(p_true: float | None, p_predicted: float | None) -> float:
    """Lowest probability of the true class first; where it isn't known, the surest mistake first."""
    if p_true is not None:
        return p_true
    return -p_predicted if p_predicted is not None else 0.0


def _probabilities(
    given: Sequence[Any] | None, i: int, true: Any, predicted: Any, task: str
) -> tuple[float | None, float | None]:
    """(of the true class, of the predicted class)"""
    if given is None or i >= len(given):
        return None, None
    if isinstance(given[i], Sequence):
        return _probability(given[i], true), _probability(given[i], predicted)
    p = _number(given[i])
    if task == "binary" and p is not None:
        return (p if true == 1 else 1 - p), (p if predicted == 1 else 1 - p)
    return (p if true == predicted else None), p


def _probability(row: Sequence[Any], label: Any) -> float | None:
    if len(row) == 1 and label in (0, 1):  # a sigmoid's single column: of class 1
        p = _number(row[0])
        return p if p is None or label == 1 else 1 - p
    return _number(row[label]) if isinstance(label, int) and 0 <= label < len(row) else None


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _furthest(predictions: Mapping[str, Any]) -> list[Example]:
    found = []
    for row, true, predicted in _triples(predictions):
        if _number(true) is not None and _number(predicted) is not None:
            found.append((-abs(predicted - true), row, true, predicted))
    found.sort(key=lambda entry: entry[:2])
    return [
        Example(str(row), number(t, 5), number(p, 5), "", "", True, number(p - t, 4))
        for _, row, t, p in found[:WORST_SHOWN]
    ]


def _chance(p: float | None) -> str:
    return NOTHING if p is None else percent(p, 1 if 0.001 <= p <= 0.999 or p in (0, 1) else 3)


def _name(label: Any, classes: Sequence[str]) -> str:
    known = isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(classes)
    return clean(classes[label] if known else label)
