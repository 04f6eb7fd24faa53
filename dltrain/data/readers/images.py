"""Folders of pictures, one subfolder a class: decoded, made grey or colour, resized to one shape."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dltrain.data.files import require_utf8, shown
from dltrain.data.raw import Raw, as_text
from dltrain.data.readers.arrays import pixel_names
from dltrain.data.readers.pictures import GREY, Opened, Shape, Unreadable, decode, upright_size
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem

TARGET = "class"
PARTS = {
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Subfolders of a set that is split already."""
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
_TELL = 10


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was read: the rows of each part that has a folder of its own, else all rows as `train`."""

    parts: dict[str, Raw]
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def is_image_folder(folder: Path) -> bool:
    """Whether subfolders hold pictures, at the first level or, below train, dev and test, at the second."""
    try:
        return any(
            _is_picture(path)
            for part in _parts(folder).values()
            for below in _folders(part)
            for path in _everything(below)
        )
    except OSError:
        return False


def read_images(folder: Path, image_shape: Sequence[int] | None, key: str = "data.source") -> Pictures:
    """All pictures as rows of uint8, with their subfolder's name as the target `class`; by class and name.

    image_shape: [height, width] for grey or [height, width, 3] for colour. Without it the pictures must have one
    size; they are grey if all of them are. They are turned as their EXIF orientation says, resized without regard
    to their proportions (bicubic), transparency lies on white, and of an animation the first picture is taken.
    Raises InputError with a line for each picture that cannot be read.
    """
    _require_pillow(folder, key)
    found = {part: _labelled(below) for part, below in _parts(folder).items()}
    problems = [
        Problem(f"{shown(_parts(folder)[part])} holds no pictures", key) for part, rows in found.items() if not rows
    ]
    if problems:
        raise InputError(*problems)
    files = [path for rows in found.values() for path, _ in rows]
    shape, notes = _settle(files, image_shape)
    parts = {part: _read(rows, shape, _parts(folder)[part]) for part, rows in found.items()}
    return Pictures(parts, tuple(files), (*notes, *_left_out(folder, files)))


def read_pictures(files: Sequence[Path], image_shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    """(n, height * width * channels) of single pictures, for predictions."""
    _require_pillow(files[0], None)
    return _decode_all(files, tuple(image_shape))


def _require_pillow(path: Path, key: str | None) -> None:
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        message = f"reading the pictures of {shown(path)} needs Pillow: pip install 'dltrain[images]'"
        raise InputError(Problem(message, key)) from None


def _parts(folder: Path) -> dict[str, Path]:
    """The folders of train, dev and test where the set is split already, else the folder itself as train."""
    inside = {path.name.lower(): path for path in _folders(folder)}
    found = {part: inside[name] for part, names in PARTS.items() for name in names if name in inside}
    named = {path.name for path in found.values()}
    whole = "train" in found and len(found) > 1 and named == {path.name for path in inside.values()}
    return found if whole else {"train": folder}


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__"))]
    return [folder / name for name in sorted(names)]


def _pictures(folder: Path) -> list[Path]:
    """All below the folder, at any depth."""
    found = sorted(filter(_is_picture, _everything(folder)))
    for path in found:
        if not str(path).isascii():
            require_utf8(path, "data.source")
    return found


def _is_picture(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS)


def _everything(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        yield from (Path(above, name) for name in names if not name.startswith("."))


def picture_counts(folder: Path) -> dict[str, dict[str, int]]:
    """Part -> class -> pictures in its folder; {} where there are none. Nothing is decoded."""
    if not is_image_folder(folder):
        return {}
    counts = {part: Counter(name for _, name in _labelled(below)) for part, below in _parts(folder).items()}
    return {part: dict(count) for part, count in counts.items()}


def _labelled(folder: Path) -> list[tuple[Path, str]]:
    return [(path, below.name) for below in _folders(folder) for path in _pictures(below)]


def _left_out(folder: Path, files: Sequence[Path]) -> tuple[str, ...]:
    """A note of the files that are not read: of other endings, or in no class."""
    others = set(_everything(folder)) - set(files)
    if not others:
        return ()
    endings = listed(sorted({path.suffix.lower() or path.name for path in others}), 5)
    count = "1 file is" if len(others) == 1 else f"{len(others)} files are"
    return (f"{count} not read, being no pictures by name or in no subfolder of a class ({endings})",)


def _settle(files: Sequence[Path], asked: Sequence[int] | None) -> tuple[Shape, tuple[str, ...]]:
    """The shape of a row, and where it is not asked for, a note of it."""
    if asked is not None:
        shape = tuple(asked)
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
            expected = "[height, width] for grey or [height, width, 3] for colour"
            raise InputError(Problem(f"is {list(shape)}, expected {expected}", "data.image_shape"))
        return shape, ()
    sizes: dict[tuple[int, int], Path] = {}
    grey = True
    problems = []
    for path in files:
        try:
            with Opened(path) as picture:
                sizes.setdefault(upright_size(picture), path)
                grey = grey and picture.mode in GREY
        except Unreadable as error:
            problems.append(Problem(f"{shown(path)} {error}"))
    if problems:
        raise InputError(*_few(problems, "pictures cannot be read"))
    if len(sizes) > 1:
        (one, first), (two, other) = list(sizes.items())[:2]
        example = [*one] if grey else [*one, 3]
        message = f"pictures differ in size ({_by(one)} {shown(first)}, {_by(two)} {shown(other)})"
        raise InputError(Problem(f"{message}; say which they shall have, for instance {example}", "data.image_shape"))
    size = next(iter(sizes))
    shape = size if grey else (*size, 3)
    return shape, (f"data.image_shape: {list(shape)}, the size of all pictures, {'grey' if grey else 'in colour'}",)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _read(rows: Sequence[tuple[Path, str]], shape: Shape, folder: Path) -> Raw:
    X = _decode_all([path for path, _ in rows], shape)
    features = pixel_names(shape)
    return Raw(
        X=X,
        y=as_text([label for _, label in rows]),
        features=features,
        target=TARGET,
        columns=(*features, TARGET),
        header=True,
        image_shape=shape,
        place=shown(folder),
        places=tuple((row, shown(path)) for row, (path, _) in enumerate(rows)),
    )


def _decode_all(files: Sequence[Path], shape: Shape) -> npt.NDArray[np.uint8]:
    try:
        X = np.empty((len(files), prod(shape)), dtype=np.uint8)
    except (MemoryError, ValueError):
        message = f"{len(files)} pictures of {' x '.join(map(str, shape))} do not fit into memory; take a smaller shape"
        raise InputError(Problem(message, "data.image_shape")) from None
    problems = []
    for row, path in enumerate(files):
        try:
            X[row] = decode(path, shape)
        except Unreadable as error:
            problems.append(Problem(f"{shown(path)} {error}"))
    if problems:
        raise InputError(*_few(problems, "pictures cannot be read"))
    return X


def _few(problems: list[Problem], others: str) -> list[Problem]:
    more = len(problems) - _TELL
    return problems if more <= 0 else [*problems[:_TELL], Problem(f"{more} more {others}")]
