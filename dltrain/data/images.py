"""Folders of pictures, one subfolder a class: decoded, made grey or colour, resized to one shape."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dltrain.data.arrays import pixel_names
from dltrain.data.files import shown
from dltrain.data.raw import Raw, as_text
from dltrain.data.roles import listed
from dltrain.errors import InputError, Problem

if TYPE_CHECKING:
    from PIL.Image import Image

TARGET = "class"
PARTS = {
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Subfolders of a set that is split already."""
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_TELL = 10
_MOST_PIXELS = 2**27
"""Of one picture, before it is resized: 128 million, an 11,000 x 11,000 photograph."""
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was read: the rows of each part that has a folder of its own, else all rows as `train`."""

    parts: dict[str, Raw]
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def is_image_folder(folder: Path) -> bool:
    """Whether subfolders hold pictures, at the first level or, below train, dev and test, at the second."""
    try:
        return any(_pictures(below) for part in _parts(folder).values() for below in _classes(part))
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


def _classes(folder: Path) -> list[Path]:
    return [below for below in _folders(folder) if _pictures(below)]


def _pictures(folder: Path) -> list[Path]:
    """All below the folder, at any depth."""
    return sorted(path for path in _everything(folder) if path.name.lower().endswith(ENDINGS))


def _everything(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        yield from (Path(above, name) for name in names if not name.startswith("."))


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
            with _opened(path) as picture:
                sizes.setdefault(_upright_size(picture), path)
                grey = grey and picture.mode in _GREY
        except _Unreadable as error:
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
            X[row] = _decode(path, shape)
        except _Unreadable as error:
            problems.append(Problem(f"{shown(path)} {error}"))
    if problems:
        raise InputError(*_few(problems, "pictures cannot be read"))
    return X


def _few(problems: list[Problem], others: str) -> list[Problem]:
    more = len(problems) - _TELL
    return problems if more <= 0 else [*problems[:_TELL], Problem(f"{more} more {others}")]


class _Unreadable(Exception):
    """Why a picture cannot be read."""


class _opened:  # noqa: N801
    """A picture whose header was read; _Unreadable for what is none, or too large."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Image:
        from PIL import Image, UnidentifiedImageError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.picture = Image.open(self.path, formats=_FORMATS)
        except UnidentifiedImageError:
            what = "is empty" if not self.path.stat().st_size else "is no picture that can be read"
            raise _Unreadable(f"{what}; expected {listed([name.lower() for name in _FORMATS])}") from None
        except Image.DecompressionBombError as error:
            raise _Unreadable(f"is too large: {error}") from None
        except (OSError, ValueError, SyntaxError, TypeError, OverflowError) as error:
            raise _Unreadable(f"cannot be read: {_reason(error)}") from None
        if prod(self.picture.size) > _MOST_PIXELS:
            self.picture.close()
            size = " x ".join(map(str, self.picture.size))
            raise _Unreadable(f"claims {size} pixels, more than {_MOST_PIXELS}; is it damaged?")
        return self.picture

    def __exit__(self, *exception: object) -> None:
        self.picture.close()


def _reason(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or (str(error).splitlines() or [type(error).__name__])[0]


def _upright_size(picture: Image) -> tuple[int, int]:
    """(height, width) as the picture is looked at."""
    width, height = picture.size
    return (width, height) if picture.getexif().get(0x0112) in (5, 6, 7, 8) else (height, width)


def _decode(path: Path, shape: Shape) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    with _opened(path) as picture:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                upright = ImageOps.exif_transpose(picture) or picture
                plain = _coloured(upright, "RGB" if shape[2:] == (3,) else "L")
                size = (shape[1], shape[0])
                if plain.size != size:
                    plain = plain.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        except _Unreadable:
            raise
        except Exception as error:  # decoders of damaged pictures raise whatever they like
            raise _Unreadable(f"is damaged: {_reason(error)}") from None
        return np.asarray(plain, dtype=np.uint8).reshape(-1)


def _coloured(picture: Image, mode: str) -> Image:
    """In the mode asked for; what is transparent lies on white, and 16 bits a value become 8."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        return _eight_bits(picture).convert(mode)
    if picture.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        white = Image.new("RGBA", above.size, "white")
        return Image.alpha_composite(white, above).convert(mode)
    return picture.convert(mode)


def _eight_bits(picture: Image) -> Image:
    """Of 16 bits a value the upper 8, rounded, whatever the picture holds: all pictures are scaled alike."""
    from PIL import Image

    if picture.mode == "F":
        raise _Unreadable("holds real numbers, not pixels of 8 or 16 bits; store such rows as npy")
    values: npt.NDArray[Any] = np.asarray(picture, dtype=np.float64)
    return Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype(np.uint8))
