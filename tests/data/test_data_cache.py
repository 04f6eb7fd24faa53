"""Data larger than memory: converted once, gone on with after a kill, never trusted when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from dltrain import config, data, storage
from dltrain.config.loading import load
from dltrain.data.large import cache, filed, scatter, spilled
from dltrain.data.large.filed import Mapped
from dltrain.data.preparing import finish, read_and_split
from dltrain.data.readers import delimited, jsonl
from dltrain.storage import operations

N = 700


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Little memory, and pieces, blocks and buckets so small that there are many of each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLTRAIN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DLTRAIN_MEMORY", "2K")
    shrink(monkeypatch.setattr)


def shrink(set_to):
    set_to(delimited, "BLOCK", 4096)
    set_to(jsonl, "BLOCK", 4096)
    set_to(spilled, "PIECE", 2000)
    set_to(filed, "BLOCK", 512)
    set_to(scatter, "BUCKET", 2048)


def rows(n=N, seed=0):
    draw = np.random.Generator(np.random.PCG64(seed))
    X = draw.normal(size=(n, 3))
    X[:, 1] = 1.7e9 + np.arange(n)
    return X, ["cat", "dog", "owl"], draw.integers(0, 3, n), np.where(X[:, 0] > 0, "yes", "no")


def write_csv(path, n=N, seed=0, gap=None):
    X, names, word, y = rows(n, seed)
    lines = ["a,t,c,pet,y"]
    for i in range(n):
        a = "" if gap is not None and i % gap == 0 else f"{X[i, 0]:.6f}"
        lines.append(f"{a},{X[i, 1]:.0f},{X[i, 2]:.6f},{names[word[i]]},{y[i]}")
    Path(path).write_text("\n".join(lines) + "\n")


def experiment(*overrides, source="d.csv"):
    Path("c.yaml").write_text(f"data: {{source: {source}, target: y}}\narchitecture: {{layers: [3]}}\n")
    return load(["c.yaml"], overrides).experiment


def in_memory(asked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTRAIN_MEMORY", "8G")
        return finish(asked, read_and_split(asked))


def content(prepared):
    parts = {
        name: (part.X[:].tobytes(), part.y.tobytes(), part.rows.tobytes()) for name, part in prepared.parts.items()
    }
    return parts, prepared.notes, prepared.facts, prepared.settled_split, prepared.sha256


def cached_folder():
    (folder,) = (entry for entry in Path("cache/prepared").iterdir() if entry.is_dir())
    return folder


def test_the_same_rows_as_in_memory_but_for_their_order_and_float32():
    write_csv("d.csv")
    asked = experiment()
    found, plain = data.prepare(asked), in_memory(asked)
    assert isinstance(found.parts["train"].X, Mapped)
    assert set(found.parts) == set(plain.parts) and found.facts == plain.facts
    assert found.settled_split == plain.settled_split and found.sha256 == plain.sha256
    for name, part in found.parts.items():
        order = np.argsort(part.rows)
        assert (part.rows[order] == plain.parts[name].rows).all()
        assert (part.y[order] == plain.parts[name].y).all()
        np.testing.assert_allclose(part.X[:][order], plain.parts[name].X, atol=2e-6)
    assert not (np.diff(found.parts["train"].rows) > 0).all()
    assert (np.diff(found.parts["dev"].rows) > 0).all()
    assert found.notes[-1].startswith("larger than memory")


def test_the_training_rows_are_well_mixed():
    write_csv("d.csv")
    places = data.prepare(experiment()).parts["train"].rows
    ranks = np.argsort(np.argsort(places))
    assert abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) < 0.15
    assert (np.abs(np.diff(ranks)) == 1).mean() < 0.02


def test_later_runs_open_what_was_made(monkeypatch):
    write_csv("d.csv")
    first = content(data.prepare(experiment()))
    monkeypatch.setattr(cache, "read_and_split", None)
    assert content(data.prepare(experiment())) == first
    monkeypatch.setenv("DLTRAIN_MEMORY", "8G")
    assert content(data.prepare(experiment())) == first  # a resumed run visits the rows as before


def test_the_settled_config_means_the_same_entry(monkeypatch):
    write_csv("d.csv")
    loaded = load(["c.yaml"]) if Path("c.yaml").exists() else None
    asked = experiment()
    loaded = load(["c.yaml"])
    found = data.prepare(asked)
    plan = config.resolve(loaded.experiment.__class__(**_with_split(loaded.experiment, found)), found.facts)
    Path("resolved.yaml").write_text(config.dump(plan, loaded))
    monkeypatch.setattr(cache, "read_and_split", None)
    again = data.prepare(load(["resolved.yaml"]).experiment)
    assert content(again)[0] == content(found)[0]


def _with_split(given, found):
    from dataclasses import fields

    values = {one.name: getattr(given, one.name) for one in fields(given)}
    return values | {"split": found.settled_split}


@pytest.mark.parametrize("change", ["content", "split", "columns", "dtype"])
def test_other_content_or_config_is_another_entry(change):
    write_csv("d.csv")
    one = data.prepare(experiment())
    if change == "content":
        write_csv("d.csv", seed=1)
    other = data.prepare(
        experiment(
            *{
                "content": [],
                "split": ["split.seed=5"],
                "columns": ["data.exclude=[c]"],
                "dtype": ["training.dtype=float64"],
            }[change]
        )
    )
    assert content(other)[0]["train"] != content(one)[0]["train"]
    assert len([entry for entry in Path("cache/prepared").iterdir() if entry.is_dir()]) == 2
    if change == "dtype":
        plain = in_memory(experiment("training.dtype=float64")).parts["dev"]
        np.testing.assert_allclose(other.parts["dev"].X[:], plain.X, rtol=1e-12, atol=1e-12)


def test_gaps_categories_weights_and_several_files():
    for number in range(3):
        write_csv(f"d{number}.csv", seed=number, gap=7)
    asked = experiment("data.missing=median", "data.weight=c", "data.exclude=[t]", "split.seed=2", source="d*.csv")
    for name in ("d0.csv", "d1.csv", "d2.csv"):
        text = Path(name).read_text().replace("-", "")
        Path(name).write_text(text)
    found, plain = data.prepare(asked), in_memory(asked)
    assert found.preparation.fills.keys() == plain.preparation.fills.keys()
    assert found.preparation.inputs == plain.preparation.inputs
    for name, part in found.parts.items():
        order = np.argsort(part.rows)
        np.testing.assert_allclose(part.X[:][order], plain.parts[name].X, atol=2e-6)
        np.testing.assert_allclose(part.weights[order], plain.parts[name].weights)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_other_tables(kind):
    import polars as pl

    write_csv("d.csv")
    frame = pl.read_csv("d.csv")
    frame.write_ndjson("d.jsonl")
    frame.write_parquet("d.parquet")
    found, plain = data.prepare(experiment(source=f"d.{kind}")), in_memory(experiment())
    order = np.argsort(found.parts["train"].rows)
    np.testing.assert_allclose(found.parts["train"].X[:][order], plain.parts["train"].X, atol=2e-6)


def test_a_test_file_that_fits_stays_in_memory(monkeypatch):
    write_csv("d.csv")
    write_csv("test.csv", n=60, seed=3)
    monkeypatch.setenv("DLTRAIN_MEMORY", "20K")
    found = data.prepare(experiment("split.files.test=test.csv"))
    assert isinstance(found.parts["train"].X, Mapped) and isinstance(found.parts["test"].X, np.ndarray)
    assert content(data.prepare(experiment("split.files.test=test.csv"))) == content(found)


class Stop(BaseException):
    pass


def test_a_conversion_that_stops_anywhere_is_gone_on_with(monkeypatch):
    """At each operation on the disk in turn: it stops there, and the next try ends in the same bytes."""
    write_csv("d.csv")
    expected = content(data.prepare(experiment()))
    storage.remove("cache")
    count = 0

    def hook(operation):
        nonlocal count
        count += 1
        if count == at:
            raise Stop

    monkeypatch.setattr(operations, "hook", hook)
    at = -1
    data.prepare(experiment())
    total = count
    assert total > 100
    for at in [*range(1, total, 17), total]:
        storage.remove("cache") if at == 1 else _fresh(monkeypatch, hook)
        count = 0
        with pytest.raises(Stop):
            data.prepare(experiment())
        count = -(10**9)
        assert content(data.prepare(experiment())) == expected, at


def _fresh(monkeypatch, hook):
    monkeypatch.setattr(operations, "hook", None)
    storage.remove("cache")
    monkeypatch.setattr(operations, "hook", hook)


def test_what_was_read_is_not_read_again(monkeypatch):
    """The next try parses the rows after the last finished piece only."""
    write_csv("d.csv", n=3000)
    expected = content(data.prepare(experiment()))
    storage.remove("cache")
    seen = 0
    real = delimited.parse

    def parse(*args):
        nonlocal seen
        for chunk in real(*args):
            seen += chunk.n
            if seen > 2500 and limit:
                raise Stop
            yield chunk

    monkeypatch.setattr(delimited, "parse", parse)
    limit = True
    with pytest.raises(Stop):
        data.prepare(experiment())
    seen, limit = 0, False
    assert content(data.prepare(experiment())) == expected
    assert 0 < seen < 900


@pytest.mark.parametrize("what", ["train.npy", "train.y.npy", "dev.rows.npy", "manifest.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_entry_is_made_again(what, how):
    write_csv("d.csv")
    expected = content(data.prepare(experiment()))
    path = cached_folder() / what
    whole = bytearray(path.read_bytes())
    if how == "flipped":
        whole[len(whole) // 2] ^= 1
    path.write_bytes(whole[: len(whole) - 9] if how == "cut" else whole)
    if how == "gone":
        path.unlink()
    assert content(data.prepare(experiment())) == expected
    assert cached_folder().joinpath(what).exists()


def test_a_damaged_piece_is_read_again(monkeypatch):
    write_csv("d.csv", n=3000)
    expected = content(data.prepare(experiment()))
    storage.remove("cache")

    def stop(*_):
        raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(cache, "finish", stop)
        data.prepare(experiment())
    pieces = sorted(cached_folder().glob("table-1/*.rows"))
    assert len(pieces) > 5
    pieces[3].write_bytes(bytes(len(pieces[3].read_bytes())))
    assert content(data.prepare(experiment())) == expected


def test_bad_cells_leave_nothing_behind():
    write_csv("d.csv")
    with Path("d.csv").open("a") as file:
        file.write("oops,1,1,cat,yes\n")
    with pytest.raises(Exception, match="oops"):
        data.prepare(experiment())
    assert not [entry for entry in Path("cache/prepared").iterdir() if entry.is_dir()]


def test_progress_is_told():
    write_csv("d.csv")
    told = []
    data.prepare(experiment(), lambda what, done, of: told.append((what, done, of)))
    assert {what for what, _, _ in told} == {"reading", "preparing", "arranging"}
    assert all(0 <= done <= of for _, done, of in told)
    size = Path("d.csv").stat().st_size
    assert [told for told in told if told[0] == "reading"][-1][1] == pytest.approx(size, rel=0.05)
    assert told[-1] == ("arranging", 420, 420)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import test_data_cache as t
t.shrink(setattr)
from dltrain import data
from dltrain.storage import operations
import os
count = 0
def hook(operation):
    global count
    count += 1
    if count == int(sys.argv[1]):
        os.kill(os.getpid(), 9)
operations.hook = hook
found = data.prepare(t.experiment())
print(t.content(found)[0]["train"][0].hex()[:64], found.parts["train"].X.kept)
"""


def child(at):
    script = textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).parent))
    return subprocess.Popen([sys.executable, "-c", script, str(at)], stdout=subprocess.PIPE, text=True, env=os.environ)


def test_killed_and_two_at_once():
    write_csv("d.csv", n=3000)
    for at in (40, 120):
        process = child(at)
        process.communicate()
        assert process.returncode == -9
    both = [child(0), child(0)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] and said[0]
    assert said[0].startswith(content(data.prepare(experiment()))[0]["train"][0].hex()[:64])
