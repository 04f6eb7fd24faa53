"""Folders of pictures that Pillow wrote: classes, parts, shapes, orientation, transparency, and bad pictures."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltrain.data.readers.images import is_image_folder, read_images, read_pictures
from dltrain.errors import InputError

GRADIENT = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def save(path: Path, pixels: Any = GRADIENT, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_class_is_its_subfolders_name(folder: Path) -> None:
    save(folder / "dog" / "b.png")
    save(folder / "cat" / "deep" / "a.PNG", 255 - GRADIENT)
    save(folder / "cat" / "c.bmp")
    (folder / "cat" / ".hidden.png").write_text("")
    assert is_image_folder(folder)
    found = read_images(folder, None)
    raw = found.parts["train"]
    assert list(found.parts) == ["train"] and raw.y is not None
    assert raw.y.tolist() == ["cat", "cat", "dog"] and raw.target == "class"
    assert [path.name for path in found.files] == ["c.bmp", "a.PNG", "b.png"]
    assert raw.X.dtype == np.uint8 and raw.image_shape == (6, 8) and raw.features[:2] == ("pixel_0_0", "pixel_0_1")
    np.testing.assert_array_equal(raw.X, [GRADIENT.ravel(), (255 - GRADIENT).ravel(), GRADIENT.ravel()])
    assert found.notes == ("data.image_shape: [6, 8], the size of all pictures, grey",)
    assert raw.where(1) == "cat/deep/a.PNG, row 1 (from 0)"


def test_one_picture_in_colour_makes_all_of_them_coloured(folder: Path) -> None:
    colour = np.stack([GRADIENT, GRADIENT * 2, 255 - GRADIENT], axis=-1)
    save(folder / "a" / "1.png", colour)
    save(folder / "b" / "1.png")
    raw = read_images(folder, None).parts["train"]
    assert raw.image_shape == (6, 8, 3)
    np.testing.assert_array_equal(raw.X[0], colour.ravel())
    np.testing.assert_array_equal(raw.X[1].reshape(6, 8, 3), np.repeat(GRADIENT[..., None], 3, axis=2))
    grey = read_images(folder, [6, 8]).parts["train"].X[0].reshape(6, 8)
    np.testing.assert_allclose(grey, colour @ [0.299, 0.587, 0.114], atol=1)  # ITU-R 601-2


def test_pictures_are_resized_to_the_shape_asked_for(folder: Path) -> None:
    save(folder / "a" / "1.png", np.full((40, 30), 100, np.uint8))
    save(folder / "b" / "1.jpg", np.full((7, 90), 200, np.uint8), quality=100)
    raw = read_images(folder, [5, 4]).parts["train"]
    np.testing.assert_array_equal(raw.X, np.repeat([[100], [200]], 20, axis=1))
    np.testing.assert_array_equal(read_pictures([folder / "b" / "1.jpg"], [5, 4]), raw.X[1:])


def test_a_set_that_is_split_already(folder: Path) -> None:
    for part, count in (("train", 3), ("VAL", 1), ("test", 2)):
        for number in range(count):
            save(folder / part / ("cat", "dog")[number % 2] / f"{number}.png")
    assert is_image_folder(folder)
    found = read_images(folder, None)
    assert {part: raw.n for part, raw in found.parts.items()} == {"train": 3, "dev": 1, "test": 2}
    assert [str(raw.y.tolist()) for raw in found.parts.values() if raw.y is not None][0] == "['cat', 'cat', 'dog']"
    assert len(found.files) == 6


def test_classes_that_are_called_like_parts(folder: Path) -> None:
    save(folder / "train" / "1.png")
    save(folder / "bus" / "1.png")
    assert sorted(set(read_images(folder, None).parts["train"].y.tolist())) == ["bus", "train"]  # type: ignore[union-attr]


def test_the_camera_was_held_upright(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    save(folder / "a" / "1.png", GRADIENT, exif=exif)
    save(folder / "b" / "1.png", np.rot90(GRADIENT, -1))
    raw = read_images(folder, None).parts["train"]
    assert raw.image_shape == (8, 6)
    np.testing.assert_array_equal(raw.X[0], raw.X[1])


def test_transparency_lies_on_white_and_16_bits_become_8(folder: Path) -> None:
    save(folder / "a" / "1.png", np.dstack([GRADIENT, np.where(GRADIENT > 100, 255, 0).astype(np.uint8)]))
    save(folder / "b" / "1.png", (GRADIENT.astype(np.uint16) * 257))
    save(folder / "b" / "2.png", np.full((6, 8), 200, np.uint16))
    raw = read_images(folder, None).parts["train"]
    np.testing.assert_array_equal(raw.X[0], np.where(GRADIENT > 100, GRADIENT, 255).ravel())
    np.testing.assert_array_equal(raw.X[1], GRADIENT.ravel())
    assert set(raw.X[2].tolist()) == {1}  # 200 of 65535


def test_other_files_are_counted(folder: Path) -> None:
    save(folder / "a" / "1.png")
    save(folder / "b" / "1.png")
    (folder / "b" / "notes.txt").write_text("")
    save(folder / "loose.png")
    assert read_images(folder, [2, 2]).notes == (
        "2 files are not read, being no pictures by name or in no subfolder of a class (.png, .txt)",
    )


def test_what_is_no_folder_of_pictures(folder: Path) -> None:
    assert not is_image_folder(folder)
    save(folder / "a.png")
    (folder / "x").mkdir()
    (folder / "x" / "a.csv").write_text("")
    assert not is_image_folder(folder)


def bomb(path: Path) -> None:
    """A PNG that claims 60000 x 60000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(7501) * 1000)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def test_bad_pictures(folder: Path) -> None:
    good = save(folder / "a" / "good.png", np.random.default_rng(0).integers(0, 255, (50, 50), dtype=np.uint8))
    (folder / "a" / "cut.png").write_bytes(good.read_bytes()[:900])
    (folder / "a" / "empty.png").write_bytes(b"")
    (folder / "a" / "text.jpg").write_bytes(b"<html>")
    (folder / "a" / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    bomb(folder / "a" / "bomb.png")
    Image.fromarray(np.ones((3, 3), np.float32)).save(folder / "a" / "real.tif")
    with pytest.raises(InputError) as error:
        read_images(folder, [5, 5])
    lines = str(error.value).splitlines()
    kinds = "; expected png, jpeg, bmp, gif, tiff, webp, ppm"
    assert lines[0].startswith("a/bomb.png is too large") or lines[0].startswith(
        "a/bomb.png claims 60000 x 60000 pixels"
    )
    assert lines[1].startswith("a/cut.png is damaged: ")
    assert lines[2:] == [
        f"a/empty.png is empty{kinds}",
        "a/real.tif holds real numbers, not pixels of 8 or 16 bits; store such rows as npy",
        f"a/script.png is no picture that can be read{kinds}",
        f"a/text.jpg is no picture that can be read{kinds}",
    ]


def test_many_bad_pictures_are_counted(folder: Path) -> None:
    save(folder / "a" / "good.png")
    for number in range(25):
        (folder / "a" / f"{number:02d}.png").write_bytes(b"?")
    for shape in (None, [2, 2]):
        with pytest.raises(InputError) as error:
            read_images(folder, shape)
        lines = str(error.value).splitlines()
        assert len(lines) == 11 and lines[-1] == "15 more pictures cannot be read"


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        (None, "data.image_shape: pictures differ in size (6 x 8 a/1.png, 3 x 3 b/1.png); say which they shall have, for instance [6, 8]"),
        ([4], "data.image_shape: is [4], expected [height, width] for grey or [height, width, 3] for colour"),
        ([4, 4, 4], "data.image_shape: is [4, 4, 4], expected [height, width] for grey or [height, width, 3] for colour"),
        ([10**9, 10**9], "data.image_shape: 2 pictures of 1000000000 x 1000000000 do not fit into memory; take a smaller shape"),
    ],
)  # fmt: skip
def test_bad_shapes(shape: list[int] | None, line: str, folder: Path) -> None:
    save(folder / "a" / "1.png")
    save(folder / "b" / "1.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(InputError) as error:
        read_images(folder, shape)
    assert str(error.value) == line


def test_an_empty_part(folder: Path) -> None:
    save(folder / "train" / "a" / "1.png")
    (folder / "test" / "a").mkdir(parents=True)
    with pytest.raises(InputError, match="^data.source: test holds no pictures$"):
        read_images(folder, None)


def test_without_pillow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(folder / "a" / "1.png")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(InputError, match=r"needs Pillow: pip install 'dltrain\[images\]'"):
        read_images(folder, None)
