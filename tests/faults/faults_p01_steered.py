"""P1 for trainings that change on their way: a plateau, adjustments of the config, and those that a live run is asked."""

from __future__ import annotations

import signal
from pathlib import Path

from faults_result import Result, every
from faults_world import CONFIG, World, digest, world

from dltrain import runs

STEERED = CONFIG.replace(
    "schedule: {kind: exponential, decay: 0.95}",
    "schedule: {kind: plateau, patience: 1, min_delta: 0.02}\n"
    "adjustments:\n"
    "  - {epoch: 4, set: {optimizer.learning_rate: 0.02, regularizer.lambd: 0.3}}\n"
    "  - {epoch: 7, set: {training.batch_size: 24, architecture.layers.0.keep_prob: 0.7, training.epochs: 9}}",
)
ASKED = ({"optimizer.learning_rate": 0.05, "training.batch_size": 32}, {"schedule": {"kind": "cosine", "per": "step"}})
AMID = 70
"""The write at which the first process is killed: in the midst of the training."""


def by_config(full: bool) -> Result:
    """Before each operation on a file; then the same command, or `resume`."""
    result = Result("with a plateau and adjustments")
    with world(STEERED) as fresh:
        log = fresh.folder / "log"
        result.check(fresh.call(plan={"log": str(log)}).code == 0, "undisturbed")
        expected, count = digest(fresh.run), _operations(log)
        for k in every(range(1, count + 1), full, 5):
            fresh.clear()
            _killed(result, fresh, k, expected, fresh.resume() if k % 2 else None)
    return result


def _operations(log: Path) -> int:
    import pickle

    return len(pickle.loads(log.read_bytes()))


def _killed(result: Result, fresh: World, k: int, expected: str, argv: list[str] | None) -> None:
    ended = fresh.call(plan={"kill": k})
    argv = argv if (fresh.run / "run.json").exists() else None
    wrong = "" if ended.code == -signal.SIGKILL else f"exit {ended.code}"
    wrong = wrong or fresh.goes_on(expected, argv)
    result.check(not wrong, f"kill {k}: {wrong}")


def by_request(full: bool) -> Result:
    """A run that was killed, and asked in the meantime, is killed again before each operation of going on: what it was
    asked holds from the same epoch each time, and its replay gives the same bytes."""
    from faults_p01_kills import restore

    result = Result("with requests that it takes up")
    with world() as fresh, world() as kept:
        kept.call(plan={"torn": AMID})
        for changes in ASKED:
            runs.ask(kept.run, changes)
        restore(kept, fresh)
        log = fresh.folder / "log"
        result.check(fresh.call(plan={"log": str(log)}).code == 0, "undisturbed")
        expected, count = digest(fresh.run), _operations(log)
        result.check(_replayed(fresh) == expected, "the replay is another")
        result.check(len(_recorded(fresh)) == len(ASKED), f"recorded {_recorded(fresh)}")
        for k in range(1, count + 1) if full else every(_telling(log, count), False, 8):
            restore(kept, fresh)
            _killed(result, fresh, k, expected, fresh.resume() if k % 2 else None)
            result.check(len(_recorded(fresh)) == len(ASKED), f"kill {k}: recorded {_recorded(fresh)}")
    return result


def _telling(log: Path, count: int) -> list[int]:
    """The operations round those that take up the requests, for a short sweep: all others are kills as any."""
    import pickle

    paths = [f"{operation.path} {operation.target}" for operation in pickle.loads(log.read_bytes())]
    touched = [k for k, path in enumerate(paths, start=1) if "/requests" in path or "replay" in path]
    return list(range(max(1, min(touched) - 2), min(count, max(touched) + 6) + 1))


def _recorded(fresh: World) -> list[int]:
    return [event["epoch"] for event in runs.read_events(fresh.run) if event["kind"] == "adjustment"]


def _replayed(fresh: World) -> str:
    """The digest of a run of config.replay.yaml."""
    words = ["train", str(fresh.run / "config.replay.yaml"), "-q", "--run-id", "replay", "--runs-dir", str(fresh.runs)]
    ended = fresh.call(words)
    return digest(fresh.runs / "replay") if ended.code == 0 else ended.err
