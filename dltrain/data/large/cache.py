"""Data larger than memory: converted once into files in the user's cache folder, then read from there.

An entry is known by the content of the files and what the config says of data and split. While it is made its
folder holds pieces of the raw tables and a lock; a manifest makes it complete. Whoever finds it incomplete or
damaged goes on with it, or begins again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import cast

import numpy as np

from dltrain import storage
from dltrain.config.records import Experiment
from dltrain.data.augmenting import kept_rows, moves_of
from dltrain.data.expand import expand
from dltrain.data.files import content_sha256
from dltrain.data.fitting.preparation import Preparation
from dltrain.data.fitting.transforming import AsTheyAre, Rows, blocks_of_parts, by_table, transform_parts
from dltrain.data.large import cache_entry, memory
from dltrain.data.large.cache_entry import arranged
from dltrain.data.large.filed import Mapped
from dltrain.data.large.scatter import Npy, Scatter, npy_file
from dltrain.data.large.spilling import Report, Spill, spilling
from dltrain.data.large.store import stored
from dltrain.data.preparing import Prepared, finish, read_and_split, transform_whole
from dltrain.data.raw import Raw
from dltrain.data.readers.images import is_image_folder
from dltrain.data.sets.builtin_sets import built_in
from dltrain.data.sets.named import cache_folder, with_files
from dltrain.data.splitting.dealing import Drawn
from dltrain.engine.arrays import Floats, Ints
from dltrain.engine.streams import Purpose, permutation
from dltrain.errors import Damaged, InputError, Problem

FOLDER = "prepared"
_SMALL = 4 * 2**20
_PATIENCE = 7 * 24 * 3600.0
_PLACES = ("source", "dev_test_source")
"""Keys of data that say where the files lie: their content counts, not their place."""
_APART = (*_PLACES, "augment")
"""Of augmentation it counts alone whether it needs the raw rows."""
RAW = "train.raw"
"""File of the raw training rows, where augmentation needs them."""


class _Ready(Exception):
    """Another process has made the entry in the meantime."""


def prepare(experiment: Experiment, report: Report | None = None) -> Prepared:
    """Reads, splits, fits the preparation on the training rows and transforms every part: in memory, or where that is
    too small by way of a cache on the disk. `report` is told how far a conversion is.

    Raises InputError with one problem for each thing wrong.
    """
    files = _files(with_files(experiment))
    if files is None or not _may_be_large(files):
        return finish(experiment, read_and_split(experiment), transform_whole)
    memory.spare_addresses()
    conversion = _Conversion(experiment, files, report)
    try:
        return conversion.cached() or conversion.make()
    except _Ready:
        found = conversion.cached()
        assert found is not None
        return found
    finally:
        conversion.close()


def _files(experiment: Experiment) -> dict[str, Path] | None:
    """The tables that will be read, as `Sources.files` names them; None for other kinds, or where some are missing."""
    data, split = experiment.data, experiment.split
    if data.arrays is not None or (isinstance(data.source, str) and (built_in(data.source) or _folder(data.source))):
        return None
    files: dict[str, Path] = {}
    try:
        named = {} if split.files is None else {part: name for part, name in asdict(split.files).items() if name}
        if "train" not in named:
            files |= _numbered("source", expand(data.source, "data.source"))
        if data.dev_test_source is not None:
            files |= _numbered("dev_test_source", expand(data.dev_test_source, "data.dev_test_source"))
        files |= {part: Path(name) for part, name in named.items()}
    except InputError:
        return None
    return files if all(path.is_file() for path in files.values()) else None


def _may_be_large(files: Mapping[str, Path]) -> bool:
    """Whether it is worth a look at the cache: tables of a few MB, even packed, fit into any memory."""
    return memory.OVERRIDE in os.environ or sum(path.stat().st_size for path in files.values()) > _SMALL


def _folder(source: str) -> bool:
    return Path(source).is_dir() or is_image_folder(Path(source))


def _numbered(name: str, paths: list[Path]) -> dict[str, Path]:
    return {name: paths[0]} if len(paths) == 1 else {f"{name}.{n}": path for n, path in enumerate(paths)}


def key_of(experiment: Experiment, sha256: str) -> str:
    """Names an entry: what is read, and how."""
    data = {name: value for name, value in asdict(experiment.data).items() if name not in _APART}
    data |= {"raw": True} if moves_of(experiment.data.augment) else {}
    split = {name: value for name, value in asdict(experiment.split).items() if name != "files"}
    asked = {"format": cache_entry.FORMAT, "data": data, "split": split, "dtype": experiment.training.dtype}
    return hashlib.sha256(storage.canonical_json({**asked, "sha256": sha256}).encode()).hexdigest()[:32]


@dataclass(slots=True)
class _Conversion:
    """One preparation, and its entry in the cache if it needs one."""

    experiment: Experiment
    files: dict[str, Path]
    report: Report | None
    home: Path = field(default_factory=lambda: cache_folder() / FOLDER)
    sha256: str | None = None
    hashing: Thread = field(init=False)
    lock: storage.Lock | None = None
    written: dict[str, int] = field(default_factory=dict)
    destinations: dict[str, Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hashing = Thread(target=self._hash, daemon=True)  # the files are read meanwhile
        self.hashing.start()

    def close(self) -> None:
        if self.lock is not None:
            self.lock.release()

    def _hash(self) -> None:
        with suppress(InputError):
            self.sha256 = content_sha256(self.files)

    def _hashed(self) -> str:
        self.hashing.join()
        return self.sha256 or content_sha256(self.files)

    # ---- the entry

    def place(self) -> Path:
        """Its folder, which need not be there."""
        self.sha256 = self.sha256 or self._hashed()
        key = key_of(self.experiment, self.sha256)
        other = self.home / f"{key}.same"
        return self.home / (other.read_text() if other.exists() else key)

    def cached(self) -> Prepared | None:
        """What lies in the cache, if it is whole."""
        if not self.home.is_dir() or not any(self.home.iterdir()):
            return None
        folder = self.place()
        if not (folder / cache_entry.MANIFEST).exists():
            return None
        try:
            return cache_entry.load(folder, self.experiment, tuple(self.files.values()))
        except Damaged:
            self._take()
            storage.remove(folder)
            return None

    def _take(self) -> None:
        """The lock of the entry, however long another process needs it."""
        if self.lock is None:
            storage.make_folders(self.home)
            if self.report is not None and storage.held(self.home / f"{self.place().name}.lock"):
                self.report("waiting for another process that converts the same data", 0, 0)
            self.lock = storage.hold(self.home / f"{self.place().name}.lock", patience=_PATIENCE)

    def folder(self) -> Path:
        """Its folder, made and locked. Raises _Ready if the entry is complete by now."""
        folder = self.place()
        if self.lock is None:
            self._take()
            if (folder / cache_entry.MANIFEST).exists():
                raise _Ready
            storage.make_folders(folder)
            storage.sweep_temporaries(folder)
        return folder

    # ---- making it

    def make(self) -> Prepared:
        """From the files: in memory where that goes."""
        total = sum(path.stat().st_size for path in self.files.values())
        spill = Spill(self.folder, total, self.report)
        if self.home.is_dir() and any(self.home.iterdir()) and self.place().is_dir():
            spill.begun = self.folder()
        try:
            with spilling(spill):
                tables = read_and_split(self.experiment)
            if not spill.used:
                return finish(self.experiment, tables, transform_whole, self._hashed())
            prepared = finish(self.experiment, tables, self._to_files, self._hashed(), self._keep)
        except InputError:
            if spill.used:
                storage.remove(self.place())
            raise
        del tables
        return self._complete(prepared)

    def _to_files(self, drawn: Mapping[str, Drawn], preparation: Preparation) -> dict[str, Floats]:
        """The parts that lie in tables on the disk become files, the training rows in random order."""
        self._require_room(drawn, preparation)
        in_memory = {part: one for part, one in drawn.items() if stored(one.raw.X) is None}
        out = transform_parts(in_memory, preparation)
        for raw, parts in by_table({part: one for part, one in drawn.items() if part not in in_memory}):
            self._write(raw, parts, preparation)
            found = {part: Mapped(self.folder() / f"{part}.npy") for part in parts}
            out |= cast("dict[str, Floats]", found)
        return {part: out[part] for part in drawn}

    def _keep(self, train: Drawn, dtype: str) -> Floats:
        """The raw training rows become a file too, in the order of the training rows."""
        table = stored(train.raw.X)
        if table is None:
            return kept_rows(train, dtype)
        n, k = len(train.rows), train.raw.X.shape[1]
        self._require_free(2 * n * k * np.dtype(dtype).itemsize)
        sink = Scatter(self.folder() / "buckets", self._arrangement(n), k, dtype)
        for _, first, block in blocks_of_parts(AsTheyAre(k, dtype), table, {"train": train.rows}, None):
            sink.add(block)
            self._tell("keeping the pictures", n, first + len(block))
        path = self.folder() / f"{RAW}.npy"
        sink.finish(path, partial(self._tell, "arranging", n))
        self.written[RAW] = sink.crc32
        return cast("Floats", Mapped(path))

    def _arrangement(self, n: int) -> Ints:
        """Where each of the n training rows goes: the order in which they lie in files."""
        if "train" not in self.destinations:
            self.destinations["train"] = permutation(n, self.experiment.split.seed, Purpose.ARRANGE)
        return self.destinations["train"]

    def _write(self, raw: Raw, parts: Mapping[str, Rows], preparation: Preparation) -> None:
        """PART.npy of all parts that lie in one table, in a single pass over it."""
        table, folder = stored(raw.X), self.folder()
        assert table is not None
        n_x, dtype = preparation.n_x, preparation.dtype
        with ExitStack() as stack:
            sinks: dict[str, Scatter | Npy] = {}
            for part, rows in parts.items():
                if part == "train":
                    sinks[part] = Scatter(folder / "buckets", self._arrangement(len(rows)), n_x, dtype)
                else:
                    sinks[part] = stack.enter_context(npy_file(folder / f"{part}.npy", len(rows), n_x, dtype))
            done = 0
            for part, _, block in blocks_of_parts(preparation, table, parts, raw.vocabularies):
                sinks[part].add(block)
                done += len(block)
                self._tell("preparing", sum(map(len, parts.values())), done)
        for part, sink in sinks.items():
            if isinstance(sink, Scatter):
                sink.finish(folder / f"{part}.npy", partial(self._tell, "arranging", sink.n))
            self.written[part] = sink.crc32

    def _tell(self, what: str, of: int, done: int) -> None:
        if self.report is not None:
            self.report(what, done, of)

    def _require_room(self, drawn: Mapping[str, Drawn], preparation: Preparation) -> None:
        """Raises InputError where the disk has no room for the parts, the training rows twice for a while."""
        need = sum(len(one.rows) * (2 if part == "train" else 1) for part, one in drawn.items())
        self._require_free(need * preparation.n_x * np.dtype(preparation.dtype).itemsize)

    def _require_free(self, need: int) -> None:
        free = shutil.disk_usage(self.home).free
        if need > free:
            sizes = f"{need / 2**30:.1f} GB are needed in {storage.shown(self.home)}, {free / 2**30:.1f} GB are free"
            raise InputError(Problem(f"{sizes}; name a folder on another disk with DLTRAIN_CACHE_DIR", "data.source"))

    def _complete(self, prepared: Prepared) -> Prepared:
        """Saves the entry and opens it as every later run will."""
        parts = {part: replace(one, ids=None) for part, one in prepared.parts.items()}
        for part, destination in self.destinations.items():
            parts[part] = arranged(parts[part], destination)
        notes = (*prepared.notes, f"larger than memory: read from a cache in {storage.shown(self.place())}")
        folder = self.folder()
        cache_entry.save(folder, replace(prepared, parts=parts, notes=notes), self.written)
        self._call_the_same(prepared)
        for entry in list(folder.iterdir()):
            if entry.is_dir():
                storage.remove(entry)
        return cache_entry.load(folder, self.experiment, tuple(self.files.values()))

    def _call_the_same(self, prepared: Prepared) -> None:
        """The settled config, which names counts for ratios, means the same entry: a run that is resumed asks so."""
        data = replace(self.experiment.data, task=prepared.preparation.task)
        settled = replace(self.experiment, data=data, split=prepared.settled_split)
        assert self.sha256 is not None
        key = key_of(settled, self.sha256)
        if key != self.place().name:
            storage.write_text(self.home / f"{key}.same", self.place().name)
