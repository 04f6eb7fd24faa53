"""Calling the command line in this process, and small data to call it with."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dltrain.cli.boundary import run

HEADER = "id,width,height,kind"


@dataclass(frozen=True)
class Called:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.splitlines()[-1]

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def call(*arguments: object, stdin: str | bytes = b"", debug: bool = False) -> Called:
    """One command, as `dltrain ARGUMENTS` runs it, its streams no terminals."""
    out, err = io.StringIO(), io.StringIO()
    given = stdin.encode() if isinstance(stdin, str) else stdin
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run([str(argument) for argument in arguments], debug)
    finally:
        sys.stdin = before
    return Called(code, out.getvalue(), err.getvalue())


def two_kinds(n: int = 60, seed: int = 5) -> list[tuple[str, float, float, str]]:
    """(id, width, height, kind) of n rows; oaks are wider than high, firs the other way round."""
    draws = np.random.Generator(np.random.Philox(seed))
    rows = []
    for number in range(n):
        oak = number % 2 == 0
        size = draws.normal(4.0, 0.8, size=2)
        width, height = size + ([1.0, -1.0] if oak else [-1.0, 1.0])
        rows.append((f"tree-{number}", round(float(width), 3), round(float(height), 3), "oak" if oak else "fir"))
    return rows


def table(rows: list[tuple[str, float, float, str]], header: str = HEADER) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


TREES = """\
data: {source: trees.csv, target: kind, id: id}
split: {train: 0.6, dev: 0.2, test: 0.2}
architecture: {layers: [4]}
training: {epochs: 3, batch_size: 16}
"""


def trees(folder: Path) -> Path:
    """A config beside its data: two classes, an id column, 36 training rows."""
    (folder / "trees.csv").write_text(table(two_kinds()))
    (folder / "trees.yaml").write_text(TREES)
    return folder / "trees.yaml"


def regression(folder: Path) -> Path:
    """A config beside its data: cost = 2 area + 10 + noise, 40 rows."""
    draws = np.random.Generator(np.random.Philox(6))
    area = draws.uniform(20, 120, size=40).round(1)
    cost = (2 * area + 10 + draws.normal(0, 4, size=40)).round(2)
    lines = [f"{a},{c}" for a, c in zip(area.tolist(), cost.tolist(), strict=True)]
    (folder / "costs.csv").write_text("\n".join(["area,cost", *lines]) + "\n")
    (folder / "costs.yaml").write_text(COSTS)
    return folder / "costs.yaml"


COSTS = """\
data: {source: costs.csv, target: cost}
split: {train: 0.5, dev: 0.3, test: 0.2}
architecture: {layers: []}
optimizer: {kind: adam, learning_rate: 0.1}
training: {epochs: 20, batch_size: full}
"""
