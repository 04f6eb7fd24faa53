"""P3: a full disk, a quota or an I/O error is one line and exit 74; then the same command gives the same bytes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults_p01_kills import strace_calls
from faults_result import Result, every
from faults_world import Ended, World, expected, operations, world

ERRORS = {"ENOSPC": errno.ENOSPC, "EDQUOT": errno.EDQUOT, "EIO": errno.EIO}
HARMLESS = ("unlink", "remove folder")
"""What is not removed costs room and nothing else."""


def sweep(full: bool) -> Result:
    result = Result("P3 disk full, quota, I/O error")
    for part in (by_hook, half_written, by_strace, small_disks):
        result.add(part(full))
    return result


def judge(fresh: World, ended: Ended, what: str, result: Result, harmless: bool = False) -> None:
    """Exit 74 and one line, or, where nothing was lost by it, a whole run; then the same command ends it."""
    wrong = ""
    if ended.code == 0 and harmless:
        pass
    elif ended.code != 74 or len(ended.errors) != 1 or "Traceback" in ended.err:
        wrong = f"exit {ended.code}: {ended.err.strip()[-300:]}"
    result.check(not (wrong := wrong or fresh.goes_on(expected())), f"{what}: {wrong}")


def by_hook(full: bool) -> Result:
    """At each operation: from there on (a disk that stays full), or once (a fault that passes)."""
    result = Result("at each operation")
    folder, log = operations()
    with world() as fresh:
        for name, number in ERRORS.items():
            for k in every(range(1, len(log) + 1, 4 if name == "EDQUOT" else 1), full, 3 if name == "ENOSPC" else 1):
                fresh.clear()
                once = name == "EIO" or k % 2 == 0
                plan: dict[str, Any] = {"errno": number, "from": k, "once": once, "like_a_disk": number != errno.EIO}
                ended = fresh.call(plan=plan)
                judge(fresh, ended, f"{name} at {k} ({log[k - 1].kind})", result, log[k - 1].kind in HARMLESS)
    return result


def half_written(full: bool) -> Result:
    """A write that takes half of the bytes, and then fails."""
    result = Result("half of a write")
    writes = Counter(operation.kind for operation in operations()[1])["write"]
    with world() as fresh:
        for k in every(range(1, writes + 1), full, 2):
            fresh.clear()
            ended = fresh.call(plan={"torn": k, "errno": errno.ENOSPC})
            judge(fresh, ended, f"half of write {k}", result)
    return result


def by_strace(full: bool) -> Result:
    """At each system call, the kernel giving the error."""
    result = Result("at each system call (strace)")
    if shutil.which("strace") is None:
        result.skipped = "no strace here"
        return result
    with world() as fresh:
        for call in ("fsync", "rename", "ftruncate", "mkdir") if full else ("fsync",):
            for k in every(range(1, strace_calls(fresh, call) + 1), full, 1):
                for name in ERRORS if full else ("EIO",):
                    fresh.clear()
                    options = ["-e", f"trace={call}", "-e", f"inject={call}:error={name}:when={k}", "-o", os.devnull]
                    judge(fresh, fresh.call(plan={"strace": options}), f"{name} at {call} {k}", result)
    return result


def small_disks(full: bool) -> Result:
    """Real file systems of several sizes, from one that takes nothing to one that lacks a page."""
    result = Result("real small disks (tmpfs)")
    with world() as fresh:
        need = disk_use(fresh)
        sizes = [4096 * pages for pages in every(range(1, need // 4096), False, 20 if full else 2)]
        for size in sizes:
            with small_disk(size) as place:
                if place is None:
                    result.skipped = "no file system can be mounted here"
                    return result
                judge_small(fresh, place, size, result)
    return result


def disk_use(fresh: World) -> int:
    fresh.clear()
    fresh.call()
    pages = [-(-path.stat().st_size // 4096) for path in fresh.run.rglob("*") if path.is_file()]
    return 4096 * (sum(pages) + 2)


def judge_small(fresh: World, place: Path, size: int, result: Result) -> None:
    fresh.runs, before = place / "runs", fresh.runs
    fresh.run = fresh.runs / "one"
    try:
        ended = fresh.call()
        enough = ended.code == 0
        wrong = (
            "" if enough or (ended.code == 74 and len(ended.errors) == 1) else f"exit {ended.code}: {ended.err[-300:]}"
        )
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True, capture_output=True)
        result.check(not (wrong := wrong or fresh.goes_on(expected())), f"a disk of {size} bytes: {wrong}")
    finally:
        fresh.runs, fresh.run = before, before / "one"


@contextmanager
def small_disk(size: int) -> Iterator[Path | None]:
    """A tmpfs of so many bytes; None where this process may not mount one."""
    with tempfile.TemporaryDirectory(prefix="dltrain-disk-") as folder:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            yield None
            return
        options = ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=1000", "tmpfs", folder]
        if subprocess.run(options, capture_output=True).returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True, capture_output=True)
