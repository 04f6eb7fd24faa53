"""P2: a power loss costs at most the work since the last checkpoint, never the run.

The operations of a whole `train` are recorded; after each of them every state that a disk may be left in is built
(tests/storage/power_loss.py has the rules) and gone on with. Each fsync is taken out in turn: it must show.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from faults_result import Result, every
from faults_world import ID, SAME, expected, operations, world

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
from power_loss import Disk, File  # noqa: E402

from dltrain import runs  # noqa: E402
from dltrain.errors import InputError  # noqa: E402

_STEP = re.compile(r"checkpoints/step-(\d+)-")
Key = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Found:
    """What a crash left of the run: nothing, a state to go on from (its step), all of it, or damage."""

    kind: str
    step: int = -1


class Recorded:
    """The operations of a run, and what must be there after each of them."""

    def __init__(self, final: dict[str, bytes], folder: Path, log: Sequence[Any]) -> None:
        self.final, self.root, self.log = final, str(folder), list(log)
        self.claimed = self.finished = len(self.log) + 1
        self.durable: list[tuple[int, int]] = []
        self.records: list[bytes] = []
        self.stated: list[tuple[int, int]] = []
        self._promises()
        self._states()
        self.judged: dict[Key, Found] = {}
        self.number = itertools.count()

    def _promises(self) -> None:
        waiting: dict[str, Any] = {}
        for done, operation in enumerate(self.log, start=1):
            target = os.path.relpath(operation.target, self.root) if operation.target else ""
            if operation.kind == "rename":
                waiting[os.path.dirname(operation.target)] = target
            elif operation.kind == "sync folder" and (name := waiting.pop(operation.path, None)):
                if name == f"runs/{ID}":
                    self.claimed = done
                elif match := _STEP.search(name):
                    self.durable.append((done, int(match[1])))
                elif name.endswith("run.json"):
                    self.finished = done

    def _states(self) -> None:
        """Every run.json that was written, and from when on it may not be an older one."""
        written: dict[str, bytes] = {}
        for done, operation in enumerate(self.log, start=1):
            if operation.kind == "write" and "run.json" in operation.path:
                written[operation.path] = written.get(operation.path, b"") + operation.data
                whole = written[operation.path]
            elif operation.kind == "rename" and os.path.basename(operation.target) in ("run.json", ID):
                self.records.append(whole)
                folder = os.path.dirname(operation.target)
                later = enumerate(self.log[done:], start=done + 1)
                self.stated.append(
                    next(
                        (at, len(self.records) - 1)
                        for at, next_ in later
                        if (next_.kind, next_.path) == ("sync folder", folder)
                    )
                )

    def sound(self, left: dict[str, bytes | None], done: int, scratch: Path) -> str:
        """Empty if what a crash after so many operations left is what was promised."""
        found = self.found(left, scratch)
        least = max((step for at, step in self.durable if at <= done), default=-1)
        if found.kind == "damaged":
            return "damaged"
        if done == len(self.log) and left.get(f"runs/{ID}/report.html") != self.final["report.html"]:
            return "the page is lost"
        if found.kind == "none":
            return "the run is gone" if done >= self.claimed else ""
        record = left[f"runs/{ID}/run.json"]
        state = self.records.index(record) if record in self.records else -1
        if state < max((number for at, number in self.stated if at <= done), default=-1):
            return "run.json is an older one"
        if found.kind == "begun":
            if done >= self.finished:
                return "it had finished"
            return "" if found.step >= least else f"step {found.step}, {least} was durable"
        return ""

    def found(self, left: dict[str, bytes | None], scratch: Path) -> Found:
        free = (f"runs/{ID}/report.html", f"runs/{ID}/.report.html")
        key = tuple(sorted((path, data) for path, data in left.items() if not path.startswith(free)))
        if key not in self.judged:
            place = scratch / str(next(self.number))
            build(place, dict(key))
            self.judged[key] = self._load(place)
            shutil.rmtree(place)
        return self.judged[key]

    def _load(self, place: Path) -> Found:
        try:
            record = runs.peek(place / "runs", ID)
            if record is None:
                return Found("none")
            if record["state"] == "finished":
                return Found("finished") if self._whole(place / "runs" / ID) else Found("damaged")
            with runs.reopen(place / "runs", ID) as run:
                checkpoint = run.load_checkpoint()
                kept = checkpoint is None or not run.notes
                lines = (run.path / "metrics.jsonl").read_bytes()
                names = ("config.yaml", "config.resolved.yaml")
                config = all((run.path / name).read_bytes() == self.final[name] for name in names)
        except InputError:
            return Found("damaged")
        if not (kept and config and self.final["metrics.jsonl"].startswith(lines)):
            return Found("damaged")
        return Found("begun", checkpoint.meta["step"] if checkpoint else -1)

    def _whole(self, run: Path) -> bool:
        events = (run / "events.jsonl").read_bytes() if (run / "events.jsonl").exists() else b""
        names = (*SAME, "preparation.json", "config.yaml", "config.resolved.yaml")
        kept = {f"checkpoints/{path.name}" for path in (run / "checkpoints").glob("*")}
        if kept != {name for name in self.final if name.startswith("checkpoints/")}:
            return False
        return events == self.final["events.jsonl"] and all(
            (run / name).is_file() and (run / name).read_bytes() == self.final[name] for name in names
        )


def build(place: Path, left: dict[str, bytes | None]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for path, data in sorted(left.items()):
        if data is None:
            (place / path).mkdir(parents=True, exist_ok=True)
        else:
            (place / path).write_bytes(data)


@cache
def recorded() -> Recorded:
    folder, log = operations()
    disk = Disk(str(folder), {})
    for operation in log:
        disk.apply(operation)
    final = max(disk.worlds(), key=lambda left: sum(len(data or b"") for data in left.values()))
    prefix = f"runs/{ID}/"
    return Recorded({path.removeprefix(prefix): data for path, data in final.items() if data is not None}, folder, log)


def sweep(full: bool) -> Result:
    result = Result("P2 power loss")
    record = recorded()
    with world() as fresh:
        cases: dict[Found, list[dict[str, bytes | None]]] = {}
        disk, wanted = Disk(record.root, {}), set(every(range(len(record.log) + 1), full, 9))
        for done in range(len(record.log) + 1):
            if done:
                disk.apply(record.log[done - 1])
            for left in disk.worlds() if done in wanted else ():
                wrong = record.sound(left, done, fresh.folder / "scratch")
                result.check(not wrong, f"after operation {done}: {wrong}")
                some = cases.setdefault(record.found(left, fresh.folder / "scratch"), [])
                if len(some) < (8 if full else 1):
                    some.append(left)
        for found, worlds in list(cases.items()) if full else list(cases.items())[::5]:
            for left in worlds:
                fresh.clear()
                build(fresh.folder, left)
                result.check(not (wrong := fresh.goes_on(expected())), f"going on from {found}: {wrong}")
    result.worst = f"{len(record.judged)} distinct worlds"
    return result


# ---- each fsync


def each_sync(full: bool) -> Result:
    """Takes out one fsync at a time: some state after it must break the promise."""
    result = Result("each fsync, taken out, is noticed")
    record = recorded()
    needed = [k for k in range(len(record.log)) if record.log[k].kind.startswith("sync") and not idle(record, k)]
    with world() as fresh:
        for k in every(range(len(needed)), full, 6):
            result.check(
                noticed(record, needed[k], fresh.folder / "scratch"), f"{described(record, needed[k])} is not needed"
            )
    result.worst = f"{len(needed)} in a run"
    return result


def idle(record: Recorded, k: int) -> bool:
    """Whether nothing waits for this sync: it is the safe thing to do where nobody knows that."""
    disk = Disk(record.root, {})
    for operation in record.log[:k]:
        disk.apply(operation)
    node: Any = disk._node(record.log[k].path)
    folder_of_staging = (
        not isinstance(node, File)
        and all("staging" in name for change in node.pending for name in change)
        and len(node.pending) == 1
    )
    return not node.pending or folder_of_staging


def described(record: Recorded, k: int) -> str:
    return f"{record.log[k].kind} of {os.path.relpath(record.log[k].path, record.root)} ({k + 1})"


def noticed(record: Recorded, k: int, scratch: Path) -> bool:
    disk = Disk(record.root, {})
    for done, operation in enumerate(record.log, start=1):
        if done != k + 1:
            disk.apply(operation)
        if done > k and any(record.sound(left, done, scratch) for left in disk.worlds()):
            return True
    return False
