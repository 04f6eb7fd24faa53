"""mu and sigma, classes and targets: by hand, against NumPy, and through JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dltrain.data import Preparation
from dltrain.data.fitting import scaling
from dltrain.data.fitting.scaling import fit_scale
from dltrain.data.raw import as_text
from dltrain.errors import Damaged, InputError


def fit(X: Any, y: Any = None, rows: Any = None, **keys: Any) -> Preparation:
    X = np.asarray(X)
    given_keys = {"task": "binary", "classes": ("0", "1"), "target": "y", "dtype": "float64"} | keys
    y = np.arange(len(X)) % 2 if y is None else np.asarray(y)
    return Preparation.fit(X, y, rows, features=tuple(f"x{j}" for j in range(X.shape[1])), **given_keys)


def test_standard_by_hand() -> None:
    # Column x0: mu = 2, sigma² = ((−1)² + 0² + 1²)/3 = 2/3. Column x1 is constant.
    preparation = fit([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert preparation.mu == pytest.approx([2, 5])
    assert preparation.sigma == pytest.approx([(2 / 3) ** 0.5, 0])
    assert preparation.constant == ("x1",)
    X = preparation.transform(np.array([[1.0, 5.0], [3.0, 9.0]]))
    assert X == pytest.approx(np.array([[-(1.5**0.5), 0], [1.5**0.5, 0]]))


def test_minmax_and_none_by_hand() -> None:
    rows = np.array([[1.0, 5.0], [2.0, 5.0], [5.0, 5.0]])
    assert fit(rows, normalize="minmax").transform(rows).tolist() == [[0, 0], [0.25, 0], [1, 0]]
    assert fit(rows, normalize="none").transform(rows).tolist() == rows.tolist()
    assert fit(rows, normalize="none").constant == ("x1",)


def test_images_have_one_mu_and_sigma_a_channel() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    images = rng.integers(0, 256, (40, 3, 3, 2), dtype=np.uint8)
    preparation = fit(images.reshape(40, 18), image_shape=(3, 3, 2))
    assert preparation.mu == pytest.approx(images.mean(axis=(0, 1, 2)))
    assert preparation.sigma == pytest.approx(images.std(axis=(0, 1, 2)))
    X = preparation.transform(images.reshape(40, 18)).reshape(40, 3, 3, 2)
    assert X.mean(axis=(0, 1, 2)) == pytest.approx([0, 0], abs=1e-12)
    assert X.std(axis=(0, 1, 2)) == pytest.approx([1, 1])
    grey = fit(images[..., 0].reshape(40, 9), image_shape=(3, 3))
    assert grey.mu == pytest.approx([images[..., 0].mean()])


def test_a_constant_pixel_becomes_0_wherever_it_varies_later() -> None:
    images = np.array([[0, 10, 20, 30], [0, 30, 10, 20]], dtype=np.uint8)
    preparation = fit(images, image_shape=(2, 2))
    assert preparation.constant == ("x0",)
    assert preparation.transform(np.array([[255, 10, 20, 30]], dtype=np.uint8))[0, 0] == 0


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float64, st.tuples(st.integers(2, 50), st.integers(1, 5)), elements=st.floats(-1e6, 1e6)),
    st.integers(1, 60),
)
def test_fit_is_numpy_s_mean_and_std_in_blocks_of_any_size(X: np.ndarray[Any, Any], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "_BLOCK", block)
        scale = fit_scale(X, None, "standard")
    np.testing.assert_allclose(scale.mu, X.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scale.sigma, X.std(axis=0), rtol=1e-7, atol=1e-9)
    assert (scale.constant == (X == X[0]).all(axis=0)).all()


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1.0, 1e30, 1e300])
def test_no_overflow_and_no_underflow(unit: float) -> None:
    X = np.array([[1.0], [2.0], [3.0], [6.0]]) * unit
    preparation = fit(X)
    assert preparation.transform(X)[:, 0] == pytest.approx(np.array([-2, -1, 0, 3]) / 3.5**0.5)


def test_only_the_chosen_rows_count() -> None:
    X = np.array([[1.0], [100.0], [3.0]])
    preparation = fit(X, rows=np.array([0, 2]))
    assert preparation.mu == pytest.approx([2])
    assert preparation.transform(X, np.array([2])) == pytest.approx(np.array([[1.0]]))


def test_transform_by_blocks_is_transform_at_once(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    X = rng.standard_normal((300, 7))
    preparation = fit(X, dtype="float32")
    whole = preparation.transform(X)
    assert whole.dtype == np.float32 and whole.flags.c_contiguous
    monkeypatch.setattr(scaling, "_BLOCK", 50)
    assert preparation.transform(X).tobytes() == whole.tobytes()
    rows = rng.permutation(300)
    assert preparation.transform(X, rows).tobytes() == whole[rows].tobytes()


def test_too_large_for_float32_is_named() -> None:
    preparation = fit([[0.0], [1e-3]], dtype="float32")
    with pytest.raises(InputError, match="x0: 1e\\+300 is too large for float32"):
        preparation.transform(np.array([[1e300]]))
    with pytest.raises(InputError, match="rows have 2 inputs, the model takes 1"):
        preparation.transform(np.zeros((1, 2)))


def test_regression_target_by_hand() -> None:
    y = np.array([10.0, 20.0, 30.0, 40.0])
    preparation = fit(np.arange(8.0).reshape(4, 2), y, task="regression", classes=())
    assert preparation.target_mean == 25 and preparation.target_sd == pytest.approx(125**0.5)
    encoded = preparation.encode(y)
    assert encoded.dtype == np.float64
    assert encoded == pytest.approx((y - 25) / 125**0.5)
    assert preparation.decode(encoded) == pytest.approx(y)
    assert preparation.encode(as_text(["10", "2.5e1"])) == pytest.approx([-15 / 125**0.5, 0])
    with pytest.raises(InputError, match="y: 'x' in row 1 is not a number"):
        preparation.encode(as_text(["1", "x"]))


@pytest.mark.parametrize(
    "labels",
    [np.array([3, 7, 3]), np.array([3.0, 7.0, 3.0]), as_text(["3", "7", " 3"]), as_text(["3.0", "7e0", "03"])],
)
def test_class_names_however_written(labels: Any) -> None:
    preparation = fit(np.arange(6.0).reshape(3, 2), classes=("3", "7"))
    codes = preparation.encode(labels)
    assert codes.dtype == np.int64 and codes.tolist() == [0, 1, 0]
    assert preparation.decode(codes).tolist() == ["3", "7", "3"]


def test_an_unknown_class_is_named() -> None:
    preparation = fit(np.arange(6.0).reshape(3, 2), classes=("benign", "malignant"))
    with pytest.raises(InputError) as caught:
        preparation.encode(as_text(["benign", "maligant", "maligant"]))
    assert str(caught.value) == (
        "y: class 'maligant' is not among the training set's (benign, malignant), first in row 1, 2 rows in all; "
        "did you mean malignant?"
    )


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float64, (5, 3), elements=st.floats(-1e300, 1e300)))
def test_json_brings_back_every_bit(X: np.ndarray[Any, Any]) -> None:
    preparation = fit(X, image_shape=None, columns=("x0", "x1", "x2", "y"), id="name")
    text = json.dumps(preparation.to_json(), allow_nan=False)
    again = Preparation.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert again.mu.tobytes() == preparation.mu.tobytes() and again.sigma.tobytes() == preparation.sigma.tobytes()


@pytest.mark.parametrize(
    "damage", [{"format": 2}, {"mu": [1.0]}, {"mu": "x"}, {"features": None}, {"image_shape": [9, 9]}]
)
def test_damaged_json_is_refused(damage: dict[str, Any]) -> None:
    plain = fit([[1.0, 5.0], [2.0, 6.0]]).to_json()
    with pytest.raises(Damaged):
        Preparation.from_json(plain | damage)
    del plain["sigma"]
    with pytest.raises(Damaged, match="sigma"):
        Preparation.from_json(plain)
