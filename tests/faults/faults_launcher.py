"""Runs the command line of dltrain, once or many times, with a fault planted. Started by the tests as a process.

    python faults_launcher.py JOB.json       # one job in this process, from a cold start
    python faults_launcher.py                # jobs from stdin, each in a fork of this warm process

A job: {argv, cwd, env, out, err, plan, take, audit}. The plan stands in front of the operations of
dltrain.storage: {"kill": k}, {"errno": n, "from": k, "once": bool}, {"torn": k, "errno": n or null},
{"log": FILE}, {"lossy": true}, {"strace": [OPTION, ...]}. `take` names a mechanism to take out (see TAKE_OUTS).
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    if len(sys.argv) > 1:
        with open(sys.argv[1]) as file:
            run(json.load(file))
    serve()


# ---- the server


def serve() -> None:
    """Reads lists of jobs, one a line; runs each list at once, and answers with their exit codes and times."""
    warm_up()
    print("ready", flush=True)
    for line in sys.stdin:
        jobs = json.loads(line)
        gate = os.pipe()
        children = {fork(job, gate): number for number, job in enumerate(jobs)}
        os.close(gate[0])
        os.close(gate[1])  # all of them start now
        answers: list[Any] = [None] * len(jobs)
        began = time.monotonic()
        for _ in jobs:
            pid, status, used = os.wait4(-1, 0)
            ended = time.monotonic() - began
            answers[children[pid]] = [os.waitstatus_to_exitcode(status), ended, used.ru_maxrss]
        print(json.dumps(answers), flush=True)


def warm_up() -> None:
    """Loads and builds once what a training needs: so a fork of this process is a new one without the wait."""
    import tempfile

    import dltrain.origin
    import dltrain.resuming
    import dltrain.trained  # noqa: F401
    from dltrain.cli.boundary import run as command

    small = [
        "data={source: digits, target: label, limit: 200}",
        "architecture.layers=[4]",
        "training={epochs: 1, batch_size: 64}",
    ]
    with tempfile.TemporaryDirectory(prefix="dltrain-warm-") as folder, open(os.devnull, "w") as nowhere:
        out, sys.stdout = sys.stdout, nowhere
        assert command(["train", *small, "-q", "--runs-dir", folder]) == 0
        sys.stdout = out
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)


def fork(job: dict[str, Any], gate: tuple[int, int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.close(gate[1])
        os.read(gate[0], 1)
        os.close(gate[0])
        run(job)
    except BaseException as error:
        os.write(2, f"launcher: {error!r}\n".encode())
    finally:
        os._exit(99)


# ---- one job


def run(job: dict[str, Any]) -> None:
    """Becomes the process of the job; does not return."""
    os.chdir(job["cwd"])
    if job.get("env") is not None:
        os.environ.clear()
        os.environ.update(job["env"])
    for number, name in ((1, "out"), (2, "err")):
        fd = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(fd, number)
        os.close(fd)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if job.get("take"):
        TAKE_OUTS[job["take"]]()
    if job.get("audit"):
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        sys.addaudithook(forbid)
    if job.get("facts"):
        pretend(job["facts"])
    plant(job.get("plan") or {})
    sys.argv = ["dltrain", *job["argv"]]
    from dltrain.cli import main as command

    try:
        command()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        sys.stdout.flush()
        finish(code)


def finish(code: int) -> None:
    if LOG:
        with open(LOG[0], "wb") as file:
            pickle.dump(LOG[1], file)
    os._exit(code)


LOG: list[Any] = []
FORBIDDEN = ("exec", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen", "pickle.find_class")


def forbid(event: str, arguments: tuple[Any, ...]) -> None:
    """Ends the process when anything but a module of a package is run, or another process is started."""
    if event not in FORBIDDEN:
        return
    if event == "exec":
        file = getattr(arguments[0], "co_filename", "")
        if file.startswith(sys.prefix) or file.startswith(sys.base_prefix) or "dltrain" in file or file[:1] == "<":
            return
    os.write(2, f"forbidden: {event} {arguments!r}\n".encode())
    os._exit(98)


def plant(plan: dict[str, Any]) -> None:
    from dltrain.storage import operations

    if plan.get("strace"):
        trace(plan["strace"])
    if "log" in plan:
        LOG[:] = [plan["log"], []]
        operations.hook = LOG[1].append
    elif "lossy" in plan:
        operations.hook = lose_bytes
    elif "torn" in plan:
        operations.os = Torn(plan["torn"], plan.get("errno"))  # type: ignore[attr-defined]
    elif plan:
        operations.hook = Counter(plan)


def lose_bytes(operation: Any) -> None:
    """A disk that loses what was written of the first checkpoint."""
    if operation.kind == "rename" and "step-00000000" in operation.target:
        with open(operation.path, "r+b") as file:
            file.seek(-9, os.SEEK_END)
            file.write(b"\x55")


class Counter:
    """Kills the process, or makes operations fail, from the k-th on."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.seen = 0

    def __call__(self, operation: Any) -> None:
        self.seen += 1
        if self.seen == self.plan.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        first = self.plan.get("from")
        if first is None or self.seen < first or (self.plan.get("once") and self.seen > first):
            return
        frees = operation.kind in ("unlink", "remove folder", "truncate", "sync folder", "rename", "open")
        if frees and self.plan.get("like_a_disk") and self.seen > first:
            return  # a full disk takes what needs no room
        raise OSError(self.plan["errno"], os.strerror(self.plan["errno"]))


class Torn:
    """os, whose k-th write takes half of the bytes; then the process dies, or the rest fails."""

    def __init__(self, k: int, errno: int | None) -> None:
        self.left, self.errno = k, errno

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, fd: int, data: Any) -> int:
        self.left -= 1
        if self.left == 0:
            taken = os.write(fd, data[: len(data) // 2])
            if self.errno is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return taken
        if self.left < 0 and self.errno is not None:
            raise OSError(self.errno, os.strerror(self.errno))
        return os.write(fd, data)


def trace(options: list[str]) -> None:
    """strace takes hold of this process; returns when it does."""
    import ctypes

    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(0xFFFFFFFFFFFFFFFF), 0, 0, 0)  # PR_SET_PTRACER: anyone
    subprocess.Popen(["strace", "-qq", "-f", *options, "-p", str(os.getpid())], start_new_session=True)
    while True:
        with open("/proc/self/status") as status:
            if any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status):
                return
        time.sleep(0.002)


def pretend(facts: dict[str, Any]) -> None:
    """Another machine: what `machine_facts` says is changed."""
    import dltrain.runs.facts as room

    real = room.machine_facts()
    changed = {
        key: {**value, **facts[key]} if key in facts and isinstance(value, dict) else facts.get(key, value)
        for key, value in real.items()
    }
    room.machine_facts = lambda: changed  # type: ignore[assignment]


# ---- mechanisms that can be taken out


def _no_hash() -> None:
    import dltrain.runs.checkpoints as room

    room.same_hash = lambda data, expected: True  # type: ignore[assignment]


def _no_metrics_hash() -> None:
    import dltrain.runs.folder as room

    room.metrics_fault = lambda meta, written: None  # type: ignore[assignment]


def _no_belonging() -> None:
    from dltrain.saving import Saver

    Saver._foreign = lambda self, checkpoint: None  # type: ignore[method-assign]


def _no_read_back() -> None:
    from dltrain.runs.shelf import Shelf

    Shelf.read_back = lambda self, name: None  # type: ignore[method-assign]


def _no_data_hash() -> None:
    import dltrain.resuming as room

    real = room.require_same

    def same(record: Any, ready: Any, resolved: bool = False) -> None:
        given = {**record["given"], "data": {**record["given"]["data"], "sha256": ready.data.sha256}}
        real({**record, "given": given}, ready, resolved)

    room.require_same = same  # type: ignore[assignment]
    _no_belonging()


def _no_cut() -> None:
    from dltrain.storage import Lines

    Lines.cut = lambda self, length: None  # type: ignore[method-assign]


def _no_torn_line() -> None:
    from dltrain.storage import Lines

    Lines._cut_torn_line = lambda self: os.fstat(self._fd).st_size  # type: ignore[method-assign]


def _no_lock() -> None:
    import fcntl

    fcntl.flock = lambda fd, kind: None  # type: ignore[assignment]


def _no_rename() -> None:
    """Files are written in their place."""
    import dltrain.storage.durable as room

    def write(path: Any, pieces: Any) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for piece in pieces:
            room.operations.write_all(fd, os.fspath(path), piece)
        os.close(fd)

    room.write_pieces = write  # type: ignore[assignment]
    import dltrain.storage

    dltrain.storage.write_pieces = write  # type: ignore[assignment]


TAKE_OUTS: dict[str, Callable[[], None]] = {
    "the hash of a checkpoint": _no_hash,
    "the hash of metrics": _no_metrics_hash,
    "what a checkpoint belongs to": _no_belonging,
    "reading the first checkpoint back": _no_read_back,
    "the hash of the data": _no_data_hash,
    "the truncation of metrics": _no_cut,
    "the cut of a torn line": _no_torn_line,
    "the lock": _no_lock,
    "the rename": _no_rename,
}


if __name__ == "__main__":
    main()
