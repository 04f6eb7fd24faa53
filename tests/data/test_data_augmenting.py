"""Augmentation: raw rows are gathered, changed, then scaled; in training batches alone, whatever the rows lie in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltrain import config, experiment, leakage
from dltrain.config.loading import load
from dltrain.data import augmenting
from dltrain.data.augmenting import Augmented, kept_rows, numbers_among
from dltrain.data.large import cache, filed, scatter, spilled
from dltrain.data.large.filed import Mapped
from dltrain.data.preparing import finish, read_and_split
from dltrain.data.readers import delimited
from dltrain.engine.augmentations import Rotate, Shift, moved
from dltrain.engine.fit import Epoch, fit
from dltrain.engine.network import Network
from dltrain.engine.state import State
from dltrain.engine.streams import Purpose, generator
from dltrain.engine.visiting import visits
from dltrain.errors import InputError

N = 120


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(tmp_path / "cache"))


def write_arrays(shape, dtype):
    draw = np.random.Generator(np.random.PCG64(1))
    X = draw.integers(0, 256, (N, *shape)).astype(dtype)
    np.savez("d.npz", x=X, y=draw.integers(0, 3, N))
    return X


def write_pixels(n=N):
    """A table of 4 x 4 pixels with a corner that is always 0."""
    draw = np.random.Generator(np.random.PCG64(2))
    X = draw.integers(0, 17, (n, 16))
    X[:, 0] = 0
    y = np.where(X[:, 5] > 8, "yes", "no")
    lines = [",".join([*map(str, row), label]) for row, label in zip(X.tolist(), y, strict=True)]
    Path("d.csv").write_text("\n".join([",".join([*(f"p{i}" for i in range(16)), "y"]), *lines]) + "\n")
    return X


def write_mixed():
    draw = np.random.Generator(np.random.PCG64(3))
    lines = ["a,b,flat,pet,y"]
    for i in range(N):
        gap = "" if i % 9 == 0 else f"{draw.normal():.4f}"
        lines.append(f"{gap},{draw.normal() * 50:.3f},7,{('cat', 'dog')[i % 2]},{('no', 'yes')[i % 3 == 0]}")
    Path("d.csv").write_text("\n".join(lines) + "\n")


ARRAYS = "data: {source: d.npz, arrays: {train: [x, y]}, augment: [rotate, shift]}\narchitecture: {layers: [3]}\n"
PIXELS = (
    "data: {source: d.csv, target: y, image_shape: [4, 4], augment: [{kind: shift, share: 0.25}, noise]}\n"
    "architecture: {layers: [3]}\n"
)
MIXED = "data: {source: d.csv, target: y, missing: mean, augment: [{kind: noise, sd: 0.5}]}\n"


def ready(text, *overrides):
    Path("c.yaml").write_text(text)
    return experiment.prepare(config.load(["c.yaml"], overrides))


def made(found, epoch=0, place=0):
    """The whole training set as one batch would see it, row i of row i."""
    rows = found.rows("train")
    out = np.empty(rows.X.shape, rows.X.dtype)
    rows.making.make(rows.making.rows[:], epoch, place, out)
    return out


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_batches_are_raw_rows_moved_and_then_scaled(shape, dtype):
    X = write_arrays(shape, dtype)
    found = ready(ARRAYS)
    train, preparation = found.data.parts["train"], found.data.preparation
    raw = X.reshape(N, -1)[train.rows]
    assert np.array_equal(train.raw, raw)
    assert train.raw.dtype == (np.float32 if dtype is np.float64 else dtype)
    images = raw.astype(np.float32).reshape(len(raw), *shape[:2], -1)
    stream = generator(1, Purpose.AUGMENT, 4, 20)
    wanted = preparation.transform(moved(images, (Rotate(), Shift()), stream).reshape(len(raw), -1))
    assert np.array_equal(made(found, 4, 20), wanted)


def test_nothing_else_changes():
    """Every part, and what was fitted, is as without augmentation."""
    write_arrays((6, 5), np.uint8)
    plain, found = ready(ARRAYS, "data.augment=[]"), ready(ARRAYS)
    assert plain.rows("train").making is None and plain.data.parts["train"].raw is None
    assert plain.data.preparation.to_json() == found.data.preparation.to_json()
    for name, part in found.data.parts.items():
        assert part.X.tobytes() == plain.data.parts[name].X.tobytes()
        if name != "train":
            assert part.raw is None and found.rows(name).making is None


def test_what_is_drawn_depends_on_seed_epoch_and_place():
    write_arrays((6, 5), np.uint8)
    found = ready(ARRAYS)
    first = made(found)
    assert np.array_equal(first, made(ready(ARRAYS)))
    for other in (made(found, epoch=1), made(found, place=64), made(ready(ARRAYS, "seed=2"))):
        assert not np.array_equal(first, other)


def test_a_constant_pixel_stays_0_whatever_is_moved_there():
    write_pixels()
    found = ready(PIXELS)
    assert "p0" in found.data.preparation.constant
    out = made(found)
    assert not out[:, 0].any()
    assert (out[:, 1:] != found.rows("train").X[:, 1:]).any(axis=0).all()


def test_noise_is_for_numbers_and_needs_no_images():
    write_mixed()
    found = ready(MIXED)
    preparation, X = found.data.preparation, found.rows("train").X
    inputs = preparation.inputs
    assert [inputs[i] for i in numbers_among(preparation)] == ["a", "b"]
    assert found.data.parts["train"].raw is None
    change = made(found) - X
    moved_inputs = {name for name, column in zip(inputs, change.T, strict=True) if column.any()}
    assert moved_inputs == {"a", "b"}
    noise = change[:, [inputs.index("a"), inputs.index("b")]]
    assert noise.std() == pytest.approx(0.5, rel=0.2)


def test_noise_in_units_of_the_scaled_inputs_is_the_same_as_in_the_columns_own():
    """(x + sd σ n − μ)/σ = (x − μ)/σ + sd n."""
    write_pixels()
    found = ready(PIXELS, "data.augment=[noise]", "training.dtype=float64")
    preparation, train = found.data.preparation, found.data.parts["train"]
    raw = kept_rows(read_and_split(found.loaded.experiment).drawn["train"], "float64")
    stream = generator(1, Purpose.AUGMENT, 2, 8)
    places = numbers_among(preparation)
    stream.random(len(raw))
    n = stream.standard_normal((len(raw), len(places)))
    raw[:, places] += 0.1 * preparation.sigma[0] * n
    np.testing.assert_allclose(made(found, 2, 8), preparation.transform(raw), atol=1e-12)
    assert train.raw is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[rotate]", "data.augment.0: rotate moves pixels, and rows are not known to be images; if they are, say "),
        ("[noise, flip]", "data.augment.1: flip moves pixels"),
    ],
)
def test_moves_need_images(text, wanted):
    write_pixels()
    with pytest.raises(InputError) as raised:
        ready(PIXELS, f"data.augment={text}", "data.image_shape=null")
    (problem,) = raised.value.problems
    assert wanted in problem.line()
    assert "[4, 4]" in problem.line()


def test_pictures_are_numbers():
    write_mixed()
    with pytest.raises(InputError, match=r"zoom moves pixels, and pet is no number"):
        ready(MIXED, "data.augment=[zoom]", "data.image_shape=[2, 2]")


def test_rows_of_no_square_get_no_shape_suggested():
    write_mixed()
    with pytest.raises(InputError, match=r"zoom .* rows of 4 values|zoom .* \[2, 2\]"):
        ready(MIXED, "data.augment=[zoom]")
    with pytest.raises(InputError, match="noise does without"):
        ready(MIXED, "data.augment=[zoom]", "data.exclude=[flat]")


def test_nothing_leaks():
    write_pixels()
    found = ready(PIXELS)
    report = leakage.check(found.loaded.experiment, found.data)
    assert not report.leaks
    assert "train.raw" in {one.name for one in report.compared}


@pytest.mark.parametrize("text", [PIXELS, MIXED], ids=["pictures", "noise alone"])
def test_a_training_goes_on_from_any_step_to_the_same_bytes(text):
    write_pixels() if text == PIXELS else write_mixed()
    found = ready(text, "training.epochs=3", "training.batch_size=16", "training.early_stopping=null")
    program, train, dev = found.plan.program(), found.rows("train"), found.rows("dev")
    whole = State.start(program)
    events = list(fit(program, train, dev, whole))
    state, seen = State.start(program), 0
    while seen < len(events):
        steps = fit(program, found.rows("train"), dev, state)  # nothing of the last one is left
        event = next(steps)
        if isinstance(event, Epoch):
            assert event.record() == events[seen].record()
        else:
            assert event == events[seen]
        seen += 1
    assert state.theta.tobytes() == whole.theta.tobytes()


def test_augmentation_changes_the_training_and_its_error_is_measured_clean():
    write_pixels()
    texts = [ready(PIXELS, "training.epochs=2", f"data.augment={augment}") for augment in ("[]", "[flip]")]
    epochs = []
    for found in texts:
        program, rows = found.plan.program(), found.rows("train")
        state = State.start(program)
        events = [event for event in fit(program, rows, None, state) if isinstance(event, Epoch)]
        epochs.append(events[-1])
        network = Network(program.architecture, state.theta, state.stats)
        assert events[-1].train.loss == network.evaluate(rows.X, rows.y).loss
    assert epochs[0].cost != epochs[1].cost


def test_a_large_batch_is_made_in_portions(monkeypatch):
    monkeypatch.setattr(augmenting, "_PORTION", 16 * 10)
    write_pixels()
    found = ready(PIXELS)
    rows = found.rows("train")
    assert rows.making.portion == 10
    order = visits(rows.X, 1, rows.making)
    order.begin(0)
    whole, parts = (np.empty((30, 16), np.float32) for _ in range(2))
    order.gather(0, 30, whole)
    for start in (0, 10, 20):
        order.gather(start, start + 10, parts[start : start + 10])
    assert np.array_equal(whole, parts)


# ---- larger than memory


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setenv("DLTRAIN_MEMORY", "2K")
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    monkeypatch.setattr(spilled, "PIECE", 2000)
    monkeypatch.setattr(filed, "BLOCK", 512)
    monkeypatch.setattr(scatter, "BUCKET", 2048)


def test_raw_rows_lie_beside_the_training_rows_on_the_disk(large):
    write_pixels(400)
    for _ in range(2):  # made, then found
        found = ready(PIXELS)
        train = found.data.parts["train"]
        assert isinstance(train.X, Mapped) and isinstance(train.raw, Mapped)
        assert train.raw.dtype == np.float32 and train.raw.shape == train.X.shape
        assert np.array_equal(found.data.preparation.transform(train.raw[:]), train.X[:])
    Path("c.yaml").write_text(PIXELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTRAIN_MEMORY", "8G")
        asked = load(["c.yaml"]).experiment
        plain = finish(asked, read_and_split(asked)).parts["train"]
    order = np.argsort(train.rows)
    assert np.array_equal(train.raw[:][order], plain.raw)
    assert found.rows("train").making.rows is train.raw


def test_a_damaged_file_of_raw_rows_is_made_anew(large):
    write_pixels(400)
    ready(PIXELS)
    (file,) = Path("cache/prepared").glob("*/train.raw.npy")
    before = file.read_bytes()
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    ready(PIXELS)
    assert file.read_bytes() == before


def test_the_cache_asks_whether_raw_rows_are_kept_and_not_for_what():
    Path("c.yaml").write_text(PIXELS)
    keys = {
        augment: cache.key_of(load(["c.yaml"], [f"data.augment={augment}"]).experiment, "0")
        for augment in ("[]", "[noise]", "[flip]", "[rotate, {kind: shift, share: 0.5}]")
    }
    assert keys["[]"] == keys["[noise]"] != keys["[flip]"] == keys["[rotate, {kind: shift, share: 0.5}]"]


def test_training_from_the_disk_goes_on_from_any_step(large):
    write_pixels(400)
    found = ready(PIXELS, "training.epochs=2", "training.batch_size=64", "training.early_stopping=null")
    program, dev = found.plan.program(), found.rows("dev")
    whole = State.start(program)
    count = len(list(fit(program, found.rows("train"), dev, whole)))
    state = State.start(program)
    for _ in range(count):
        next(fit(program, found.rows("train"), dev, state))
    assert state.theta.tobytes() == whole.theta.tobytes()


def test_moves_keep_the_type_of_training():
    write_pixels()
    for dtype in ("float32", "float64"):
        found = ready(PIXELS, f"training.dtype={dtype}")
        assert made(found).dtype == dtype
        assert isinstance(found.rows("train").making, Augmented)
        assert found.data.parts["train"].raw.dtype == np.dtype(dtype)
