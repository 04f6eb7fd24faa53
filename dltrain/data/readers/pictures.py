"""One picture: opened with care, turned upright, made grey or colour, resized."""

from __future__ import annotations

import warnings
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dltrain.data.roles import listed

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
MOST_PIXELS = 2**27
"""Of one picture, before it is resized: 128 million, an 11,000 x 11,000 photograph."""
GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes without colour."""

Shape = tuple[int, ...]


class Unreadable(Exception):
    """Why a picture cannot be read."""


class Opened:
    """A picture whose header was read; Unreadable for what is none, or too large."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Image:
        from PIL import Image, UnidentifiedImageError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.picture = Image.open(self.path, formats=FORMATS)
        except UnidentifiedImageError:
            what = "is empty" if not self.path.stat().st_size else "is no picture that can be read"
            raise Unreadable(f"{what}; expected {listed([name.lower() for name in FORMATS])}") from None
        except Image.DecompressionBombError as error:
            raise Unreadable(f"is too large: {error}") from None
        except (OSError, ValueError, SyntaxError, TypeError, OverflowError) as error:
            raise Unreadable(f"cannot be read: {_reason(error)}") from None
        if prod(self.picture.size) > MOST_PIXELS:
            self.picture.close()
            size = " x ".join(map(str, self.picture.size))
            raise Unreadable(f"claims {size} pixels, more than {MOST_PIXELS}; is it damaged?")
        return self.picture

    def __exit__(self, *exception: object) -> None:
        self.picture.close()


def _reason(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or (str(error).splitlines() or [type(error).__name__])[0]


def upright_size(picture: Image) -> tuple[int, int]:
    """(height, width) as the picture is looked at."""
    width, height = picture.size
    return (width, height) if picture.getexif().get(0x0112) in (5, 6, 7, 8) else (height, width)


def decode(path: Path, shape: Shape) -> npt.NDArray[np.uint8]:
    """(height * width * channels,) of a picture. Raises Unreadable."""
    from PIL import Image, ImageOps

    with Opened(path) as picture:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                upright = ImageOps.exif_transpose(picture) or picture
                plain = _coloured(upright, "RGB" if shape[2:] == (3,) else "L")
                size = (shape[1], shape[0])
                if plain.size != size:
                    plain = plain.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        except Unreadable:
            raise
        except Exception as error:  # decoders of damaged pictures raise whatever they like
            raise Unreadable(f"is damaged: {_reason(error)}") from None
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
        raise Unreadable("holds real numbers, not pixels of 8 or 16 bits; store such rows as npy")
    values: npt.NDArray[Any] = np.asarray(picture, dtype=np.float64)
    return Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype(np.uint8))
