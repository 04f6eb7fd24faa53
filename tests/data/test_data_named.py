"""Named sets: the records, what a name stands for in a config, and the real files as they are published."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltrain import config
from dltrain.config.loading import load
from dltrain.config.records import Experiment
from dltrain.data import prepare
from dltrain.data.sets import named as module
from dltrain.data.sets.fetching import fetch
from dltrain.data.sets.named import cache_folder, fetched, folder_of, named_sets, named_source, settings, with_files
from dltrain.data.sets.named_sets import Named, Remote
from dltrain.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DLTRAIN_DATA_MIRROR", raising=False)
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "named"


def declared(*overrides: str) -> Experiment:
    return load([], list(overrides)).experiment


# ---- the records


def test_config_and_data_know_the_same_names() -> None:
    assert tuple(named.name for named in named_sets()) == config.NAMED == tuple(sorted(config.NAMED))
    assert config.SETS == (*config.BUILT_IN, *config.NAMED) and len(set(config.SETS)) == len(config.SETS)


@pytest.mark.parametrize("named", named_sets(), ids=lambda named: named.name)
def test_a_record_is_whole(named: Named) -> None:
    assert named_source(named.name) is named and re.fullmatch(r"[a-z][a-z0-9_]*", named.name)
    assert named.source and named.licence and named.rows > named.test_rows >= 0 and named.inputs > 0
    assert {"binary": 2, "regression": 0}.get(named.task, len(named.classes)) == len(named.classes)
    names = [file.name for file in named.files]
    assert len(set(names)) == len(names) and all(os.path.basename(name) == name for name in names)
    for file in named.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256) and file.size > 1000
        assert file.urls and all(re.match(r"https?://[\w.-]+/\S+$", url) for url in file.urls)
        assert file.urls[0].startswith("https://")
    known = {named.main, named.test, *sum(named.data.get("arrays", {}).values(), [])} - {""}
    assert known == set(names), "every file is read, and every file that is read is fetched"
    assert bool(named.test or "test" in named.data.get("arrays", {})) == bool(named.test_rows)
    columns = named.data.get("columns")
    assert columns is None or (len(columns) == len(set(columns)) == named.inputs + 1 and columns[-1] == named.target)


@pytest.mark.parametrize("named", named_sets(), ids=lambda named: named.name)
def test_its_keys_are_keys_of_a_config(named: Named, tmp_path: Path) -> None:
    import json

    (tmp_path / "set.yaml").write_text(json.dumps(settings(named, tmp_path)))
    experiment = load([tmp_path / "set.yaml"]).experiment
    assert experiment.data.target == named.data.get("target")
    assert Path(str(experiment.data.source)) == tmp_path / named.main


def test_an_unknown_name_is_no_set() -> None:
    assert named_source("digits") is None and named_source("nope") is None and fetched("nope") is None


# ---- where they lie


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", "here")
    assert cache_folder() == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", "~/there")
    assert cache_folder() == tmp_path / "there"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("DLTRAIN_CACHE_DIR")
    assert cache_folder().is_absolute() and cache_folder().name == "dltrain"


def test_fetched_when_every_file_has_its_size(cache: Path) -> None:
    wine = named_source("wine_quality")
    assert wine is not None and fetched("wine_quality") is None
    place = cache / "wine_quality" / "winequality-white.csv"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"half")
    assert fetched("wine_quality") is None
    place.write_bytes(bytes(wine.size))
    assert fetched("wine_quality") == cache / "wine_quality"
    place.unlink()
    place.mkdir()
    assert fetched("wine_quality") is None


# ---- what a name stands for


@pytest.fixture
def here(cache: Path) -> Path:
    """Files of the right sizes and nothing in them, for all sets."""
    for named in named_sets():
        folder_of(named).mkdir(parents=True)
        for file in named.files:
            with (folder_of(named) / file.name).open("wb") as handle:
                handle.truncate(file.size - len(file.prefix))
    return cache


def test_a_name_stands_for_files_and_keys(here: Path) -> None:
    data, split = (found := with_files(declared("data.source=adult"))).data, found.split
    assert data.source == str(here / "adult" / "adult.data") and data.target == "income"
    assert data.missing == "most_frequent" and data.label_map == {"<=50K.": "<=50K", ">50K.": ">50K"}
    assert split.files is not None and split.files.test == str(here / "adult" / "adult.test")
    mnist = with_files(declared("data.source=mnist"))
    assert mnist.data.source == str(here / "mnist") and set(mnist.data.arrays or {}) == {"train", "test"}
    bikes = with_files(declared("data.source=bike_sharing"))
    assert (bikes.split.by, bikes.split.column, bikes.split.files) == ("time", "dteday", None)


def test_what_the_config_says_itself_stays(here: Path) -> None:
    overrides = ("data.missing=drop", "data.exclude=[fnlwgt]", "split.train=0.9", "split.dev=0.1", "seed=3")
    found = with_files(declared("data.source=adult", *overrides))
    assert (found.data.missing, found.data.exclude, found.split.train) == ("drop", ["fnlwgt"], 0.9)
    assert found.split.files is not None and found.seed == 3
    hashed = with_files(declared("data.source=bike_sharing", "split={by: hash, column: instant}"))
    assert (hashed.split.by, hashed.split.column) == ("hash", "instant")


def test_other_sources_stay_as_they_are(here: Path, tmp_path: Path) -> None:
    for source in ("digits", "./adult", "[a.csv, b.csv]"):
        experiment = declared(f"data.source={source}")
        assert with_files(experiment) is experiment


def test_a_name_stays_a_name_and_a_path_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert declared("data.source=mnist").data.source == "mnist"
    assert declared("data.source=./mnist").data.source == str(tmp_path / "mnist")


def test_dev_and_test_from_a_named_set(here: Path) -> None:
    other = ["data.source=a.csv", "data.target=quality"]
    found = with_files(declared(*other, "data.dev_test_source=wine_quality"))
    assert found.data.dev_test_source == str(here / "wine_quality" / "winequality-white.csv")
    with pytest.raises(InputError, match=r"^data\.dev_test_source: mnist lies in arrays; expected a table"):
        with_files(declared(*other, "data.dev_test_source=mnist"))


@pytest.mark.parametrize("key", ["source", "dev_test_source"])
def test_a_set_that_is_not_here(key: str) -> None:
    experiment = declared("data.source=a.csv", "data.target=y", f"data.{key}=titanic")
    with pytest.raises(InputError) as caught:
        with_files(experiment)
    assert str(caught.value) == f"data.{key}: titanic is not on this machine: dltrain data fetch titanic"


def test_idx_files_of_a_set_train(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of the shape of mnist, with few and small images."""
    mnist = named_source("mnist")
    assert mnist is not None
    draws = np.random.Generator(np.random.Philox(3))
    files = []
    for file, shape in zip(mnist.files, ((80, 4, 4), (80,), (20, 4, 4), (20,)), strict=True):
        values = draws.integers(0, 256, shape) if len(shape) == 3 else np.arange(shape[0]) % 10
        head = bytes((0, 0, 8, len(shape))) + b"".join(size.to_bytes(4, "big") for size in shape)
        content = gzip.compress(head + values.astype(np.uint8).tobytes())
        (tmp_path / "mirror" / "mnist").mkdir(parents=True, exist_ok=True)
        (tmp_path / "mirror" / "mnist" / file.name).write_bytes(content)
        files.append(Remote(file.name, len(content), hashlib.sha256(content).hexdigest(), file.urls))
    small = replace(mnist, files=tuple(files))
    monkeypatch.setattr(module, "NAMED_SETS", (small,))
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(tmp_path / "mirror"))
    fetch(small)
    prepared = prepare(declared("data.source=mnist", "split.train=0.75", "split.dev=0.25"))
    assert {part: len(found.y) for part, found in prepared.parts.items()} == {"train": 60, "dev": 20, "test": 20}
    assert prepared.facts.n_x == 16 and prepared.preparation.image_shape == (4, 4)


# ---- the real files

DATA = os.environ.get("DLTRAIN_TEST_DATA", "")
LIKE = {
    "adult/adult.data": "adult/adult-train.csv",
    "adult/adult.test": "adult/adult-test.csv",
    "bike_sharing/hour.csv": "bike_sharing/hour.csv",
    "california_housing/housing.csv": "california_housing/housing.csv",
    "pendigits/pendigits.tra": "pendigits/pendigits_train.csv",
    "pendigits/pendigits.tes": "pendigits/pendigits_test.csv",
    "titanic/train.csv": "titanic/train.csv",
}


def published(name: str, content: bytes) -> bytes:
    """The bytes as they are published: bike_sharing in CRLF, pendigits right-aligned and without a header."""
    if name == "hour.csv":
        return content.replace(b"\n", b"\r\n")
    if name.startswith("pendigits"):
        rows = [line.split(",") for line in content.decode().splitlines()[1:]]
        return "".join(",".join(f"{v:>3}" for v in row[:-1]) + f",{row[-1]:>2}\n" for row in rows).encode()
    return content


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if not DATA:
        pytest.skip("DLTRAIN_TEST_DATA names no folder with real data sets")
    folder = tmp_path / "mirror"
    for name, like in LIKE.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(published(place.name, Path(DATA, like).read_bytes()))
    monkeypatch.setenv("DLTRAIN_DATA_MIRROR", str(folder))
    return folder


@pytest.mark.parametrize("name", sorted({name.partition("/")[0] for name in LIKE}))
def test_a_real_set_has_its_published_checksum_and_is_what_the_record_says(name: str, mirror: Path) -> None:
    named = named_source(name)
    assert named is not None
    assert fetch(named) == tuple(file.name for file in named.files)
    prepared = prepare(declared(f"data.source={name}"))
    assert sum(len(part.y) for part in prepared.parts.values()) == named.rows
    assert not named.test_rows or len(prepared.parts["test"].y) == named.test_rows
    assert len(prepared.preparation.features) == named.inputs
    assert (prepared.facts.task, prepared.facts.classes) == (named.task, named.classes)
