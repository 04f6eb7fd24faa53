"""Checkpoints: exact, named by their bytes, pruned, and never read when damaged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltrain.errors import Damaged, InputError, StorageError
from dltrain.runs import Kept, RunFolder, create, list_checkpoints, read_checkpoint, read_events, read_metrics, reopen
from dltrain.runs.tensors import pack, unpack
from dltrain.storage import operations

FEW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Array = np.ndarray[Any, Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    monkeypatch.setattr(operations, "_flush", lambda fd: None)
    with create(tmp_path, "one", "x", {}) as made:
        yield made


def theta(step: int) -> Array:
    return np.arange(3, dtype=np.float32) + step


def save(run: RunFolder, step: int, **options: Any) -> str:
    """A metrics line, then a checkpoint."""
    run.append_metrics({"epoch": step})
    return run.save_checkpoint({"theta": theta(step)}, {"step": step, "epoch": step}, **options)


def steps(run: RunFolder) -> list[int]:
    return [kept.step for kept in list_checkpoints(run.path)]


def loaded(run: RunFolder) -> int | None:
    """The step that is loaded, after checking that it is that step's state and metrics."""
    found = run.load_checkpoint()
    if found is None:
        return None
    step: int = found.meta["step"]
    np.testing.assert_array_equal(found.arrays["theta"], theta(step))
    assert read_metrics(run.path)[-1]["epoch"] == step
    return step


# What is written


@FEW
@given(
    arrays=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=5),
        hnp.arrays(
            st.sampled_from(["float32", "float64", "int64"]),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
            elements={"allow_nan": False, "allow_infinity": False},
        ),
        max_size=4,
    ),
    text=st.text(st.characters(codec="utf-8")),
)
def test_the_bytes_are_those_of_the_safetensors_library(arrays: dict[str, Array], text: str) -> None:
    arrays.pop("__metadata__", None)
    packed = b"".join(pack(arrays, text))
    ours, theirs = unpack(packed), safetensors.numpy.load(packed)
    assert ours.keys() == theirs.keys() == arrays.keys()
    for name, array in arrays.items():
        for read in (ours[name], theirs[name]):
            assert read.dtype == array.dtype and read.shape == array.shape and read.tobytes() == array.tobytes()
    if all(array.dtype == np.float32 for array in arrays.values()):
        contiguous = {name: np.array(array, order="C") for name, array in arrays.items()}
        assert packed == safetensors.numpy.save(contiguous, metadata={"dltrain": text})


def test_arrays_of_any_stride_are_written_right(run: RunFolder) -> None:
    wide = np.arange(24.0).reshape(4, 6)
    arrays = {"turned": wide.T, "strided": wide[::2, ::-3], "nothing": np.zeros((0, 3)), "number": np.array(2.5)}
    found = read_checkpoint(run.path, run.save_checkpoint(arrays, {"step": 1}))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].shape == array.shape


def test_arrays_are_not_copied_on_the_way_to_the_disk() -> None:
    array = np.arange(1000.0)
    _, piece = pack({"a": array}, "")
    assert np.shares_memory(np.frombuffer(piece, dtype=np.float64), array)


def test_equal_states_are_equal_files_whatever_the_run(tmp_path: Path) -> None:
    names = []
    for number, runs in enumerate(("a", "elsewhere/b")):
        with create(tmp_path / runs, None, "x", {}) as run:
            run.append_metrics({"epoch": 1})
            meta = {"step": 3, "note": "größer"}
            names.append(run.save_checkpoint({"theta": theta(3), "m": theta(4)}, meta if number else {**meta}))
            turned = dict(reversed(meta.items()))
            assert run.save_checkpoint({"m": theta(4), "theta": theta(3).copy()}, turned) == names[0]
    assert names[0] == names[1]
    files = [path.read_bytes() for path in sorted(tmp_path.rglob("step-*"))]
    assert len(files) == 2 and files[0] == files[1]
    assert names[0] == f"step-00000003-{hashlib.sha256(files[0]).hexdigest()}.safetensors"


def test_what_is_there_already_is_not_written_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    name = save(run, 1)
    before = (run.path / "checkpoints" / name).stat()
    seen: list[str] = []
    monkeypatch.setattr(operations, "hook", lambda operation: seen.append(operation.kind))
    assert run.save_checkpoint({"theta": theta(1)}, {"step": 1, "epoch": 1}) == name
    assert seen == ["sync", "sync folder"]
    assert (run.path / "checkpoints" / name).stat() == before


def test_the_quoted_metrics(run: RunFolder) -> None:
    save(run, 1)
    data = (run.path / "metrics.jsonl").read_bytes()
    (kept,) = list_checkpoints(run.path)
    quoted = read_checkpoint(run.path, kept.name).meta["metrics"]
    assert quoted == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize(
    ("arrays", "meta", "words"),
    [
        ({"a": np.array([1.0, np.nan])}, {"step": 1}, "a holds a value that is not finite"),
        ({"a": np.array([np.inf], dtype=np.float32)}, {"step": 1}, "not finite"),
        ({"a": np.zeros(2, dtype=np.float16)}, {"step": 1}, "expected one of float32"),
        ({"a": np.array([None])}, {"step": 1}, "a is object, expected one of float32"),
        ({}, {}, "step None"),
        ({}, {"step": -1}, "step -1"),
        ({}, {"step": True}, "step True"),
        ({}, {"step": 1.0}, "step 1.0"),
        ({}, {"step": 1, "loss": float("nan")}, "JSON"),
        ({}, {"step": 1, "metrics": 3}, "metrics"),
        ({}, {"step": 1, "protected": True}, "protected"),
    ],
)
def test_what_could_not_be_loaded_is_not_written(
    run: RunFolder, arrays: dict[str, Array], meta: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        run.save_checkpoint(arrays, meta)
    assert steps(run) == []


def test_a_disk_that_loses_data_shows_at_step_0(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write

    def lie(fd: int, data: bytes) -> int:
        return whole(fd, bytes(len(data)))

    monkeypatch.setattr(os, "write", lie)
    with pytest.raises(StorageError, match="does not read back as it was written") as caught:
        run.save_checkpoint({"theta": theta(0)}, {"step": 0})
    assert caught.value.exit_code == 74


# What stays


def test_the_newest_and_the_protected_stay(run: RunFolder) -> None:
    for step in range(10):
        save(run, step, protect={2: True, 3: "best", 5: "best"}.get(step, False))
        assert {step, max(step - 1, 0)} <= set(steps(run))
    assert steps(run) == [2, 5, 8, 9]


@given(
    protects=st.lists(st.sampled_from([False, True, "best"]), min_size=1, max_size=8),
    keep=st.integers(1, 4),
    again=st.integers(0, 8),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pruning_is_the_same_with_and_without_a_resume(
    tmp_path: Path, protects: list[Any], keep: int, again: int
) -> None:
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    run = create(tmp_path / "runs", "one", "x", {})
    for step, protect in enumerate(protects):
        if step == again:
            run.close()
            run = reopen(tmp_path / "runs", "one")
            assert loaded(run) == (step - 1 if step else None)
        save(run, step, keep=keep, protect=protect)
    run.close()
    best = [step for step, protect in enumerate(protects) if protect == "best"][-1:]
    always = [step for step, protect in enumerate(protects) if protect is True]
    assert steps(run) == sorted({*range(len(protects))[-keep:], *best, *always})


def test_the_end_of_a_run_keeps_what_it_is_told(run: RunFolder) -> None:
    names = [save(run, step, keep=9, protect=step == 1) for step in range(4)]
    (run.path / "checkpoints" / "notes.txt").write_text("mine")
    run.keep_only({names[2], names[3]})
    assert steps(run) == [2, 3]
    assert (run.path / "checkpoints" / "notes.txt").exists()


def test_pruning_on_loading(run: RunFolder) -> None:
    for step in range(5):
        save(run, step, keep=9, protect=step == 0)
    run.load_checkpoint()
    assert steps(run) == [0, 1, 2, 3, 4]
    run.load_checkpoint(keep=2)
    assert steps(run) == [0, 3, 4]
    with pytest.raises(ValueError, match="keep 0"):
        save(run, 5, keep=0)


def test_a_list_for_people(run: RunFolder) -> None:
    assert list_checkpoints(run.path) == []
    one = run.save_checkpoint({}, {"step": 4, "epoch": 1, "batch": 0})
    two = run.save_checkpoint({}, {"step": 6, "epoch": 1, "batch": 2})
    assert list_checkpoints(run.path) == [Kept(4, 1, one), Kept(6, None, two)]
    for name in ("step-00000004", "../run.json", "", one.replace("4", "5", 1)):
        with pytest.raises(InputError, match="has no checkpoint"):
            read_checkpoint(run.path, name)


# What is loaded


def test_no_checkpoint_no_metrics(run: RunFolder) -> None:
    assert run.load_checkpoint() is None and run.notes == []
    run.append_metrics({"epoch": 1})
    with pytest.raises(Damaged, match="its checkpoints are gone"):
        run.load_checkpoint()
    assert len(read_metrics(run.path)) == 1


def test_the_callers_own_look(run: RunFolder) -> None:
    for step in (1, 2):
        save(run, step)
    found = run.load_checkpoint(fault=lambda checkpoint: "of another network" if checkpoint.meta["step"] == 2 else None)
    assert found is not None and found.meta["step"] == 1
    assert "of another network" in run.notes[0]


def test_of_two_at_one_step_the_one_with_more_metrics(run: RunFolder) -> None:
    for _ in range(3):
        run.append_metrics({"epoch": 1})
        run.save_checkpoint({"theta": theta(1)}, {"step": 1}, keep=3)
    length = (run.path / "metrics.jsonl").stat().st_size
    found = run.load_checkpoint()
    assert found is not None and found.meta["metrics"]["bytes"] == length


def test_the_arrays_are_read_only(run: RunFolder) -> None:
    save(run, 1)
    found = run.load_checkpoint()
    assert found is not None
    with pytest.raises(ValueError, match="read-only"):
        found.arrays["theta"][0] = 9


# Damage


@pytest.fixture
def two(run: RunFolder) -> tuple[RunFolder, Path, Path]:
    """A run with the checkpoints of steps 1 and 2."""
    older, newer = (run.path / "checkpoints" / save(run, step) for step in (1, 2))
    return run, older, newer


def damaged(run: RunFolder, name: str) -> None:
    """Step 1 is loaded in place of the damaged step 2, which is named in the notes and in an event."""
    lines = (run.path / "metrics.jsonl").read_bytes()
    run.notes.clear()
    assert loaded(run) == 1
    assert len(run.notes) == 1 and name in run.notes[0] and "\n" not in run.notes[0]
    event = read_events(run.path)[-1]
    assert event["kind"] == "damaged" and event["name"] == name and f"{name}: {event['why']}" == run.notes[0]
    with pytest.raises(Damaged) as caught:
        read_checkpoint(run.path, name)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    run.append_metrics({"epoch": 2})
    assert (run.path / "metrics.jsonl").read_bytes() == lines


def test_one_bit_flipped_anywhere(two: tuple[RunFolder, Path, Path]) -> None:
    run, _, newer = two
    whole = newer.read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        newer.write_bytes(flipped)
        damaged(run, newer.name)
    newer.write_bytes(whole)
    assert loaded(run) == 2


def test_cut_at_any_length(two: tuple[RunFolder, Path, Path]) -> None:
    run, _, newer = two
    whole = newer.read_bytes()
    for data in (*(whole[:length] for length in range(len(whole))), whole + b"\0", whole * 2, bytes(len(whole))):
        newer.write_bytes(data)
        damaged(run, newer.name)


ODD = {
    "folder": lambda path: path.mkdir(),
    "full folder": lambda path: (path.mkdir(), (path / "x").write_text("")),
    "fifo": lambda path: os.mkfifo(path),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "empty": lambda path: path.touch(),
    "sparse": lambda path: (path.touch(), os.truncate(path, 1 << 42)),
}


@pytest.mark.parametrize("kind", [*ODD, "link to a sound one"])
def test_odd_things_in_its_place(two: tuple[RunFolder, Path, Path], kind: str) -> None:
    run, _, newer = two
    if kind == "link to a sound one":
        newer.rename(run.path / "sound")
        newer.symlink_to(run.path / "sound")
    else:
        newer.unlink()
        ODD[kind](newer)
    damaged(run, newer.name)
    run.load_checkpoint()
    assert save(run, 2) == newer.name  # and the run goes on over it
    assert newer.is_file() and not newer.is_symlink() and loaded(run) == 2


def test_contents_swapped(two: tuple[RunFolder, Path, Path]) -> None:
    run, older, newer = two
    first, second = older.read_bytes(), newer.read_bytes()
    older.write_bytes(second), newer.write_bytes(first)
    with pytest.raises(Damaged, match="no checkpoint in .* is sound") as caught:
        run.load_checkpoint()
    assert caught.value.exit_code == 65
    assert older.name in str(caught.value) and newer.name in str(caught.value) and "\n" not in str(caught.value)


def test_a_name_with_another_step(two: tuple[RunFolder, Path, Path]) -> None:
    run, _, newer = two
    other = newer.name.replace("00000002", "00000003")
    newer.rename(newer.with_name(other))
    damaged(run, other)


def test_all_damaged_is_no_silent_start_from_zero(two: tuple[RunFolder, Path, Path]) -> None:
    run, older, newer = two
    for path in (older, newer):
        path.write_bytes(path.read_bytes()[:-1])
    before = (run.path / "metrics.jsonl").read_bytes()
    with pytest.raises(Damaged, match="run id"):
        run.load_checkpoint()
    assert (run.path / "metrics.jsonl").read_bytes() == before and steps(run) == [1, 2]
    assert [event["kind"] for event in read_events(run.path)] == ["damaged", "damaged"]


def test_damaged_ones_never_push_out_sound_ones(run: RunFolder) -> None:
    names = [save(run, step, keep=9, protect=step == 1) for step in range(1, 7)]
    for name in names[3:]:
        (run.path / "checkpoints" / name).write_bytes(b"")
    assert loaded(run) == 3
    again = save(run, 4)
    assert again == names[3] and steps(run) == [1, 3, 4]  # 5 and 6 are gone, 1 is protected
    assert loaded(run) == 4


def test_a_damaged_older_one_is_named_too(run: RunFolder) -> None:
    names = [save(run, step, keep=3) for step in (1, 2, 3)]
    (run.path / "checkpoints" / names[0]).write_bytes(b"x")
    assert loaded(run) == 3
    assert len(run.notes) == 1 and names[0] in run.notes[0]


@pytest.mark.parametrize("bytes_", [b"", b"\xff" * 64, b"\0" * 8, (1 << 40).to_bytes(8, "little"), b"[" * 5000])
def test_bytes_that_are_no_checkpoint_under_their_own_hash(two: tuple[RunFolder, Path, Path], bytes_: bytes) -> None:
    run, _, newer = two
    newer.unlink()
    forge(newer.parent, 2, bytes_)
    assert loaded(run) == 1


def forge(folder: Path, step: int, data: bytes) -> Path:
    path = folder / f"step-{step:08d}-{hashlib.sha256(data).hexdigest()}.safetensors"
    path.write_bytes(data)
    return path


def header(head: Any, data: bytes = b"") -> bytes:
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + data


def description(**meta: Any) -> dict[str, str]:
    return {"dltrain": json.dumps({"format": 1, "meta": meta}, sort_keys=True, separators=(",", ":"))}


A = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
NOTHING = {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}


@pytest.mark.parametrize(
    "data",
    [
        header([]),
        header({}),
        header({"a": A}, bytes(8)),
        header({"__metadata__": {"dltrain": "{}"}, "a": A}, bytes(8)),
        header({"__metadata__": {"dltrain": "[" * 50_000}, "a": A}, bytes(8)),
        header({"__metadata__": {"dltrain": '{"format":1,"meta":{"a":"\\ud800"}}'}, "a": A}, bytes(8)),
        header({"__metadata__": {"dltrain": '{"format":1,"meta":{"a":NaN}}'}, "a": A}, bytes(8)),
        header({"__metadata__": {**description(step=2, metrics=NOTHING), "more": "x"}, "a": A}, bytes(8)),
        header({"__metadata__": {"dltrain": '{"format":1}'}, "a": A}, bytes(8)),
        header({"__metadata__": description(step="2", metrics=NOTHING), "a": A}, bytes(8)),
        header({"__metadata__": description(step=2, metrics=NOTHING), "a": A}, b"\xff" * 8),  # NaN
        header({"__metadata__": description(step=2, metrics=NOTHING), "a": {**A, "dtype": "I32"}}, bytes(8)),
        header({"__metadata__": description(step=2, metrics=NOTHING), "a": {**A, "shape": [3]}}, bytes(8)),
        header({"__metadata__": description(step=2, metrics=NOTHING), "a": {**A, "data_offsets": [0, 9]}}, bytes(9)),
        header({"__metadata__": description(step=2, metrics=NOTHING), "a": {**A, "data_offsets": "x"}}, bytes(8)),
    ],
)
def test_forged_files_under_their_own_hash(two: tuple[RunFolder, Path, Path], data: bytes) -> None:
    run, _, newer = two
    newer.unlink()
    damaged(run, forge(newer.parent, 2, data).name)


@pytest.mark.parametrize(
    "quoted",
    [None, [], {"bytes": -1, "sha256": ""}, {"bytes": 5, "sha256": ""}, {"bytes": 0, "sha256": 3}, {"bytes": "0"}],
)
def test_forged_quotes_of_the_metrics(two: tuple[RunFolder, Path, Path], quoted: Any) -> None:
    run, _, newer = two
    newer.unlink()
    path = forge(newer.parent, 2, header({"__metadata__": description(step=2, metrics=quoted), "a": A}, bytes(8)))
    assert loaded(run) == 1 and path.name in run.notes[0]
    assert read_checkpoint(run.path, path.name).arrays["a"].tolist() == [0, 0]  # as parameters it is sound


def test_a_newer_format_is_not_damage(two: tuple[RunFolder, Path, Path]) -> None:
    """A newer dltrain's checkpoint is neither skipped nor removed."""
    run, _, newer = two
    text = json.dumps({"data": {}, "format": 2}, separators=(",", ":"))
    path = forge(newer.parent, 3, header({"__metadata__": {"dltrain": text}, "a": A}, bytes(8)))
    for use in (run.load_checkpoint, lambda: read_checkpoint(run.path, path.name)):
        with pytest.raises(InputError, match="format 2, this dltrain reads 1") as caught:
            use()
        assert caught.value.exit_code == 2


@FEW
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12), cut=st.integers(0, 600))
def test_any_changes_never_load_silently(tmp_path: Path, changes: list[tuple[int, int]], cut: int) -> None:
    if not (tmp_path / "one").exists():
        with create(tmp_path, "one", "x", {}) as run:
            for step in (1, 2):
                save(run, step)
    with reopen(tmp_path, "one") as run:
        newer = run.path / "checkpoints" / list_checkpoints(run.path)[-1].name
        whole = newer.read_bytes()
        changed = bytearray(whole[: len(whole) - cut if cut < 200 else None])
        for position, value in changes:
            changed[position % len(changed)] = value
        newer.write_bytes(changed)
        assert loaded(run) == (2 if changed == whole else 1)
        run.append_metrics({"epoch": 2})
        newer.write_bytes(whole)
        assert loaded(run) == 2


# Metrics


def test_metrics_cut_anywhere(run: RunFolder, tmp_path: Path) -> None:
    """The right result, or Damaged; never a line lost, doubled or half-written."""
    for step in (1, 2, 3):
        save(run, step, keep=3)
    run.append_metrics({"epoch": 9})
    whole = (run.path / "metrics.jsonl").read_bytes()
    run.close()
    ends = [k + 1 for k, byte in enumerate(whole) if byte == ord("\n")]
    seen = set()
    for length in range(len(whole) + 1):
        (run.path / "metrics.jsonl").write_bytes(whole[:length])
        with reopen(tmp_path, "one") as again:
            expected = sum(end <= length for end in ends[:3])
            if expected == 0:
                with pytest.raises(Damaged, match="bytes of metrics.jsonl, which has 0 in whole lines"):
                    again.load_checkpoint()
            else:
                assert loaded(again) == expected
                for step in range(expected + 1, 4):
                    save(again, step, keep=3)
                assert (run.path / "metrics.jsonl").read_bytes() == whole[: ends[2]]
                assert steps(again) == [1, 2, 3]
            seen.add(expected)
    assert seen == {0, 1, 2, 3}


def test_metrics_changed_anywhere(run: RunFolder) -> None:
    for step in (1, 2):
        save(run, step)
    whole = (run.path / "metrics.jsonl").read_bytes()
    first = whole.index(b"\n") + 1
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        (run.path / "metrics.jsonl").write_bytes(changed)
        if position < first:
            with pytest.raises(Damaged, match="does not begin with the lines that it quotes"):
                run.load_checkpoint()
        else:
            assert loaded(run) == 1
            run.append_metrics({"epoch": 2})  # the length that the open file knows
    (run.path / "metrics.jsonl").write_bytes(whole)
    assert loaded(run) == 2
