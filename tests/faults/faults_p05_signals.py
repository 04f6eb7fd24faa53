"""P5: a signal at any time: a checkpoint, the documented code, in time; then the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass

import numpy as np
from faults_result import Result
from faults_world import CONFIG, SLOW, World, command, digest, environment, expected, world

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGUSR1: 75}
LIMIT = 2.0


def sweep(full: bool) -> Result:
    result = Result("P5 signals")
    slowest = 0.0
    for kind in CODES:  # what a shell's `&` or nohup ignores, children would ignore too
        if signal.getsignal(kind) is signal.SIG_IGN:
            signal.signal(kind, signal.SIG_DFL)
    with world() as fresh:
        life = measure(fresh)
        draws = np.random.Generator(np.random.Philox(5))
        kinds = list(CODES)
        for number in range(200 if full else 4):
            fresh.clear()
            kind, moment = kinds[number % 4], draws.uniform(0, life)
            sent = send(fresh, kind, moment, again=number % 4 == 2)
            slowest = max(slowest, sent.latency)
            result.check(not (wrong := judge(fresh, sent, kind)), f"{kind.name} at {moment:.2f} s: {wrong}")
        for part in (goes_on_after_usr2, nohup, requeue_code, max_time, closed) if full else (nohup, max_time, closed):
            fresh.clear()
            wrong = part(fresh)
            result.check(not wrong, f"{part.__name__}: {wrong}")
    wrong = second_interrupt(full)
    result.check(not wrong, f"second SIGINT: {wrong}")
    result.worst = f"{slowest:.2f} s from signal to end"
    return result


@dataclass(frozen=True)
class Sent:
    """How a process ended that got a signal; `early`: nothing was left to interrupt."""

    code: int
    err: str
    latency: float
    early: bool


def start(fresh: World, argv: list[str] | None = None, **more: object) -> subprocess.Popen[str]:
    """A real process, from the moment that it takes care of signals."""
    process = subprocess.Popen(
        command(argv or fresh.train()),
        cwd=fresh.folder,
        env=environment(),
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},  # type: ignore[call-overload]
    )
    while process.poll() is None and not catches(process.pid, signal.SIGTERM):
        time.sleep(0.002)
    return process  # type: ignore[no-any-return]


def catches(pid: int, kind: signal.Signals) -> bool:
    """Whether a process has a handler for the signal."""
    try:
        with open(f"/proc/{pid}/status") as status:
            mask = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
    except (OSError, StopIteration):
        return False
    return bool(mask >> (kind - 1) & 1)


def measure(fresh: World) -> float:
    fresh.clear()
    process = start(fresh)
    began = time.monotonic()
    process.communicate()
    return time.monotonic() - began


def send(fresh: World, kind: signal.Signals, moment: float, again: bool) -> Sent:
    process = start(fresh)
    time.sleep(moment)
    early = process.poll() is not None
    sent = time.monotonic()
    if not early:
        process.send_signal(kind)
        if again:
            process.send_signal(kind)
    _, err = process.communicate(timeout=60)
    return Sent(process.returncode, err, time.monotonic() - sent, early)


def judge(fresh: World, sent: Sent, kind: signal.Signals) -> str:
    finished = (fresh.run / "run.json").exists() and fresh.record()["state"] == "finished"
    codes = {0} if sent.early else {CODES[kind], 0} if finished else {CODES[kind]}
    if sent.code not in codes:
        return f"exit {sent.code}: {sent.err[-300:]}"
    if "Traceback" in sent.err or "Exception ignored" in sent.err:
        return f"a traceback: {sent.err[-300:]}"
    if sent.latency > LIMIT * SLOW:
        return f"{sent.latency:.1f} s to leave"
    if (fresh.run / "run.json").exists() and fresh.record()["state"] not in ("created", "interrupted", "finished"):
        return f"state {fresh.record()['state']}"
    return fresh.goes_on(expected())


LONG = (
    CONFIG.replace("epochs: 10", "epochs: 4000")
    .replace("{patience: 6}", "{patience: 5000}")
    .replace("every_steps: 5", "every_steps: 500")
)


def goes_on_after_usr2(fresh: World) -> str:
    """SIGUSR2: a checkpoint, and on it goes."""
    process = start(fresh)
    for _ in range(5):
        time.sleep(0.05)
        if process.poll() is None and catches(process.pid, signal.SIGUSR2):
            process.send_signal(signal.SIGUSR2)
    process.communicate(timeout=60)
    return (
        f"exit {process.returncode}"
        if process.returncode
        else ""
        if digest(fresh.run) == expected()
        else "not identical"
    )


def nohup(fresh: World) -> str:
    """A SIGHUP that the process was started to ignore is no end."""
    process = start(fresh, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    time.sleep(0.1)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    return (
        f"exit {process.returncode}"
        if process.returncode
        else ""
        if digest(fresh.run) == expected()
        else "not identical"
    )


def requeue_code(fresh: World) -> str:
    process = start(fresh, fresh.train("--requeue-code", "99"))
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    return f"exit {process.returncode}" if process.returncode != 99 else fresh.goes_on(expected())


def max_time(fresh: World) -> str:
    """One step a process: forty processes in a row, each told to leave at once."""
    codes = [fresh.call(fresh.train("--max-time", "0s")).code for _ in range(8)]
    if set(codes) != {75}:
        return f"exits {codes}"
    return fresh.goes_on(expected())


def closed(fresh: World) -> str:
    """A closed stdout, a reader that is gone, and closed streams altogether: training goes on to its end."""
    for way in (">&- 2>&- <&-", "2>&1 | true", ">&-", "| true"):
        fresh.clear()
        line = f"{' '.join(command(fresh.train()))} {way}; exit ${{PIPESTATUS[0]}}"
        ended = subprocess.run(
            ["bash", "-c", line], cwd=fresh.folder, env=environment(), capture_output=True, text=True
        )
        if ended.returncode or "Traceback" in ended.stderr:
            return f"{way}: exit {ended.returncode} {ended.stderr[-300:]}"
        if digest(fresh.run) != expected():
            return f"{way}: not identical"
    return ""


def second_interrupt(full: bool) -> str:
    """The second one leaves at once, whatever the first is waiting for; the run goes on all the same."""
    with world(LONG) as fresh:
        for number in range(10 if full else 1):
            fresh.clear()
            process = start(fresh)
            time.sleep(0.5 + 0.05 * number)
            os.kill(process.pid, signal.SIGINT)
            os.kill(process.pid, signal.SIGINT)
            sent = time.monotonic()
            _, err = process.communicate(timeout=60)
            if process.returncode != 130 or time.monotonic() - sent > LIMIT * SLOW or "Traceback" in err:
                return f"exit {process.returncode} {err[-300:]}"
            again = fresh.call(fresh.train("--max-time", "0s"))
            if again.code != 75:
                return f"going on: exit {again.code} {again.err[-300:]}"
    return ""
