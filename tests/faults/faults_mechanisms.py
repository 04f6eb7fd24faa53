"""Each mechanism is taken out in turn: the sweeps must notice, or they prove nothing."""

from __future__ import annotations

from collections.abc import Callable

from faults_p02_power import each_sync
from faults_p04_damage import checkpoints, flipped, interrupted, restore
from faults_p05_signals import LONG
from faults_result import Result
from faults_world import World, expected, operations, table, world

from dltrain import runs
from dltrain.errors import InputError


def sweep(full: bool) -> Result:
    result = Result("mechanisms taken out are noticed")
    result.add(each_sync(full))
    with interrupted() as kept, world() as fresh:
        for name, case in CASES.items():
            found = []
            for take in (None, name):
                restore(kept, fresh)
                (fresh.folder / "data.csv").write_text(table())
                found.append(case(fresh, take))
            result.check(not found[0], f"{name}, in place: {found[0]}")
            result.check(bool(found[1]), f"{name}, taken out, goes unnoticed")
    return result


def checkpoint_hash(fresh: World, take: str | None) -> str:
    newest = checkpoints(fresh)[-1]
    data = newest.read_bytes()
    newest.write_bytes(flipped(data, len(data) - 3))
    return fresh.goes_on(expected(), take=take)


def metrics_hash(fresh: World, take: str | None) -> str:
    """A changed digit: exit 65, since every checkpoint quotes it."""
    file = fresh.run / "metrics.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"cost": 0.', b'"cost": 1.', 1))
    ended = fresh.call(take=take)
    return "" if ended.code == 65 else f"exit {ended.code}"


def belonging(fresh: World, take: str | None) -> str:
    """A checkpoint of another run, sound in itself."""
    fresh.clear()
    with world() as other:
        kill = next(k for k, done in enumerate(operations()[1], start=1) if "step-00000005" in done.target) + 2
        other.call(other.train("seed=4"), plan={"kill": kill})
        fresh.call(plan={"kill": kill})
        ours, foreign = checkpoints(fresh)[-1], checkpoints(other)[-1]
        ours.unlink()
        ours.with_name(foreign.name).write_bytes(foreign.read_bytes())
        return fresh.goes_on(expected(), take=take)


def read_back(fresh: World, take: str | None) -> str:
    """A disk that loses what it is given shows in the first second."""
    fresh.clear()
    ended = fresh.call(plan={"lossy": True}, take=take)
    return "" if ended.code == 74 else f"exit {ended.code}"


def data_hash(fresh: World, take: str | None) -> str:
    (fresh.folder / "data.csv").write_text(table().replace("yes", "ja"))
    ended = fresh.call(take=take)
    return "" if ended.code == 73 else f"exit {ended.code}"


def truncation(fresh: World, take: str | None) -> str:
    with open(fresh.run / "metrics.jsonl", "ab") as file:
        file.write(b'{"epoch": 99}\n')
    return fresh.goes_on(expected(), take=take)


def torn_line(fresh: World, take: str | None) -> str:
    with open(fresh.run / "events.jsonl", "ab") as file:
        file.write(b'{"time": "20')
    fresh.call(fresh.train("--max-time", "0s"), take=take)  # which adds a line
    wrong = fresh.goes_on(expected(), take=take)
    try:
        runs.read_events(fresh.run)
    except InputError as error:
        return str(error)
    return wrong


def lock(fresh: World, take: str | None) -> str:
    """Three processes go on with one run: one does, the others say that it is held."""
    with world(LONG) as long:
        long.call(long.train("--max-time", "0s"))
        jobs = [long.job(long.train("--max-time", "2s"), tag=str(k), take=take) for k in range(3)]
        codes = sorted(one.code for one in long.call_all(jobs))
    return "" if codes == [69, 69, 75] else f"exits {codes}"


def rename(fresh: World, take: str | None) -> str:
    """Half of run.json is written."""
    fresh.clear()
    writes = [done for done in operations()[1] if done.kind == "write"]
    k = max(number for number, done in enumerate(writes, start=1) if "run.json" in done.path)
    fresh.call(plan={"torn": k}, take=take)
    return fresh.goes_on(expected(), take=take)


CASES: dict[str, Callable[[World, str | None], str]] = {
    "the hash of a checkpoint": checkpoint_hash,
    "the hash of metrics": metrics_hash,
    "what a checkpoint belongs to": belonging,
    "reading the first checkpoint back": read_back,
    "the hash of the data": data_hash,
    "the truncation of metrics": truncation,
    "the cut of a torn line": torn_line,
    "the lock": lock,
    "the rename": rename,
}
