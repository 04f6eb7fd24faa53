"""A checkpoint: one safetensors file whose name holds the SHA-256 of all its bytes.

There is no clock, host or path in it: equal state gives an equal name and equal bytes. Beside the state it holds
the length and SHA-256 of metrics.jsonl at its moment, so that both are taken back together.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dltrain.errors import Damaged, InputError, StorageError
from dltrain.runs.tensors import Unsound, header_size, not_finite, pack, read_header, unpack
from dltrain.storage import canonical_json, plainly, read_bytes, read_first, shown

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

PathLike = str | os.PathLike[str]
CHECKPOINTS = "checkpoints"
_FORMAT = 1
_NAME = re.compile(r"step-([0-9]{8,18})-([0-9a-f]{64})\.safetensors")
_OURS = ("metrics", "protected")

Protection = bool | Literal["best"]
"""Whether pruning leaves a checkpoint alone: never, always, or as long as it is the newest of the best ones."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Arrays (read-only) and plain data as they were saved; `metrics` and `protected` were added to meta."""

    arrays: Mapping[str, Array]
    meta: dict[str, Any]
    name: str


class Kept(NamedTuple):
    """One checkpoint of a list."""

    step: int
    epoch: int | None
    """Whole epochs done; None in the midst of one, or where the file's description cannot be read."""
    name: str


class Head(NamedTuple):
    """What a checkpoint's first bytes say; not yet proven by its hash."""

    step: int
    meta: dict[str, Any]
    fault: str | None
    """Why it cannot be read, or None."""

    @property
    def protected(self) -> Protection:
        value = self.meta.get("protected")
        return "best" if value == "best" else value is True


def encode_checkpoint(arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> tuple[str, list[bytes | memoryview]]:
    """(name, the file's bytes in pieces). meta is plain data with an int `step` (and `epoch`, `batch` if any).

    ValueError for arrays that are not finite or of another type than float32, float64, int64, and for meta that
    is not plain: a checkpoint that could not be loaded is not written.
    """
    step = meta.get("step")
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < 10**18:
        raise ValueError(f"step {step!r} in meta: expected a whole number from 0")
    pieces = pack(arrays, canonical_json({"format": _FORMAT, "meta": dict(meta)}))
    if name := not_finite(arrays):
        raise ValueError(f"{name} holds a value that is not finite")
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return f"step-{step:08d}-{digest.hexdigest()}.safetensors", pieces


def step_and_hash(name: str) -> tuple[int, str] | None:
    """The step and SHA-256 in a checkpoint's name; None when it is no such name."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), match[2]) if match else None


def names(folder: PathLike) -> list[str]:
    """The names of the checkpoints in a folder `checkpoints`, whatever is behind them, by step."""
    with plainly("read", folder):
        try:
            found = [name for name in os.listdir(folder) if step_and_hash(name)]
        except FileNotFoundError:
            return []
    return sorted(found, key=lambda name: (step_and_hash(name), name))


def read_head(folder: PathLike, name: str) -> Head:
    """What the file's first bytes say, without reading the rest. Raises as `read_sound` where it cannot be opened."""
    step, _ = step_and_hash(name) or (-1, "")
    try:
        meta = _description(Path(folder) / name).get("meta")
    except Unsound as error:
        return Head(step, {}, str(error))
    return Head(step, meta if isinstance(meta, dict) else {}, None)


def read_sound(folder: PathLike, name: str) -> Checkpoint:
    """The checkpoint, if every byte of it is as it was written. Raises Unsound; InputError when it may not be
    read, or a newer dltrain wrote it; StorageError.

    The order is the point: the header's sizes (so that a damaged length does not fill the memory), the hash of
    exactly the bytes that are then parsed, and only then what they mean.
    """
    file = Path(folder) / name
    step, expected = step_and_hash(name) or (-1, "")
    _description(file)
    data = _read(file)
    if not same_hash(data, expected):
        raise Unsound("its bytes do not have the SHA-256 in its name")
    description, _ = read_header(data[: header_size(data[:8])])
    format_, meta = description.get("format"), description.get("meta")
    if isinstance(format_, int) and format_ > _FORMAT:
        raise InputError(
            f"{shown(file)} has format {format_}, this dltrain reads {_FORMAT}: go on with the version that wrote it"
        )
    if format_ != _FORMAT or not isinstance(meta, dict) or not of_step(meta, step):
        raise Unsound(f"it does not describe itself as a checkpoint of step {step}")
    arrays = unpack(data)
    if array := not_finite(arrays):
        raise Unsound(f"{array} holds a value that is not finite")
    return Checkpoint(arrays, meta, name)


def same_hash(data: bytes, expected: str) -> bool:
    """Whether the bytes are those that the name promises."""
    return hashlib.sha256(data).hexdigest() == expected


def of_step(meta: Mapping[str, Any], step: int) -> bool:
    """Whether the step in the name, which its hash does not cover, is the file's own."""
    return meta.get("step") == step


def _description(file: Path) -> dict[str, Any]:
    """The description in the header, whose sizes are checked against the file's. Raises Unsound."""
    try:
        found = os.lstat(file)
    except OSError as error:
        raise Unsound(f"it cannot be found ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise Unsound("it is not a regular file")
    if found.st_size == 0:
        raise Unsound("it is empty")
    description, size = read_header(_read(file, header_size(_read(file, 8))))
    if size != found.st_size:
        raise Unsound(f"it has {found.st_size} bytes, expected {size}")
    return description


def _read(file: Path, first: int | None = None) -> bytes:
    """A sector that cannot be read is damage like any other; what another user's file or a full table of open
    files would say is not."""
    try:
        return read_bytes(file) if first is None else read_first(file, first)
    except StorageError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO:
            raise Unsound("it cannot be read: input/output error") from error
        raise


def list_checkpoints(path: PathLike) -> list[Kept]:
    """The checkpoints in a run folder, oldest first, as their first bytes describe them; read_checkpoint proves
    one. Raises InputError or StorageError when the folder cannot be read."""
    folder = os.path.join(path, CHECKPOINTS)
    heads = [(name, read_head(folder, name)) for name in names(folder)]
    return [Kept(head.step, _whole_epochs(head.meta), name) for name, head in heads]


def _whole_epochs(meta: Mapping[str, Any]) -> int | None:
    epoch = meta.get("epoch")
    return epoch if isinstance(epoch, int) and not meta.get("batch") else None


def read_checkpoint(path: PathLike, name: str) -> Checkpoint:
    """One checkpoint of a run folder, which need not be held. Raises InputError when there is none of that name,
    Damaged (exit 65) when a byte of it is not as it was written, StorageError."""
    folder = os.path.join(path, CHECKPOINTS)
    if step_and_hash(name) is None or not os.path.lexists(os.path.join(folder, name)):
        raise InputError(f"{shown(path)} has no checkpoint {shown(name)}")
    try:
        return read_sound(folder, name)
    except Unsound as error:
        raise Damaged(f"{shown(os.path.join(folder, name))} is damaged: {error}") from error
