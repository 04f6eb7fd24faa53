"""A look at files of named arrays, and at folders of pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from dltrain.config.starter import Look
from dltrain.data.files import shown
from dltrain.data.labels import decide_task
from dltrain.data.raw import Raw
from dltrain.data.readers.arrays import as_labels
from dltrain.data.readers.hdf5 import hdf5_shapes, read_hdf5
from dltrain.data.readers.images import picture_counts
from dltrain.data.readers.npy import npz_shapes, read_npz
from dltrain.data.roles import listed
from dltrain.data.tables import partner
from dltrain.errors import InputError, Problem, did_you_mean

Shapes = Mapping[str, tuple[int, ...]]
PARTS = {"dev": ("dev", "val", "valid", "validation"), "test": ("test",)}


def look_at_arrays(paths: list[Path], target: str | None, test: str | None, kind: str) -> Look:
    """An npz or hdf5 file: the target's array, the inputs that belong to it, and their twins of other parts."""
    path = paths[0]
    if len(paths) > 1:
        raise InputError(Problem(f"{shown(path)} holds arrays; expected one such file", "data.source"))
    if test is not None:
        raise InputError(Problem("the arrays of one file say which rows are test (x_test, y_test)", "split.files.test"))
    shapes = npz_shapes(path, "data.source") if kind == "npz" else hdf5_shapes(path, "data.source")
    inputs = _inputs(path, target, shapes)
    assert target is not None
    arrays = {"train": (inputs, target), **_twins(inputs, target, shapes)}
    y = as_labels(
        (read_npz if kind == "npz" else read_hdf5)(path, [target], "data.target")[0], shown(path), "data.target"
    )
    task, why = decide_task(Raw(X=np.empty((len(y), 0)), y=y, features=(), target=target, columns=()), "auto")
    return Look(
        sources=(str(path),),
        rows=len(y),
        arrays=arrays,
        tested="test" in arrays,
        task=task,
        why=why.removeprefix(f"task: {task}, since "),
        inputs=prod(shapes[inputs][1:]),
    )


def _inputs(path: Path, target: str | None, shapes: Shapes) -> str:
    if target is None:
        likely = next((name for name in shapes if name.lower().startswith("y")), next(iter(shapes)))
        what = f"{shown(path)} holds {listed(list(shapes))}"
        raise InputError(
            Problem(f"which array is to be predicted? {what}; for instance --target {likely}", "data.target")
        )
    if target not in shapes:
        hint = did_you_mean(target, list(shapes)) or f"; it holds {listed(list(shapes))}"
        raise InputError(Problem(f"{shown(path)} has no array {target!r}{hint}", "data.target"))
    inputs = partner(target, dict(shapes))
    if inputs not in shapes:
        message = f"which array of {shown(path)} has the inputs for {target}? Expected x{target[1:]} beside it"
        raise InputError(Problem(f"{message}; a config can say so in data.arrays", "data.target"))
    return inputs


def _twins(inputs: str, target: str, shapes: Shapes) -> dict[str, tuple[str, str]]:
    """The arrays of the same name but for `train`."""
    found: dict[str, tuple[str, str]] = {}
    for part, words in PARTS.items():
        for word in words:
            x, y = (re.sub("train", word, name, flags=re.IGNORECASE) for name in (inputs, target))
            known = {name.lower(): name for name in shapes}
            if y != target and x != inputs and x.lower() in known and y.lower() in known:
                found.setdefault(part, (known[x.lower()], known[y.lower()]))
    return found


def look_at_pictures(folder: Path, target: str | None, test: str | None) -> Look:
    """A folder of pictures with a subfolder a class, perhaps below train and test."""
    if target not in (None, "class"):
        raise InputError(
            Problem("the target of a folder of pictures is its subfolders' names; leave it out", "data.target")
        )
    if test is not None:
        raise InputError(
            Problem(f"test pictures lie in a folder `test` beside `train` in {shown(folder)}", "split.files.test")
        )
    counts = picture_counts(folder)
    if not counts:
        message = f"{shown(folder)} is a folder without subfolders of pictures, one a class; name a file in it"
        raise InputError(Problem(message, "data.source"))
    return Look(
        sources=(str(folder),),
        rows=sum(counts["train"].values()),
        tested="test" in counts,
        inputs=1024,
        why=f"{len(counts['train'])} subfolders",
    )
