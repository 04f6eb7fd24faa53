"""Train, dev and test sets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tools.lessons.model import Finding, Lesson
from tools.lessons.workshop import Ran, Workshop


def _sizes(shop: Workshop, rows: int, *overrides: str) -> dict[str, int]:
    """Rows of each part that `check` settles on."""
    file = shop.folder / f"{rows}.csv"
    if not file.exists():
        file.write_text("x,y\n" + "".join(f"{n % 97},{n % 2}\n" for n in range(rows)))
    found = shop.call("check", f"data.source={file}", "data.target=y", *overrides)
    return {part: found["data"][f"{part} rows"] for part in ("train", "dev", "test") if f"{part} rows" in found["data"]}


def _show(shop: Workshop) -> Iterator[Finding]:
    splits = {
        "1,000": _sizes(shop, 1_000),
        "1,000,000": _sizes(shop, 1_000_000),
        "2,000,000": _sizes(shop, 2_000_000),
    }
    yield Finding("little data: 60/20/20", _said(splits["1,000"]), splits["1,000"] == _parts(600, 200, 200))
    million = splits["1,000,000"]
    yield Finding("1,000,000 = 980,000 + 10,000 + 10,000", _said(million), million == _parts(980_000, 10_000, 10_000))
    two = splits["2,000,000"]
    yield Finding("above a million: 99.5 % to train on", _said(two), two == _parts(1_990_000, 5_000, 5_000))
    plain = _sizes(shop, 1_000, "split.train=0.7", "split.dev=0", "split.test=0.3")
    yield Finding("70/30 without dev", _said(plain), plain == {"train": 700, "test": 300})
    untested = _sizes(shop, 1_000, "split.train=0.8", "split.dev=0.2", "split.test=0")
    yield Finding("a test set is not always necessary", _said(untested), untested == {"train": 800, "dev": 200})
    with shop.picture("sizes", width=6, height=1.8) as axes:
        _draw(axes, splits | {"1,000, no dev": plain})


def _parts(train: int, dev: int, test: int) -> dict[str, int]:
    return {"train": train, "dev": dev, "test": test}


def _said(parts: dict[str, int]) -> str:
    return ", ".join(f"{name} {rows:,}" for name, rows in parts.items())


def _draw(axes: Any, splits: dict[str, dict[str, int]]) -> None:
    shades = {"train": "#d0d0d0", "dev": "#2563a8", "test": "#1b1b1b"}
    for place, (name, parts) in enumerate(reversed(splits.items())):
        left, total = 0.0, sum(parts.values())
        for part, rows in parts.items():
            share = 100 * rows / total
            label = part if name == "1,000" else None
            axes.barh(place, share, left=left, color=shades[part], edgecolor="white", label=label)
            left += share
        axes.text(101, place, " / ".join(f"{100 * rows / total:g}" for rows in parts.values()), va="center")
    axes.set(xlabel="% of the rows", ylabel="rows", yticks=range(len(splits)), yticklabels=list(reversed(splits)))
    axes.set(xlim=(0, 125), xticks=range(0, 101, 20))
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.22), ncols=3, frameon=False)


def _mismatch(shop: Workshop) -> Iterator[Finding]:
    same, other = shop.commands("lesson_mismatch")
    tests = [shop.call("evaluate", str(ran.path), "--part", "test") for ran in (same, other)]
    gaps = [test["error"]["value"] - ran.error("dev") for ran, test in zip((same, other), tests, strict=True)]
    said = [
        f"dev {ran.error('dev'):.1%}, test {test['error']['value']:.1%}"
        for ran, test in zip((same, other), tests, strict=True)
    ]
    chance = [
        1.96 * math.hypot(*(math.sqrt(p * (1 - p) / n) for p, n in pair)) for pair in _pairs((same, other), tests)
    ]
    yield Finding(
        "dev and test of one distribution agree",
        f"{said[0]}; by chance up to {chance[0]:.1%}",
        abs(gaps[0]) < chance[0],
    )
    yield Finding(
        "dev of the training source promises too much",
        f"{said[1]}; by chance up to {chance[1]:.1%}",
        gaps[1] > chance[1],
    )
    yield Finding(
        "train-dev tells mismatch from variance",
        f"variance {same.gap('variance'):.1%} ({same.record['verdict']['variance']}), mismatch "
        f"{same.gap('mismatch'):.1%} ({same.record['verdict']['mismatch']})",
        (same.record["verdict"]["variance"], same.record["verdict"]["mismatch"]) == ("low", "high"),
    )
    with shop.picture("mismatch", width=5) as axes:
        names = ["train", "train-dev", "dev", "test"]
        first = [100 * same.error(part) for part in ("train", "train_dev", "dev")] + [100 * tests[0]["error"]["value"]]
        second = [100 * other.error("train"), np.nan, 100 * other.error("dev"), 100 * tests[1]["error"]["value"]]
        place = np.arange(4)
        axes.bar(place - 0.2, first, 0.38, color="#2563a8", label="dev and test from the users")
        axes.bar(
            place + 0.2,
            second,
            0.38,
            color="#d0d0d0",
            edgecolor="black",
            hatch="//",
            label="dev from the training source",
        )
        axes.axhline(8.6, color="black", linestyle=":", label="Bayes error")
        axes.set(xticks=place, xticklabels=names, ylabel="misclassified, %", ylim=(0, None))
        axes.legend(loc="lower right")


def _pairs(rans: Sequence[Ran], tests: Sequence[dict[str, Any]]) -> Iterator[list[tuple[float, int]]]:
    """(error, examples) of dev and of test, a run."""
    for ran, test in zip(rans, tests, strict=True):
        found = (ran.record["errors"]["dev"], test["error"])
        yield [(one["value"], one["n"]) for one in found]


LESSONS = [
    Lesson(
        section="1.1",
        title="Sizes of train, dev and test",
        where=("config/shares.py", "data/splitting/"),
        how=("sh configs/lesson_sizes.sh",),
        show=_show,
        pictures=(("sizes", "How many of the rows are train, dev and test, by the size of the data"),),
        slow=True,
    ),
    Lesson(
        section="1.1",
        title="Mismatched sources",
        where=("diagnosis/gaps.py", "data/suspicion/"),
        how=("dltrain train configs/lesson_mismatch.yaml",),
        show=_mismatch,
        pictures=(("mismatch", "Errors where dev comes from the users, and where it comes from the training source"),),
        slow=True,
    ),
]
