"""P14: a reboot in a study loses no trial and counts none twice: the same results.csv after whatever was killed."""

from __future__ import annotations

import os
import signal
import time

from faults_result import Result
from faults_trials import Folder, kill_group, none_left, processes_of, spread, study, undisturbed

WORKERS = (2, 1, 4)


def sweep(full: bool) -> Result:
    result = Result("P14 a reboot in a study loses no trial, counts none twice")
    with study() as fresh:
        began = time.monotonic()
        fresh.call(2)
        whole = time.monotonic() - began
        result.check(fresh.outcome() == undisturbed(), "2 workers differ from 1")
        for number, moment in enumerate(spread(100, whole) if full else (0.4 * whole, 0.7 * whole)):
            fresh.clear()
            reboot(fresh, moment, number, result)
        for number, moment in enumerate(spread(20, whole / 2) if full else ()):
            fresh.clear()
            worker_killed(fresh, 0.5 + moment, number, result)
        for number, name in enumerate(("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP") * (10 if full else 1)):
            if full or number == 0:
                fresh.clear()
                asked_to_leave(fresh, name, whole * (0.3 + 0.02 * number), result)
        result.worst = f"{whole:.1f} s a study"
    searches(full, result)
    return result


def searches(full: bool, result: Result) -> None:
    """The same of a search, whose trials follow from complete rounds, pause, and end early."""
    began = time.monotonic()
    table, _ = undisturbed(True)
    whole = time.monotonic() - began
    states = sorted(line.split(",")[2] for line in table.splitlines() if line[0].isdigit())
    result.check(states == ["finished"] * 3 + ["pruned"] * 2, f"a search: {states}")
    with study(search=True) as fresh:
        for number, moment in enumerate(spread(100, whole) if full else (0.4 * whole,)):
            fresh.clear()
            reboot(fresh, moment, number, result)


def reboot(fresh: Folder, moment: float, number: int, result: Result) -> None:
    """Everything is killed (or, every other time, the coordinator alone, whose trials then end too), and started
    again with another number of workers; every third time it is killed again on the way."""
    for part in (1.0, 0.6) if number % 3 == 2 else (1.0,):
        process = fresh.start(WORKERS[number % 3])
        time.sleep(moment * part)
        if number % 2:
            os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
        else:
            kill_group(process)
        process.communicate()
        result.check(none_left(fresh.folder), f"at {moment:.2f} s: left running: {processes_of(fresh.folder)}")
    goes_on(fresh, f"killed at {moment:.2f} s", number, result)


def goes_on(fresh: Folder, what: str, number: int, result: Result) -> None:
    """The same command, with another number of workers, ends as if nothing had happened."""
    ended = fresh.call(WORKERS[(number + 1) % 3])
    same = ended.code == 0 and fresh.outcome() == undisturbed(fresh.search) and "Traceback" not in ended.err
    result.check(same, f"{what}: exit {ended.code}, {ended.err.strip()[-300:]}")


def worker_killed(fresh: Folder, moment: float, number: int, result: Result) -> None:
    """One trial's process is killed: an attempt of that trial, and no more."""
    process = fresh.start(2)
    end = time.monotonic() + moment
    trials: list[int] = []
    while process.poll() is None and (time.monotonic() < end or not trials):
        trials = [pid for pid in processes_of(fresh.study / "trials") if pid != process.pid]
        time.sleep(0.02)
    for pid in trials[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _, err = process.communicate()
    same = process.returncode == 0 and fresh.outcome() == undisturbed(fresh.search)
    result.check(same, f"a worker killed after {moment:.2f} s: exit {process.returncode}, {err.strip()[-300:]}")


CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGUSR1": 75, "SIGHUP": 129}


def asked_to_leave(fresh: Folder, name: str, moment: float, result: Result) -> None:
    """To all processes of the terminal, or to the coordinator alone: every trial saves, and nothing counts as failed."""
    process = fresh.start(2)
    time.sleep(moment)
    number = getattr(signal, name)
    if process.poll() is None:
        os.killpg(process.pid, number) if name in ("SIGINT", "SIGHUP") else os.kill(process.pid, number)
    _, err = process.communicate()
    left = none_left(fresh.folder)
    counted = [fresh.attempts(trial) for trial in range(3) if fresh.attempts(trial)]
    held = process.returncode in (CODES[name], 0) and left and not counted
    result.check(held, f"{name} at {moment:.2f} s: exit {process.returncode}, left {left}, {counted}, {err[-200:]}")
    goes_on(fresh, f"after {name}", 0, result)
