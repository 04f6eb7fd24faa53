"""`dltrain data preview`, and what `check`, `predict` and `evaluate` make of augmentation."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from cli_calling import call

PICTURES = """\
name: shapes
data: {source: d.npz, arrays: {train: [x, y]}, augment: [rotate, shift]}
split: {train: 60, dev: 20, test: 20}
architecture: {layers: [4]}
training: {epochs: 2}
"""


@pytest.fixture
def pictures(empty_folder: Path) -> np.ndarray:
    """100 pictures of 6 x 5, whose row number is in the first pixel."""
    draw = np.random.Generator(np.random.PCG64(1))
    X = draw.integers(0, 256, (100, 6, 5)).astype(np.uint8)
    X[:, 0, 0] = np.arange(100)
    np.savez("d.npz", x=X, y=np.array(["round", "square"])[np.arange(100) % 2])
    Path("c.yaml").write_text(PICTURES)
    return X


def drawn(page: str) -> list[np.ndarray]:
    """The pictures of a page."""
    image = pytest.importorskip("PIL.Image")
    files = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(image.open(io.BytesIO(base64.b64decode(file)))) for file in files]


def test_the_sheet_holds_originals_and_versions(pictures: np.ndarray) -> None:
    done = call("data", "preview", "c.yaml", "--rows", "4", "--versions", "3")
    assert (done.code, done.last) == (0, "shapes.preview.html")
    page = Path("shapes.preview.html").read_text()
    found = drawn(page)
    assert len(found) == 4 * (1 + 3)
    rows = [int(row) for row in re.findall(r"row (\d+)", page)]
    assert [row % 2 for row in rows] == [0, 0, 1, 1]
    for i, row in enumerate(rows):
        original, *versions = found[4 * i : 4 * i + 4]
        assert np.array_equal(original, pictures[row])
        assert all(not np.array_equal(version, original) for version in versions)
    assert "rotate, degrees 15, probability 1" in page and "round" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_it_looks_at_training_rows_alone_and_repeats_itself(pictures: np.ndarray) -> None:
    sheets = []
    for name in ("a.html", "b.html"):
        assert call("data", "preview", "c.yaml", "-q", "-o", name, "--rows", "200").code == 0
        sheets.append(Path(name).read_text())
    assert sheets[0] == sheets[1]
    assert len(set(re.findall(r"row (\d+)", sheets[0]))) == 60
    call("data", "preview", "c.yaml", "-q", "-o", "c.html", "--rows", "200", "seed=2")
    assert Path("c.html").read_text() != sheets[0]


def test_a_coarse_look_in_the_terminal(pictures: np.ndarray) -> None:
    lines = call("data", "preview", "c.yaml").out.splitlines()
    assert "original          epoch 1           epoch 2           epoch 3" in lines
    assert any(set(line) <= set(" ░▒▓█") and line.strip() for line in lines)
    assert max(map(len, lines)) < 80
    assert call("data", "preview", "c.yaml", "-q").out == "shapes.preview.html\n"


def test_as_json(pictures: np.ndarray) -> None:
    found = call("data", "preview", "c.yaml", "--json", "-o", "s.html", "--rows", "2").json
    assert found["preview"] == "s.html" and found["augment"] == ["rotate", "shift"]
    assert found["shape"] == [6, 5, 1] and found["versions"] == 6
    assert [one["class"] for one in found["pictures"]] == ["round", "square"]


def test_as_png(pictures: np.ndarray) -> None:
    image = pytest.importorskip("PIL.Image")
    assert call("data", "preview", "c.yaml", "-q", "-o", "s.png", "--rows", "3", "--versions", "2").code == 0
    with image.open("s.png") as sheet:
        assert sheet.width > 3 * 70 and sheet.height > 3 * 84


@pytest.mark.parametrize("augment", ["[]", "[noise]"])
def test_without_moves_the_rows_are_shown_as_they_were_read(pictures: np.ndarray, augment: str) -> None:
    assert call("data", "preview", "c.yaml", f"data.augment={augment}", "-q", "--rows", "2").code == 0
    page = Path("shapes.preview.html").read_text()
    rows, found = [int(row) for row in re.findall(r"row (\d+)", page)], drawn(page)
    each = len(found) // 2
    assert each == (1 if augment == "[]" else 7)
    assert ("Nothing is augmented" in page) == (augment == "[]")
    for i, row in enumerate(rows):
        assert np.array_equal(found[each * i], pictures[row])


def test_colour_and_noise_by_their_own_spread(empty_folder: Path) -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    X = draw.normal(100, 20, (80, 8, 8, 3)).clip(0, 255).astype(np.uint8)
    X[:, 0, 0] = 255
    np.savez("d.npz", x=X, y=np.arange(80) % 2)
    Path("c.yaml").write_text(PICTURES.replace("[rotate, shift]", "[{kind: noise, sd: 0.5}]"))
    assert call("data", "preview", "c.yaml", "-q", "--rows", "20", "split.dev=rest", "split.test=0").code == 0
    found = np.array(drawn(Path("shapes.preview.html").read_text()), dtype=float).reshape(20, 7, 8, 8, 3)
    change = (found[:, 1:] - found[:, :1])[:, :, 1:, 1:]
    assert change.std() == pytest.approx(0.5 * X.reshape(-1, 3).std(axis=0).mean(), rel=0.15)


def test_rows_that_are_no_pictures(empty_folder: Path) -> None:
    Path("d.csv").write_text("a,b,y\n" + "\n".join(f"{i},{i * i % 7},{'ny'[i % 2]}" for i in range(40)) + "\n")
    Path("c.yaml").write_text("data: {source: d.csv, target: y}\n")
    done = call("data", "preview", "c.yaml")
    assert done.code == 2 and "rows are no pictures" in done.err and "data.image_shape: [height, width]" in done.err
    assert not list(Path().glob("*.html"))
    noise = call("data", "preview", "c.yaml", "data.augment=[noise]")
    assert noise.code == 2 and "noise has nothing to show" in noise.err


def test_other_endings_are_refused(pictures: np.ndarray) -> None:
    done = call("data", "preview", "c.yaml", "-o", "sheet.svg")
    assert done.code == 2 and "no .html or .png file" in done.err


def test_check_says_what_augmentation_costs(pictures: np.ndarray) -> None:
    training = call("check", "c.yaml", "--json").json["training"]
    assert training["augmentation"] == "rotate, shift"
    assert training["augmentation ms a batch"] >= 0 and training["augmentation s an epoch"] >= 0
    assert not any("augment" in key for key in call("check", "c.yaml", "data.augment=[]", "--json").json["training"])
    assert call("check", "c.yaml", "--leakage", "--json").json["leakage"]["leaks"] == []


def test_predict_and_evaluate_never_augment(pictures: np.ndarray) -> None:
    """A model judges the same rows alike, whatever its training saw; and an equal model without augmentation does."""
    assert call("train", "c.yaml", "-q", "--run-id", "one").code == 0
    measured = [call("evaluate", "one", "--part", "dev", "--json").json["error"] for _ in range(2)]
    diagnosed = call("diagnose", "one", "--json").json["errors"]["dev"]
    assert measured[0] == measured[1] and measured[0]["value"] == diagnosed["value"]
    header = ",".join(f"pixel_{y}_{x}" for y in range(6) for x in range(5))
    Path("rows.csv").write_text("\n".join([header, *(",".join(map(str, row)) for row in pictures.reshape(100, -1))]))
    predicted = [call("predict", "one", "rows.csv").out for _ in range(2)]
    assert predicted[0] == predicted[1] and predicted[0].count("\n") >= 100


def test_the_page_of_a_run_names_it(pictures: np.ndarray) -> None:
    assert call("train", "c.yaml", "-q", "--run-id", "one").code == 0
    assert call("report", "one").code == 0
    page = Path("runs/one/report.html").read_text()
    assert "augmented: rotate, shift" in page and "with augmentation" in page
