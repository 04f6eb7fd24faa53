"""NPY, NPZ and IDX files, sound and hostile."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltrain.config.records import Data, Experiment
from dltrain.data import prepare
from dltrain.data.readers.idx import read_idx
from dltrain.data.readers.npy import npz_shapes, read_npy, read_npz
from dltrain.errors import InputError


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i4", "<i8", "f2", ">f4", "f8", "?", "U3"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_reads_what_numpy_wrote(tmp_path: Path, dtype: str, order: str) -> None:
    array = np.asarray(np.arange(24).reshape(2, 3, 4).astype(dtype), order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "a.npy", array)
    read = read_npy(tmp_path / "a.npy")
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_reads_what_numpy_wrote(tmp_path: Path, save: Any) -> None:
    x, y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1], dtype=np.uint8)
    save(tmp_path / "a.npz", x=x, y=y)
    assert npz_shapes(tmp_path / "a.npz") == {"x": (4, 3), "y": (4,)}
    labels, inputs = read_npz(tmp_path / "a.npz", ["y", "x"])
    assert inputs.tolist() == x.tolist() and labels.tolist() == y.tolist()


def idx(array: np.ndarray[Any, Any], code: int, dtype: str) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(dtype).tobytes()


@pytest.mark.parametrize("code, dtype", [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path: Path, code: int, dtype: str, packed: bool) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    content = idx(array, code, dtype)
    (tmp_path / "a-idx").write_bytes(gzip.compress(content) if packed else content)
    read = read_idx(tmp_path / "a-idx")
    assert read.dtype.isnative and read.tolist() == array.tolist()


def test_a_folder_of_idx_pairs_trains(tmp_path: Path, rng: np.random.Generator) -> None:
    for part, n in (("train", 60), ("t10k", 20)):
        images, labels = rng.integers(0, 256, (n, 4, 4)), np.arange(n) % 3
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images, 8, "u1")))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels, 8, "u1"))
    with pytest.raises(InputError, match="data.arrays: .* is a folder") as caught:
        prepare(Experiment(data=Data(source=str(tmp_path))))
    train = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"]
    test = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"]
    assert f"{{train: [{', '.join(train)}], test: [{', '.join(test)}]}}" in str(caught.value)
    prepared = prepare(Experiment(data=Data(source=str(tmp_path), arrays={"train": train, "test": test})))
    assert prepared.facts.parts == {"train": 54, "dev": 6, "test": 20}
    assert prepared.preparation.image_shape == (4, 4)


def test_a_folder_of_npy_pairs_and_a_single_table(tmp_path: Path, rng: np.random.Generator) -> None:
    X, y = rng.standard_normal((50, 3)), rng.standard_normal(50)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "table.npy", np.column_stack([X, y]))
    pair = prepare(Experiment(data=Data(source=str(tmp_path), arrays={"train": ["x.npy", "y.npy"]})))
    table = prepare(Experiment(data=Data(source=str(tmp_path / "table.npy"))))
    assert pair.facts == table.facts
    assert pair.parts["dev"].X.tobytes() == table.parts["dev"].X.tobytes()
    assert pair.parts["dev"].y.tobytes() == table.parts["dev"].y.tobytes()
    assert table.preparation.target == "column_4"


def test_a_target_array_finds_its_inputs(tmp_path: Path, rng: np.random.Generator) -> None:
    np.savez(tmp_path / "a.npz", x_train=rng.standard_normal((40, 2)), y_train=np.arange(40) % 2)
    prepared = prepare(Experiment(data=Data(source=str(tmp_path / "a.npz"), target="y_train")))
    assert prepared.facts.n_x == 2 and prepared.facts.task == "binary"


@pytest.mark.parametrize(
    "axes, shape",
    [((5,), None), ((4, 4), (4, 4)), ((4, 4, 3), (4, 4, 3)), ((4, 4, 1), (4, 4, 1)), ((3, 8, 8), None), ((2, 2, 2, 2), None)],
)  # fmt: skip
def test_trailing_axes_say_if_rows_are_images(tmp_path: Path, rng: np.random.Generator, axes: Any, shape: Any) -> None:
    np.savez(tmp_path / "a.npz", x=rng.standard_normal((40, *axes)), y=np.arange(40) % 2)
    prepared = prepare(Experiment(data=Data(source=str(tmp_path / "a.npz"), arrays={"train": ["x", "y"]})))
    assert prepared.preparation.image_shape == shape
    assert prepared.facts.n_x == np.prod(axes)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def npy(array: np.ndarray[Any, Any], **changes: Any) -> bytes:
    out = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array) | changes
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue() + array.tobytes()


HOSTILE = [
    ("object", lambda: npy_objects(), "holds Python objects"),
    ("huge shape", lambda: npy(np.zeros(3), shape=(2**60,)), "claims 9223372036854775808 bytes"),
    ("a little too long", lambda: npy(np.zeros(3), shape=(4,)), "claims 32 bytes|is cut short"),
    ("too short a shape", lambda: npy(np.zeros(3), shape=(2,)), "goes on after its 16 bytes"),
    ("negative shape", lambda: npy(np.zeros(3), shape=(-3,)), "damaged header"),
    ("complex", lambda: npy(np.zeros(3, dtype=complex)), "dtype complex128; expected real numbers"),
    ("record", lambda: npy(np.zeros(3, dtype=[("a", "f4")])), "expected real numbers"),
    ("garbage", lambda: b"\x93NUMPY\x01\x00\x10\x00not a header!!!!", "damaged header"),
    ("header cut", lambda: npy(np.zeros(3))[:20], "damaged header"),
]


def npy_objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([{}, None], dtype=object), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize("content, line", [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_npy(tmp_path: Path, content: Any, line: str) -> None:
    (tmp_path / "a.npy").write_bytes(content())
    with pytest.raises(InputError, match=line):
        read_npy(tmp_path / "a.npy")
    zipped(tmp_path / "a.npz", **{"x.npy": content()})
    with pytest.raises(InputError, match=line):
        read_npz(tmp_path / "a.npz", ["x"])


def test_hostile_zips(tmp_path: Path) -> None:
    good = npy(np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"a name that leads out of it \('\.\./x.npy'\)"):
        npz_shapes(zipped(tmp_path / "a.npz", **{"../x.npy": good}))
    with pytest.raises(InputError, match="without arrays; a workbook"):
        npz_shapes(zipped(tmp_path / "a.npz", **{"xl/workbook.xml": b"<x/>"}))
    path = zipped(tmp_path / "b.npz", **{"x.npy": npy(np.arange(10_000))})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="is no sound npz file"):
        npz_shapes(path)
    path = zipped(tmp_path / "c.npz", **{"x.npy": npy(np.arange(10_000))})
    content = bytearray(path.read_bytes())
    content[3000] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match="no sound npz file|damaged or cut short"):
        read_npz(path, ["x"])


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    claims = npy(np.zeros(3), shape=(2**32,))
    path = zipped(tmp_path / "a.npz", **{"x.npy": claims})
    with pytest.raises(InputError, match="claims 34359738368 bytes"):
        read_npz(path, ["x"])


def test_damaged_idx(tmp_path: Path) -> None:
    content = idx(np.arange(24).reshape(2, 3, 4), 8, "u1")
    for changed, line in (
        (content[:-1], "claims 2x3x4 values|cut short"),
        (content + b"1", "goes on after"),
        (content[:9], "cut short in its header"),
        (content[:4] + b"\xff" * 12 + content[16:], "claims 4294967295x4294967295x4294967295 values"),
    ):
        (tmp_path / "a").write_bytes(changed)
        with pytest.raises(InputError, match=line):
            read_idx(tmp_path / "a")
    (tmp_path / "a.gz").write_bytes(gzip.compress(content)[:-12])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_idx(tmp_path / "a.gz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_fifo_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="is not a regular file"):
        prepare(Experiment(data=Data(source=str(tmp_path / "pipe.csv"), target="y")))


def test_memory_order_and_dtype_do_not_matter(tmp_path: Path, rng: np.random.Generator) -> None:
    X, y = rng.integers(0, 255, (60, 5)), np.arange(60) % 3
    results = []
    for convert in (np.asfortranarray, lambda a: a.astype("u1"), lambda a: a.astype(">f4"), lambda a: a.astype("i8")):
        np.savez(tmp_path / "a.npz", x=convert(X), y=y)
        prepared = prepare(Experiment(data=Data(source=str(tmp_path / "a.npz"), arrays={"train": ["x", "y"]})))
        results.append([part.X.tobytes() for part in prepared.parts.values()])
    assert all(result == results[0] for result in results)
