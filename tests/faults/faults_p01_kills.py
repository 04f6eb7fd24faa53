"""P1: kill -9 at any moment, then the same command again, is as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter

import numpy as np
from faults_p01_augmented import augmented
from faults_p01_steered import by_config, by_request
from faults_result import Result, every
from faults_world import World, command, environment, expected, operations, world

CALLS = {
    "write": "write",
    "fsync": "sync",
    "rename": "rename",
    "unlink": "unlink",
    "ftruncate": "truncate",
    "mkdir": "make folder",
}


def sweep(full: bool) -> Result:
    result = Result("P1 kill -9 at any moment")
    for part in (by_hook, torn, in_resume, augmented, by_config, by_request, by_strace, whole_life, chains):
        result.add(part(full))
    return result


def by_hook(full: bool) -> Result:
    """Before each operation on a file; then the same command, or `resume`."""
    result = Result("before each operation")
    _, log = operations()
    with world() as fresh:
        for k in every(range(1, len(log) + 1), full, 8):
            fresh.clear()
            ended = fresh.call(plan={"kill": k})
            result.check(
                ended.code == -signal.SIGKILL and not (wrong := again(fresh, k)), f"kill {k}: {ended.code} {wrong}"
            )
    return result


def again(fresh: World, k: int) -> str:
    resumes = k % 2 and (fresh.run / "run.json").exists()
    return fresh.goes_on(expected(), fresh.resume() if resumes else None)


def torn(full: bool) -> Result:
    """In the midst of each write, half of it done."""
    result = Result("in the midst of each write")
    writes = Counter(operation.kind for operation in operations()[1])["write"]
    with world() as fresh:
        for k in every(range(1, writes + 1), full, 3):
            fresh.clear()
            ended = fresh.call(plan={"torn": k})
            result.check(
                ended.code == -signal.SIGKILL and not (wrong := again(fresh, k)),
                f"torn write {k}: {ended.code} {wrong}",
            )
    return result


def in_resume(full: bool) -> Result:
    """Before each operation of going on with a run that had been killed in the midst of an epoch."""
    result = Result("before each operation of a resume")
    with world() as fresh, world() as kept:
        kept.call(plan={"torn": 70})
        for k in every(range(1, 200), full, 3):
            restore(kept, fresh)
            ended = fresh.call(plan={"kill": k})
            if ended.code == 0:  # there are no more
                break
            result.check(
                ended.code == -signal.SIGKILL and not (wrong := again(fresh, k)),
                f"kill {k} of resume: {ended.code} {wrong}",
            )
    return result


def restore(kept: World, fresh: World) -> None:
    fresh.clear()
    shutil.copytree(kept.runs, fresh.runs)
    for name in ("config.yaml", "data.csv"):
        shutil.copy2(kept.folder / name, fresh.folder / name)


def by_strace(full: bool) -> Result:
    """At each system call that changes a file, the kernel stopping the process itself."""
    result = Result("at each system call (strace)")
    if shutil.which("strace") is None:
        result.skipped = "no strace here"
        return result
    with world() as fresh:
        probe = fresh.call(
            plan={"strace": ["-e", "trace=fsync", "-e", "inject=fsync:signal=KILL:when=1", "-o", os.devnull]}
        )
        if probe.code != -signal.SIGKILL:
            result.skipped = "strace may not trace here"
            return result
        for name in CALLS:
            swept = strace_calls(fresh, name)
            for k in every(range(1, swept + 1), full, 1):
                fresh.clear()
                ended = fresh.call(
                    plan={
                        "strace": ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={k}", "-o", os.devnull]
                    }
                )
                killed = ended.code == -signal.SIGKILL
                result.check(
                    killed and not (wrong := again(fresh, k)), f"{name} {k}: {ended.code} {wrong if killed else ''}"
                )
    return result


def strace_calls(fresh: World, name: str) -> int:
    """How often an undisturbed run makes the call."""
    fresh.clear()
    log = fresh.folder / "strace"
    fresh.call(plan={"strace": ["-e", f"trace={name}", "-o", str(log)]})
    return sum(f"{name}(" in line for line in log.read_text().splitlines())


def whole_life(full: bool) -> Result:
    """At times drawn evenly over the life of a real process, its start included; then at another one of the resume."""
    result = Result("at random times of the process")
    draws = np.random.Generator(np.random.Philox(11))
    with world() as fresh:
        began = time.monotonic()
        subprocess.run(command(fresh.train()), cwd=fresh.folder, env=environment(), check=True, capture_output=True)
        life = time.monotonic() - began
        for number in range(300 if full else 2):
            fresh.clear()
            for moment in draws.uniform(0, 1.05 * life, size=1 + number % 2):
                kill_at(fresh, moment)
            wrong = fresh.goes_on(expected())
            result.check(not wrong, f"random kill {number}: {wrong}")
    return result


def kill_at(fresh: World, moment: float) -> None:
    process = subprocess.Popen(
        command(fresh.train()),
        cwd=fresh.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(moment)
    process.kill()
    process.wait()


def chains(full: bool) -> Result:
    """Ten kills in a row before the run may end."""
    result = Result("chains of ten")
    draws = np.random.Generator(np.random.Philox(12))
    with world() as fresh:
        for number in range(20 if full else 1):
            fresh.clear()
            codes = [fresh.call(plan={"kill": int(k)}).code for k in draws.integers(1, 60, size=10)]
            wrong = fresh.goes_on(expected())
            result.check(not wrong and set(codes) <= {-9, 0} and codes[0] == -9, f"chain {number}: {wrong} {codes}")
    return result
