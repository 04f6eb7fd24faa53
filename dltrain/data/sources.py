"""From `data` and the files of `split` to tables: one to be split, and those whose rows have their part already."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import prod
from pathlib import Path, PurePath

from dltrain.config import NAMED
from dltrain.config.records import Data, Experiment, Split
from dltrain.data.expand import expand
from dltrain.data.files import kind_of, require_file, shown
from dltrain.data.raw import Raw
from dltrain.data.readers.hdf5 import read_hdf5
from dltrain.data.readers.idx import read_idx
from dltrain.data.readers.images import TARGET, is_image_folder, read_images
from dltrain.data.readers.npy import Array, read_npy, read_npz
from dltrain.data.reading import Reading
from dltrain.data.roles import listed
from dltrain.data.sets.builtin_sets import built_in, built_in_file, built_in_sets, read_built_in
from dltrain.data.tables import pair, read_files, read_like, read_single, select
from dltrain.errors import InputError, Problem

PARTS = ("train", "train_dev", "dev", "test")


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that was read."""

    pool: Raw
    """The rows that are split."""
    given: dict[str, Raw]
    """Rows of train_dev, dev or test from files or arrays of their own."""
    keys: dict[str, str]
    """The config key that gave each of these."""
    files: dict[str, Path]
    """What was read, for the hash."""
    notes: tuple[str, ...] = field(default=())
    apart: Raw | None = None
    """The rows of data.dev_test_source, from which dev and test are drawn."""

    def every(self) -> dict[str, Raw]:
        """All tables, the pool as `train`."""
        return {"train": self.pool, **({"dev": self.apart} if self.apart is not None else {}), **self.given}


def read_sources(experiment: Experiment) -> Sources:
    """Reads all tables. Raises InputError for everything that cannot be read or does not fit together."""
    data, split = experiment.data, experiment.split
    reading = Reading.of(experiment)
    named = _named_files(split)
    if data.arrays is not None:
        if named:
            raise InputError(Problem("data.arrays says already who is in which part; leave it out", "split.files"))
        return _from_arrays(reading, data.arrays)
    if split.by == "files" and not named:
        raise InputError(Problem("files needs split.files: {train: .., dev: .., test: ..}", "split.by"))
    return _from_files(reading, named)


def _named_files(split: Split) -> dict[str, Path]:
    if split.files is None:
        return {}
    named = {part: getattr(split.files, part) for part in PARTS}
    return {part: Path(name) for part, name in named.items() if name is not None}


def _from_files(reading: Reading, named: dict[str, Path]) -> Sources:
    data = reading.data
    notes: list[str] = []
    files: dict[str, Path] = {}
    given: dict[str, Raw] = {}
    keys: dict[str, str] = {}
    if "train" in named:
        files["train"] = require_file(named["train"], "split.files.train")
        pool = select_if_whole(read_single(files["train"], reading, "split.files.train"), reading)
        if data.source != str(files["train"]):
            notes.append(f"data.source ({data.source}) is not read: split.files names the training rows")
    elif isinstance(data.source, str) and is_image_folder(Path(data.source)):
        pool, given = _read_pictures(reading, files, notes)
        keys = dict.fromkeys(given, "data.source")
    else:
        pool = _read_source(reading, files)
    apart = None
    if data.dev_test_source is not None:
        apart = _read_apart(reading, pool, data.dev_test_source, files)
    for part, path in named.items():
        if part != "train":
            keys[part] = f"split.files.{part}"
            files[part] = require_file(path, keys[part])
            given[part] = read_like([path], pool, reading, keys[part])
    if pool.doubt:
        notes.append(f"warning: {pool.doubt}, and is read as data: if it is a header, leave data.columns out")
    return Sources(pool, given, keys, files, tuple(notes), apart)


def _read_source(reading: Reading, files: dict[str, Path]) -> Raw:
    """The table of data.source; what was read goes into `files`."""
    data = reading.data
    known = built_in(data.source) if isinstance(data.source, str) else None
    if known is not None:
        if data.target not in (None, known.target):
            raise InputError(Problem(f"the target of {known.name} is {known.target!r}", "data.target"))
        files["source"] = built_in_file(known.name)
        return select(read_built_in(known), reading)
    if isinstance(data.source, str) and Path(data.source).is_dir():
        raise InputError(_folder_without_arrays(Path(data.source)))
    paths = expand(data.source, "data.source", (*(known.name for known in built_in_sets()), *NAMED))
    _note_files(files, "source", paths)
    if len(paths) > 1:
        return read_files(paths, reading, "data.source")
    return select_if_whole(read_single(paths[0], reading, "data.source"), reading)


def _read_apart(reading: Reading, pool: Raw, source: str | list[str], files: dict[str, Path]) -> Raw:
    """The table of data.dev_test_source, read as that of data.source was."""
    paths = expand(source, "data.dev_test_source")
    _note_files(files, "dev_test_source", paths)
    return read_like(paths, pool, reading, "data.dev_test_source")


def _note_files(files: dict[str, Path], name: str, paths: list[Path]) -> None:
    files.update({name: paths[0]} if len(paths) == 1 else {f"{name}.{n}": path for n, path in enumerate(paths)})


def _read_pictures(reading: Reading, files: dict[str, Path], notes: list[str]) -> tuple[Raw, dict[str, Raw]]:
    """A folder of pictures: the pool, and the parts that have folders of their own."""
    data = reading.data
    assert isinstance(data.source, str)
    if data.target not in (None, TARGET):
        raise InputError(Problem(f"the target of a folder of pictures is {TARGET!r}, the subfolder", "data.target"))
    found = read_images(Path(data.source), data.image_shape)
    _note_files(files, "source", list(found.files))
    notes += found.notes
    given = {part: select(raw, reading) for part, raw in found.parts.items() if part != "train"}
    return select(found.parts["train"], reading), given


def select_if_whole(raw: Raw, reading: Reading) -> Raw:
    """Tables made of arrays know no roles yet: their columns are chosen here."""
    return select(raw, reading) if raw.target not in raw.columns else raw


def _folder_without_arrays(path: Path) -> Problem:
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry, _ in zip(entries, range(1000), strict=False) if entry.is_file())
    images = [name for name in names if "images" in name or name.lower().startswith("x")]
    pairs = []
    for part, words in (("train", ("train",)), ("test", ("t10k", "test"))):
        inputs = [name for name in images if any(word in name for word in words)]
        labels = [name for name in names if name not in images and any(word in name for word in words)]
        if len(inputs) == 1 and len(labels) == 1:
            pairs.append(f"{part}: [{inputs[0]}, {labels[0]}]")
    example = ", ".join(pairs) or "train: [x_train.npy, y_train.npy]"
    holds = f"it holds {listed(names, 6)}" if names else "it holds no files"
    message = f"{shown(path)} is a folder ({holds}); say what is what: data.arrays: {{{example}}}"
    return Problem(message, "data.arrays")


def _from_arrays(reading: Reading, arrays: dict[str, list[str]] | object) -> Sources:
    assert isinstance(arrays, dict) and isinstance(reading.data.source, str)
    _check_arrays(arrays)
    path = Path(reading.data.source)
    folder = path.is_dir()
    if not folder:
        require_file(path, "data.source", tuple(known.name for known in built_in_sets()))
        if kind_of(path, "data.source") not in ("npz", "hdf5"):
            message = f"{shown(path)} is no npz or hdf5 file, so it has no named arrays"
            raise InputError(Problem(message, "data.arrays"))
    read: dict[str, Raw] = {}
    files = {} if folder else {"source": path}
    problems: list[Problem] = []
    for part, (x, y) in arrays.items():
        key = f"data.arrays.{part}"
        try:
            a, b = [_file_array(path, name, key, files) for name in (x, y)] if folder else _both(path, [x, y], key)
            read[part] = select(pair(a, b, (x, y), reading, shown(path), key), reading)
        except InputError as error:
            problems += error.problems
    pool = read.pop("train", None)
    problems += _same_width(pool, read)
    if problems or pool is None:
        raise InputError(*problems)
    return Sources(pool, read, {part: f"data.arrays.{part}" for part in read}, files)


def _both(path: Path, names: list[str], key: str) -> list[Array]:
    read = read_hdf5 if kind_of(path, key) == "hdf5" else read_npz
    return read(path, names, key)


def _check_arrays(arrays: dict[str, list[str]]) -> None:
    problems = [
        Problem(f"[inputs, target] are two names, got {len(names)}", f"data.arrays.{part}")
        for part, names in arrays.items()
        if len(names) != 2
    ]
    if "train" not in arrays:
        problems.append(Problem("train is missing: {train: [x_train, y_train], ...}", "data.arrays"))
    if problems:
        raise InputError(*problems)


def _same_width(pool: Raw | None, given: dict[str, Raw]) -> list[Problem]:
    if pool is None:
        return []
    return [
        Problem(f"has rows of {raw.X.shape[1]} values, train has rows of {pool.X.shape[1]}", f"data.arrays.{part}")
        for part, raw in given.items()
        if raw.X.shape[1] != pool.X.shape[1]
    ]


def _file_array(folder: Path, name: str, key: str, files: dict[str, Path]) -> Array:
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise InputError(Problem(f"{name!r} leads out of the folder {shown(folder)}", key))
    path = require_file(folder / name, key)
    files[name] = path
    kind = kind_of(path, key)
    if kind == "npy":
        return read_npy(path, key)
    if kind == "idx":
        return read_idx(path, key)
    raise InputError(Problem(f"{shown(path)} is a {kind} file; expected npy or idx (.gz too)", key))


def settle_image_shape(data: Data, pool: Raw) -> tuple[int, ...] | None:
    """[height, width] or [height, width, channels]: as asked for, else as the file says."""
    if data.image_shape is None:
        return pool.image_shape
    shape = tuple(data.image_shape)
    n_x = pool.X.shape[1]
    if len(shape) > 3:
        raise InputError(Problem(f"is {list(shape)}, expected [height, width] or with channels", "data.image_shape"))
    if prod(shape) != n_x:
        message = f"{' x '.join(map(str, shape))} = {prod(shape)} values, but rows have {n_x} inputs"
        raise InputError(Problem(message, "data.image_shape"))
    return shape
