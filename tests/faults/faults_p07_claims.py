"""P7: of many processes that want one run id exactly one gets it; the others change no byte."""

from __future__ import annotations

from typing import Any

from faults_result import Result
from faults_world import World, digest, expected, snapshot, world


def sweep(full: bool) -> Result:
    result = Result("P7 one run id, one winner")
    with world() as fresh:
        slowest = 0.0
        for number in range(100 if full else 2):
            fresh.clear()
            slowest = max(slowest, compete(fresh, 50 if full else 16, number, result))
        result.worst = f"{slowest:.1f} s a round"
        losers(fresh, result)
    return result


def compete(fresh: World, processes: int, number: int, result: Result) -> float:
    """All at once, every fifth with another config. One trains; the rest leave with the code that says why."""
    jobs: list[dict[str, Any]] = []
    for k in range(processes):
        other = ["seed=99"] if k % 5 == 4 else []
        jobs.append(fresh.job(fresh.train(*other), tag=str(k)))
    ended = fresh.call_all(jobs)
    events = (fresh.run / "events.jsonl").read_text() if fresh.run.exists() else ""
    seed = fresh.record()["given"]["config"]["seed"]
    wrong = [
        f"{k}: exit {one.code} {one.err.strip()[-200:]}"
        for k, one in enumerate(ended)
        if one.code not in ((0, 69) if (99 if k % 5 == 4 else 3) == seed else (73, 69)) or "Traceback" in one.err
    ]
    if seed == 3 and digest(fresh.run) != expected():
        wrong.append("not identical")
    if fresh.record()["state"] != "finished" or "damaged" in events or '"stopped"' in events:
        wrong.append(f"state {fresh.record()['state']}")
    if left := [path.name for path in fresh.runs.iterdir() if path.name != "one"]:
        wrong.append(f"left over: {left}")
    result.check(not wrong, f"round {number}: {'; '.join(wrong[:3])}")
    return max(one.seconds for one in ended)


def losers(fresh: World, result: Result) -> None:
    """Once it is finished: 0 for the same request, 73 for another, and no byte or time changes."""
    fresh.clear()
    fresh.call()
    before = snapshot(fresh.run)
    for more, code in (((), 0), (("seed=99",), 73), (("name=another",), 0), (("training.checkpoints.keep=3",), 0)):
        ended = fresh.call(fresh.train(*more))
        same = snapshot(fresh.run) == before
        result.check(ended.code == code and same, f"{more}: exit {ended.code}, {'changed' if not same else ended.err}")
    named = fresh.call(fresh.train("seed=99")).err
    result.check("seed: 3 -> 99" in named, f"the differing key is not named: {named}")
