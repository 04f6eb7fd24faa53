"""The model and prediction files: exact, the same bytes each time, and never read when damaged."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltrain.engine.layout import lay_out
from dltrain.errors import Damaged, InputError
from dltrain.runs import decode_model, decode_predictions, encode_model, encode_predictions

LAYOUT = lay_out([("W1", (3, 4), 1, "weight"), ("b1", (4,), 1, "bias")])
META = {"layout": LAYOUT.describe(), "epoch": 12, "note": "größer", "rate": 0.1}
THETA = np.linspace(-1.0, 1.0, 16, dtype=np.float32)
STATS = np.array([0.5, 2.0], dtype=np.float32)
FEW = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def finite(dtype: str, smallest: int) -> st.SearchStrategy[np.ndarray]:  # type: ignore[type-arg]
    width = 32 if dtype == "float32" else 64
    numbers = st.floats(width=width, allow_nan=False, allow_infinity=False)
    return hnp.arrays(dtype, st.integers(smallest, 50), elements=numbers)


@FEW
@given(data=st.data(), dtype=st.sampled_from(["float32", "float64"]))
def test_what_goes_in_comes_out(tmp_path: Path, data: st.DataObject, dtype: str) -> None:
    theta, stats = data.draw(finite(dtype, 1)), data.draw(finite(dtype, 0))
    meta = data.draw(
        st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False))
    )
    meta.pop("layout", None)
    try:
        encoded = encode_model(theta, stats, meta)
    except UnicodeEncodeError:  # half a character
        return
    (tmp_path / "m").write_bytes(encoded)
    theta_out, stats_out, meta_out = decode_model(tmp_path / "m")
    assert theta_out.dtype == theta.dtype and stats_out.dtype == stats.dtype
    assert theta_out.tobytes() == theta.tobytes() and stats_out.tobytes() == stats.tobytes()
    assert meta_out == meta
    assert encode_model(theta_out, stats_out, meta_out) == encoded
    theta_out += 1  # the arrays are the caller's own


def test_the_order_of_keys_does_not_change_the_bytes() -> None:
    turned = dict(reversed(META.items()))
    assert encode_model(THETA, STATS, META) == encode_model(THETA.copy(), STATS, turned)


def test_any_safetensors_reader_reads_it(tmp_path: Path) -> None:
    encoded = encode_model(THETA, STATS, META)
    arrays = safetensors.numpy.load(encoded)
    np.testing.assert_array_equal(arrays["theta"], THETA)
    np.testing.assert_array_equal(arrays["stats"], STATS)
    (tmp_path / "m").write_bytes(encoded)
    with safetensors.safe_open(tmp_path / "m", "numpy") as file:
        assert json.loads(file.metadata()["dltrain"])["meta"] == META


def test_strided_arrays_are_written_right(tmp_path: Path) -> None:
    wide = np.arange(32, dtype=np.float64)
    (tmp_path / "m").write_bytes(encode_model(wide[::2], wide[::-1], {}))
    theta, stats, _ = decode_model(tmp_path / "m")
    np.testing.assert_array_equal(theta, np.arange(0, 32, 2))
    np.testing.assert_array_equal(stats, np.arange(31, -1, -1))


@pytest.mark.parametrize(
    ("theta", "meta"),
    [
        (np.array([1.0, np.nan]), {}),
        (np.array([1.0, np.inf]), {}),
        (np.zeros((2, 2)), {}),
        (np.zeros(3, dtype=np.int64), {}),
        (np.zeros(3, dtype=np.float16), {}),
        (np.zeros(3), {"layout": LAYOUT.describe()}),
        (np.zeros(16), {"layout": [{"start": 1, "shape": [16]}]}),
        (np.zeros(16), {"layout": "none"}),
        (np.zeros(3), {"rate": float("nan")}),
    ],
)
def test_what_is_not_a_model_is_not_written(theta: np.ndarray, meta: dict[str, object]) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError):
        encode_model(theta, STATS, meta)


def refused(path: Path) -> None:
    with pytest.raises(Damaged) as caught:
        decode_model(path)
    line = str(caught.value)
    assert caught.value.exit_code == 65 and "\n" not in line and str(path) in line and len(line) < 400


def test_a_file_cut_at_any_length(tmp_path: Path) -> None:
    whole = encode_model(THETA, STATS, META)
    for length in range(len(whole)):
        (tmp_path / "m").write_bytes(whole[:length])
        refused(tmp_path / "m")
    for more in (b"\0", b" ", whole):
        (tmp_path / "m").write_bytes(whole + more)
        refused(tmp_path / "m")


def test_one_bit_flipped_anywhere(tmp_path: Path) -> None:
    whole = encode_model(THETA, STATS, META)
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        (tmp_path / "m").write_bytes(flipped)
        refused(tmp_path / "m")


@FEW
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=8))
def test_bytes_changed_anywhere(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    whole = encode_model(THETA, STATS, META)
    changed = bytearray(whole)
    for position, mask in changes:
        changed[position % len(whole)] ^= mask
    (tmp_path / "m").write_bytes(changed)
    try:
        theta, stats, meta = decode_model(tmp_path / "m")
    except Damaged:
        return
    # only changes that undo each other, or put one blank for another, may pass
    assert encode_model(theta, stats, meta) == whole


@given(st.binary(max_size=300))
@FEW
def test_any_bytes_at_all(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m").write_bytes(data)
    refused(tmp_path / "m")


def _sealed(header: dict[str, object], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"theta": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
        {
            "theta": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "stats": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        },
        {
            "__metadata__": {"dltrain": '{"format":1,"meta":{},"sha256":"00"}'},
            "theta": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]},
            "stats": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        },
        {
            "__metadata__": {"dltrain": '{"format":2,"meta":{}}'},
            "theta": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "stats": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        },
        {
            "__metadata__": {"dltrain": '{"format":1,"meta":{"a":"\\ud800"},"sha256":"00"}'},
            "theta": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "stats": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        },
        {
            "__metadata__": {"dltrain": "[" * 50_000},
            "theta": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "stats": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        },
    ],
)
def test_whole_safetensors_files_that_are_not_ours(tmp_path: Path, header: dict[str, object]) -> None:
    (tmp_path / "m").write_bytes(_sealed(header, bytes(8)))
    refused(tmp_path / "m")


def test_a_model_that_is_missing_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only a run that finished has a model"):
        decode_model(tmp_path)
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="not a regular file"):
        decode_model(tmp_path)


PREDICTIONS = {
    "rows": np.array([4, 1, 9]),
    "y": np.array([0, 1, 2]),
    "predicted": np.array([0, 1, 1]),
    "errors": np.array([0.0, 0.0, 1.0]),
}


def test_predictions_come_back_and_are_the_same_bytes(tmp_path: Path) -> None:
    yhat = np.asfortranarray(np.full((3, 4), 0.25, dtype=np.float32))
    encoded = encode_predictions(**PREDICTIONS, yhat=yhat)
    assert encoded == encode_predictions(**PREDICTIONS, yhat=yhat.copy())
    with zipfile.ZipFile(io.BytesIO(encoded)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    (tmp_path / "predictions.npz").write_bytes(encoded)
    arrays = decode_predictions(tmp_path)
    assert set(arrays) == {*PREDICTIONS, "yhat"}
    for name, array in PREDICTIONS.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_predictions_that_do_not_fit_together() -> None:
    for change in ({"y": np.zeros(2)}, {"rows": np.array(3)}, {"y": np.array(["a", 1, None], dtype=object)}):
        with pytest.raises(ValueError, match="expected one entry"):
            encode_predictions(**{**PREDICTIONS, **change})


def test_damaged_predictions(tmp_path: Path) -> None:
    file = tmp_path / "predictions.npz"
    with pytest.raises(InputError, match="has no predictions"):
        decode_predictions(tmp_path)
    whole = encode_predictions(**PREDICTIONS)
    for length in range(0, len(whole), 3):
        file.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            decode_predictions(tmp_path)
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        file.write_bytes(flipped)
        try:
            arrays = decode_predictions(tmp_path)
        except Damaged as error:
            assert "\n" not in str(error)
        else:  # a date or a flag of the zip; the arrays are as they were
            assert all(np.array_equal(arrays[name], PREDICTIONS[name]) for name in PREDICTIONS)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array.astype(object) for name, array in PREDICTIONS.items()})
    (tmp_path / "predictions.npz").write_bytes(buffer.getvalue())
    with pytest.raises(Damaged):
        decode_predictions(tmp_path)
