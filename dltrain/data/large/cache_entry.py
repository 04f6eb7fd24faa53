"""A finished conversion on the disk: the parts as NPY files, and a manifest that says what they are."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from dltrain import storage
from dltrain.config.records import DataFacts, Experiment
from dltrain.config.shares import settled_split
from dltrain.data.fitting.preparation import Preparation
from dltrain.data.large.filed import Mapped, bytes_of, npy_header, read_into
from dltrain.data.preparing import Part, Prepared
from dltrain.errors import Damaged, InputError, StorageError

FORMAT = 1
MANIFEST = "manifest.json"
BESIDE = ("y", "rows", "weights", "groups", "times")
"""What belongs to each row, beside its inputs."""
_PORTION = 8 * 2**20


def save(folder: Path, prepared: Prepared, written: dict[str, int]) -> None:
    """Completes the folder. `written` are the CRC-32 of the inputs that lie there already: PART.npy, PART.raw.npy."""
    parts = {}
    for name, part in prepared.parts.items():
        beside = {what: getattr(part, what) for what in BESIDE}
        arrays = {f"{name}.{what}.npy": array for what, array in beside.items() if array is not None}
        inputs = {name: part.X} | ({} if part.raw is None else {f"{name}.raw": part.raw})
        arrays |= {f"{file}.npy": array for file, array in inputs.items() if file not in written}
        checks = {file: _write(folder / file, np.asarray(array)) for file, array in arrays.items()}
        checks |= {f"{file}.npy": written[file] for file in inputs if file in written}
        parts[name] = {"mapped": name in written, "crc32": checks}
    manifest = {
        "format": FORMAT,
        "sha256": prepared.sha256,
        "facts": asdict(prepared.facts),
        "notes": prepared.notes,
        "conflicting": prepared.conflicting,
        "least_error": prepared.least_error,
        "stratify": prepared.settled_split.stratify,
        "preparation": prepared.preparation.to_json(),
        "parts": parts,
    }
    text = storage.to_json(manifest, indent=2)
    storage.write_json(folder / MANIFEST, {"crc32": zlib.crc32(text.encode()), "manifest": text})


def _write(path: Path, array: np.ndarray[Any, Any]) -> int:
    head = _head(array)
    data = bytes_of(np.ascontiguousarray(array))
    storage.write_pieces(path, [head, data])
    return zlib.crc32(data, zlib.crc32(head))


def _head(array: np.ndarray[Any, Any]) -> bytes:
    return npy_header(array.shape, array.dtype)


def load(folder: Path, experiment: Experiment, files: tuple[Path, ...]) -> Prepared:
    """What `save` wrote. Raises Damaged where anything of it is missing or not as it was."""
    try:
        outer = json.loads((folder / MANIFEST).read_bytes())
        text = outer["manifest"]
        if zlib.crc32(text.encode()) != outer["crc32"]:
            raise Damaged(f"{folder / MANIFEST} is damaged")
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            raise Damaged(f"{folder} is of another release")
        for one in manifest["parts"].values():
            for file, check in one["crc32"].items():
                _require(folder / file, check)
        return _prepared(folder, manifest, experiment, files)
    except (OSError, InputError, StorageError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{folder} is damaged: {error}") from None


def _require(path: Path, check: int) -> None:
    found = 0
    for portion in _portions(path):
        found = zlib.crc32(portion, found)
    if found != check:
        raise Damaged(f"{path} is damaged")


def _portions(path: Path) -> Iterator[memoryview]:
    with path.open("rb", buffering=0) as file:
        size, start = path.stat().st_size, 0
        buffer = np.empty(min(size, _PORTION), np.uint8)
        while start < size:
            some = buffer[: size - start]
            read_into(file.fileno(), path, start, some)
            yield some.data
            start += len(some)


def _prepared(folder: Path, manifest: dict[str, Any], experiment: Experiment, files: tuple[Path, ...]) -> Prepared:
    facts = manifest["facts"]
    parts = {name: _part(folder, name, one) for name, one in manifest["parts"].items()}
    return Prepared(
        parts=parts,
        preparation=Preparation.from_json(manifest["preparation"]),
        facts=DataFacts(**{**facts, "classes": tuple(facts["classes"])}),
        notes=tuple(manifest["notes"]),
        settled_split=settled_split(experiment, facts["parts"], manifest["stratify"]),
        sha256=manifest["sha256"],
        files=files,
        conflicting=manifest["conflicting"],
        least_error=manifest["least_error"],
    )


def _part(folder: Path, name: str, one: dict[str, Any]) -> Part:
    def beside(what: str) -> Any:
        path = folder / f"{name}.{what}.npy"
        return np.load(path) if path.name in one["crc32"] else None

    def inputs(file: str) -> Any:
        path = folder / file
        return Mapped(path) if one["mapped"] else np.load(path)

    raw = f"{name}.raw.npy"
    return Part(
        X=inputs(f"{name}.npy"),
        raw=inputs(raw) if raw in one["crc32"] else None,
        **{what: beside(what) for what in BESIDE},
    )


def arranged(part: Part, destination: np.ndarray[Any, Any]) -> Part:
    """What belongs to each row, in the order in which the inputs were written: row i at destination[i]."""
    order = np.empty_like(destination)
    order[destination] = np.arange(len(destination))
    found = {what: getattr(part, what) for what in BESIDE}
    turned: dict[str, Any] = {what: None if values is None else values[order] for what, values in found.items()}
    return replace(part, **turned, ids=None)
