"""P13: a trial that crashes is one failed trial. The others are as if nothing had happened."""

from __future__ import annotations

from faults_result import Result
from faults_trials import CRASHES, SEEDS, Folder, study, undisturbed
from faults_world import SLOW

CAUSES = {
    "segfault": "SIGSEGV",
    "SIGKILL": "SIGKILL",
    "out of memory": "not enough memory",
    "os._exit": "exit code 7",
    "hang": "no result in the time",
    "bug": "planted",
}
CERTAIN = ("bug",)
"""What would happen again is not tried again."""
ATTEMPTS = 3


def sweep(full: bool) -> Result:
    result = Result("P13 a trial that crashes is one failed trial")
    for crash in CRASHES if full else ("bug",):
        for workers in (1, 2, 4) if full else (2,):
            with study() as fresh:
                one_crashes(fresh, crash, workers, result)
    for crash in [name for name in CRASHES if name not in CERTAIN] if full else ("segfault",):
        with study() as fresh:
            crashes_twice(fresh, crash, result)
    with study() as fresh:
        diverges(fresh, result)
    return result


def timeout(crash: str) -> list[str]:
    return ["--trial-timeout", f"{4 * SLOW if crash != 'hang' else 10}s"]


def one_crashes(fresh: Folder, crash: str, workers: int, result: Result) -> None:
    """Trial 1 crashes each time: exit 5, and all that differs is its own row."""
    fresh.plant(crash)
    ended = fresh.call(workers, *timeout(crash))
    rows, digests = fresh.outcome()
    expected_rows, expected = undisturbed()
    state = "timed_out" if crash == "hang" else "crashed"
    lines = expected_rows.splitlines()
    lines[2] = f"1,1,{state},,,,4"
    attempts = fresh.attempts(1)
    wrong = []
    if ended.code != 5 or "Traceback" in ended.err:
        wrong.append(f"exit {ended.code}: {ended.err.strip()[-300:]}")
    if rows.splitlines() != lines:
        wrong.append(f"results.csv: {rows}")
    if [digests[trial] for trial in range(SEEDS) if trial != 1] != [expected[0], expected[2]]:
        wrong.append("others are not identical")
    if len(attempts) != (1 if crash in CERTAIN else ATTEMPTS):
        wrong.append(f"{len(attempts)} attempts")
    if not all(CAUSES[crash] in str(attempt["cause"]) for attempt in attempts):
        wrong.append(f"causes {attempts}")
    again = fresh.call(workers)
    if again.code != 5 or fresh.results() != rows or len(fresh.attempts(1)) != len(attempts):
        wrong.append(f"again: exit {again.code}, {len(fresh.attempts(1))} attempts")
    result.check(not wrong, f"{crash}, {workers} workers: {'; '.join(wrong)}")


def crashes_twice(fresh: Folder, crash: str, result: Result) -> None:
    """What need not repeat itself is tried again, from the last checkpoint: in the end nothing differs at all."""
    fresh.plant(crash, times=2)
    ended = fresh.call(2, *timeout(crash))
    same = ended.code == 0 and fresh.outcome() == undisturbed() and len(fresh.attempts(1)) == 2
    result.check(same, f"{crash} twice: exit {ended.code}, {len(fresh.attempts(1))} attempts, {ended.err[-200:]}")


def diverges(fresh: Folder, result: Result) -> None:
    """A result, not a failure: infinite, not tried again."""
    huge = "optimizer={kind: gradient_descent, learning_rate: 1e30}"
    ended = fresh.call(2, huge, "architecture.layers.0.batch_norm=false", "architecture.layers.1.batch_norm=false")
    states = [row.split(",")[2:4] for row in fresh.results().splitlines()[1:]]
    held = ended.code == 3 and states == [["diverged", "inf"]] * SEEDS and not fresh.attempts(1)
    result.check(held, f"diverged: exit {ended.code}, {states}")
