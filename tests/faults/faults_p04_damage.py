"""P4: a damaged checkpoint is never read; the one before is used. P6: no line of metrics is lost, doubled or torn."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from faults_result import Result, every
from faults_world import World, contents, expected, operations, world

from dltrain import runs
from dltrain.errors import Damaged
from dltrain.runs.checkpoints import names, step_and_hash


@cache
def cut_at() -> int:
    """The number of the operation before which to kill, so that three lines of metrics and two checkpoints are there."""
    renamed = [k for k, operation in enumerate(operations()[1], start=1) if "step-00000025" in operation.target]
    return renamed[0] + 8


@contextmanager
def interrupted() -> Iterator[World]:
    """A run killed in the midst of an epoch."""
    with world() as kept:
        assert kept.call(plan={"kill": cut_at()}).code == -9
        assert len(checkpoints(kept)) >= 2, checkpoints(kept)
        yield kept


def checkpoints(there: World) -> list[Path]:
    folder = there.run / "checkpoints"
    return [folder / name for name in names(folder)]


def restore(kept: World, fresh: World) -> None:
    fresh.clear()
    shutil.copytree(kept.runs, fresh.runs, copy_function=shutil.copy2)


# ---- P4


def sweep(full: bool) -> Result:
    result = Result("P4 damaged checkpoints")
    for part in (bits, lengths, strange, all_damaged):
        result.add(part(full))
    return result


def loaded(fresh: World) -> int:
    """The step that a resume would go on from, or -1 if nothing is sound. In this process: it is quick."""
    with runs.reopen(fresh.runs, "one") as folder:
        try:
            found = folder.load_checkpoint()
        except Damaged:
            return -1
        return found.meta["step"] if found else 0


def damage_each(full: bool, part: str, cases: int, damage: Callable[[bytes, int], bytes], processes: int) -> Result:
    """Damages the newest checkpoint in every way: the one before must be loaded, and the resume be identical."""
    result = Result(part)
    with interrupted() as kept, world() as fresh:
        before, newest = checkpoints(kept)[-2:]
        data, step = newest.read_bytes(), step_and_hash(before.name)
        assert step is not None
        restore(kept, fresh)
        for k in every(range(len(data)), full, cases):
            (fresh.run / "checkpoints" / newest.name).write_bytes(damage(data, k))
            (fresh.run / "metrics.jsonl").write_bytes((kept.run / "metrics.jsonl").read_bytes())
            found = loaded(fresh)
            result.check(found == step[0], f"{part} {k}: step {found} was loaded")
        for k in every(range(len(data)), False, processes):
            restore(kept, fresh)
            (fresh.run / "checkpoints" / newest.name).write_bytes(damage(data, k))
            result.check(not (wrong := fresh.goes_on(expected())), f"{part} {k}: {wrong}")
    return result


def bits(full: bool) -> Result:
    """One bit at every byte."""
    return damage_each(full, "a bit flipped at byte", 150, flipped, 60 if full else 2)


def flipped(data: bytes, k: int) -> bytes:
    return data[:k] + bytes([data[k] ^ (1 << k % 8)]) + data[k + 1 :]


def lengths(full: bool) -> Result:
    return damage_each(full, "cut to length", 100, lambda data, k: data[:k], 40 if full else 1)


def strange(full: bool) -> Result:
    """Something else in its place: the other one's bytes, more bytes, a folder, a FIFO, a link, nothing."""
    result = Result("something else in its place")
    with interrupted() as kept, world() as fresh:
        for name, change in STRANGE.items():
            restore(kept, fresh)
            before, newest = checkpoints(fresh)[-2:]
            change(before, newest)
            result.check(not (wrong := fresh.goes_on(expected())), f"{name}: {wrong}")
    return result


def _swap(before: Path, newest: Path) -> None:
    old, new = before.read_bytes(), newest.read_bytes()
    before.write_bytes(new)
    newest.write_bytes(old)
    # of two swapped ones neither is sound: an older one must be there
    newest.write_bytes(new)
    newest.with_name(newest.name.replace("step-000000", "step-000001")).write_bytes(old)
    before.write_bytes(old)


def _folder(before: Path, newest: Path) -> None:
    newest.unlink()
    newest.mkdir()
    (newest / "x").write_bytes(b"x")


def _fifo(before: Path, newest: Path) -> None:
    newest.unlink()
    os.mkfifo(newest)


def _link(before: Path, newest: Path) -> None:
    newest.unlink()
    newest.symlink_to(before.name)


STRANGE: dict[str, Callable[[Path, Path], object]] = {
    "a later step's name": _swap,
    "the older one's bytes": lambda before, newest: newest.write_bytes(before.read_bytes()),
    "more bytes": lambda before, newest: newest.write_bytes(newest.read_bytes() + b"\0"),
    "empty": lambda before, newest: newest.write_bytes(b""),
    "zeros": lambda before, newest: newest.write_bytes(bytes(newest.stat().st_size)),
    "a folder": _folder,
    "a FIFO": _fifo,
    "a link": _link,
    "a link to nothing": lambda before, newest: (newest.unlink(), newest.symlink_to("nothing")),
    "gone": lambda before, newest: newest.unlink(),
    "the older one damaged": lambda before, newest: before.write_bytes(b"x"),
}


def all_damaged(full: bool) -> Result:
    """Exit 65, one line, and no start from zero: nothing is changed but a note in events.jsonl."""
    result = Result("all damaged")
    ways: dict[str, Callable[[bytes], bytes]] = {
        "flipped": lambda data: flipped(data, 700),
        "empty": lambda data: b"",
        "half": lambda data: data[: len(data) // 2],
    }
    with interrupted() as kept, world() as fresh:
        for name, change in ways.items():
            for argv in (fresh.train(), fresh.resume()):
                restore(kept, fresh)
                for path in checkpoints(fresh):
                    path.write_bytes(change(path.read_bytes()))
                before = settled(fresh)
                ended = fresh.call(argv)
                same = settled(fresh) == before
                whole = ended.code == 65 and len(ended.errors) == 1 and same
                result.check(whole, f"{name}, {argv[0]}: exit {ended.code}, {'changed' if not same else ended.err}")
    return result


def settled(fresh: World) -> dict[str, bytes | None]:
    """The run's files, without what tells of the attempt and what a killed process left half written."""
    free = ("events.jsonl", "run.json")
    return {name: data for name, data in contents(fresh.run).items() if name not in free and not name.endswith(".tmp")}


# ---- P6


def sweep_metrics(full: bool) -> Result:
    """metrics.jsonl cut at each byte: a checkpoint that quotes no more than is there goes on; else exit 65."""
    result = Result("P6 metrics cut at each byte")
    with interrupted() as kept, world() as fresh:
        data = (kept.run / "metrics.jsonl").read_bytes()
        quoted = {}
        for path in checkpoints(kept):
            found = runs.read_checkpoint(kept.run, path.name)
            quoted[found.meta["metrics"]["bytes"]] = found.meta["step"]
        cuts = range(len(data) + 1)
        restore(kept, fresh)
        for k in every(cuts, full, 200):
            whole = data.rfind(b"\n", 0, k) + 1
            (fresh.run / "metrics.jsonl").write_bytes(data[:k])
            right = max((step for length, step in quoted.items() if length <= whole), default=-1)
            found_step = loaded(fresh)
            left = (fresh.run / "metrics.jsonl").read_bytes()
            length = {step: length for length, step in quoted.items()}.get(right, whole)
            result.check(
                found_step == right and left == data[:length], f"cut at {k}: step {found_step}, {len(left)} bytes"
            )
        for k in every(range(min(quoted), len(data) + 1), False, 60 if full else 4):
            restore(kept, fresh)
            (fresh.run / "metrics.jsonl").write_bytes(data[:k])
            result.check(not (wrong := fresh.goes_on(expected())), f"cut at {k}: {wrong}")
        for tail in (b'{"epoch": 99', b'{"epoch": 99}\n', b"\0" * 100, b"\n\n"):
            restore(kept, fresh)
            (fresh.run / "metrics.jsonl").write_bytes(data + tail)
            result.check(not (wrong := fresh.goes_on(expected())), f"{tail!r} at the end: {wrong}")
    return result
