"""Writes dltrain/data/sets/builtin/*.npz from the copies that scikit-learn carries, and checks what it wrote.

    pip install scikit-learn && python tools/make_builtin_sets.py

The same scikit-learn data gives the same bytes: the archive holds no clock. Run it again only to change the sets.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer, load_digits

FOLDER = Path(__file__).parent.parent / "dltrain" / "data" / "sets" / "builtin"
CLASSES = ["benign", "malignant"]


def write(name: str, **arrays: npt.NDArray[np.generic]) -> Path:
    """An npz file with fixed dates, as np.savez_compressed has not."""
    path = FOLDER / f"{name}.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content.getvalue(), compresslevel=9)
    return path


def digits() -> None:
    X, y = load_digits(return_X_y=True)
    path = write("digits", X=X.astype(np.uint8), y=y.astype(np.uint8))
    with np.load(path, allow_pickle=False) as stored:
        assert (stored["X"] == X).all() and (stored["y"] == y).all()
    print(path, path.stat().st_size)


def breast_cancer() -> None:
    bunch = load_breast_cancer()
    words = bunch.target_names[bunch.target]
    codes = np.array([CLASSES.index(word) for word in words], dtype=np.uint8)
    features = np.array([name.replace(" ", "_") for name in bunch.feature_names])
    path = write("breast_cancer", X=bunch.data, y=codes, features=features)
    with np.load(path, allow_pickle=False) as stored:
        assert (stored["X"] == bunch.data).all()
        assert [CLASSES[code] for code in stored["y"]] == words.tolist()
        assert [name.replace("_", " ") for name in stored["features"]] == bunch.feature_names.tolist()
    print(path, path.stat().st_size)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    digits()
    breast_cancer()
