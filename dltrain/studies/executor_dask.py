"""Trials on the workers of a Dask cluster, one for each of their threads; workers are taken as they come.

Every attempt is pinned to one worker, so that a worker that dies costs the attempts it had, which the coordinator
counts; Dask by itself would run them again elsewhere and tell nobody. What a trial came to is read from its folder.
"""

from __future__ import annotations

import os
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dltrain import runs
from dltrain.errors import ClusterGone, InputError
from dltrain.runs.records import LOCK, RUN
from dltrain.storage import held, shown
from dltrain.studies import dask_worker
from dltrain.studies.executor import Ended, Task

if TYPE_CHECKING:
    from dltrain.studies.folder import StudyFolder

LOOK_SECONDS = 0.5
"""Between two looks at which workers there are."""
ANSWER_SECONDS = 10.0
"""For the scheduler to answer."""
CONNECT_SECONDS = 15.0
NO_WORKERS = "note: the scheduler has no workers yet; waiting for some"


@dataclass(slots=True, eq=False)
class _Worker:
    address: str
    threads: int
    examined: Any
    """The future of its Fitness."""
    process: str | None = None
    """Which process it is, once it is known to be fit for trials."""
    refused: bool = False
    """Whether it gets no trials, for what was said of it."""
    leaving: bool = False
    """Whether it gave a trial back, since it is about to go."""


@dataclass(slots=True, eq=False)
class _Attempt:
    name: str
    trial: int
    worker: str
    saved: str | None
    """When the trial's run last was saved and left, if it was: before this attempt."""
    future: Any = field(default=None)


class DaskWorkers:
    """An Executor. `tell` says a note about the cluster."""

    def __init__(
        self, client: Any, folder: StudyFolder, tell: Callable[[str], None], allow_drift: bool = False
    ) -> None:
        self._client = client
        self._folder = folder
        self._tell = tell
        self._allow_drift = allow_drift
        self._workers: dict[str, _Worker] = {}
        self._attempts: dict[str, _Attempt] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._next_look = 0.0
        self._told_none = False
        self._await_first()

    def _await_first(self) -> None:
        """Workers that are there now are examined first, so that it is known how many there are."""
        end = time.monotonic() + ANSWER_SECONDS
        self._look()
        while any(not one.examined.done() for one in self._workers.values()) and time.monotonic() < end:
            time.sleep(0.02)
        self._next_look = 0.0
        self._look()

    @property
    def workers(self) -> int:
        """Trials that it can run at once, as of now."""
        return sum(worker.threads for worker in self._fit())

    @property
    def free(self) -> int:
        return sum(max(0, self._free_on(worker)) for worker in self._fit())

    @property
    def running(self) -> int:
        return len(self._attempts)

    def _fit(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.process is not None and not worker.leaving]

    def _free_on(self, worker: _Worker) -> int:
        return worker.threads - sum(one.worker == worker.address for one in self._attempts.values())

    def start(self, task: Task) -> None:
        worker = max(self._fit(), key=self._free_on)
        name = f"{self._folder.id}-trial-{task.trial}-{secrets.token_hex(6)}"
        one = _Attempt(name, task.trial, worker.address, self._saved(task.trial))
        self._attempts[one.name] = one
        arguments = (one.name, worker.process, task.trial, list(task.words), task.timeout)
        one.future = self._submit(dask_worker.attempt, worker.address, one.name, *arguments)
        one.future.add_done_callback(lambda future: self._ended.put(one.name))

    def _submit(self, function: Callable[..., Any], address: str, name: str, *arguments: Any) -> Any:
        pinned = {"workers": [address], "allow_other_workers": False, "retries": 0, "pure": False}
        return self._client.submit(function, *arguments, key=name, **pinned)

    def wait(self, seconds: float) -> list[Ended]:
        end = time.monotonic() + seconds
        while True:
            ended = self._look() + self._heard(end)
            if ended or time.monotonic() >= end:
                return ended

    def _heard(self, end: float) -> list[Ended]:
        """Those whose futures are done, waiting for one for a while."""
        names = []
        with suppress(queue.Empty):
            names.append(self._ended.get(timeout=max(0.0, min(LOOK_SECONDS, end - time.monotonic()))))
            while True:
                names.append(self._ended.get_nowait())
        known = [self._attempts.pop(name) for name in names if name in self._attempts]
        return [self._result(one) for one in known]

    def _result(self, one: _Attempt) -> Ended:
        if one.future.status == "cancelled" or self._client.status != "running":
            self._require_scheduler()
            return self._lost(one)
        try:
            ended: Ended = one.future.result(timeout=ANSWER_SECONDS)
        except dask_worker.OtherProcess:
            return self._lost(one)
        except Exception as error:  # whatever Dask or the worker's Python came upon
            self._require_scheduler()
            return Ended(trial=one.trial, code=1, said=f"error: Dask worker {one.worker}: {_words(error)}\n")
        finally:
            one.future.release()
        if ended.given_back and one.worker in self._workers:
            self._workers[one.worker].leaving = True
        return ended

    def _lost(self, one: _Attempt) -> Ended:
        """A worker whose time is over asks its trials to save, but seldom lives to tell of it."""
        end = time.monotonic() + dask_worker.KILL_SECONDS
        while held(self._folder.trial(one.trial) / LOCK) and time.monotonic() < end:
            time.sleep(0.02)  # it is still saving
        left = self._saved(one.trial) not in (None, one.saved)
        said = f"error: its Dask worker {one.worker} died or was cut off\n"
        return Ended(trial=one.trial, code=1, said=said, given_back=left)

    def _saved(self, trial: int) -> str | None:
        """When the trial was asked to save and leave, and did; None if it was not, or is at work again."""
        with suppress(InputError):
            record = runs.find_record(self._folder.trial(trial), RUN) or {}
            return str(record.get("updated")) if record.get("state") == "interrupted" else None
        return None

    def _require_scheduler(self) -> None:
        """Raises ClusterGone where there is none any more."""
        if self._client.status != "running":
            raise ClusterGone("the connection to the Dask scheduler is lost")

    def _look(self) -> list[Ended]:
        """Takes up new workers, and gives up the attempts of those that are gone."""
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + LOOK_SECONDS
        found = self._threads()
        for address, threads in found.items():
            if address not in self._workers:
                self._workers[address] = _Worker(address, threads, self._examine(address))
        gone = [address for address in self._workers if address not in found]
        lost = [one for one in self._attempts.values() if one.worker in gone]
        for address in gone:
            del self._workers[address]
        for one in lost:
            del self._attempts[one.name]
            one.future.cancel()
        self._admit()
        self._say_what_is_missing()
        return [self._lost(one) for one in lost]

    def _threads(self) -> dict[str, int]:
        """Of each worker, by its address."""
        self._require_scheduler()
        try:
            return dict(self._client.nthreads(callback_timeout=ANSWER_SECONDS))
        except (OSError, TimeoutError) as error:  # Dask's own are kinds of OSError
            raise ClusterGone(f"the Dask scheduler does not answer: {_words(error)}") from error

    def _examine(self, address: str) -> Any:
        record = self._folder.record
        name = f"{self._folder.id}-examine-{secrets.token_hex(6)}"
        study = os.path.abspath(self._folder.path)
        return self._submit(dask_worker.examine, address, name, study, record["id"], record["created"])

    def _admit(self) -> None:
        """Workers that see the study's folder, and compute what this machine would, get trials."""
        for worker in self._workers.values():
            if worker.process is None and not worker.refused and worker.examined.done():
                reason = self._judge(worker)
                if reason is not None:
                    worker.refused = True
                    self._tell(f"note: Dask worker {worker.address} gets no trials: {reason}")

    def _judge(self, worker: _Worker) -> str | None:
        """Why a worker gets no trials, if it does not."""
        try:
            found: dask_worker.Fitness = worker.examined.result(timeout=ANSWER_SECONDS)
        except Exception as error:
            return f"{_words(error)}; it needs this dltrain in its environment"
        if not found.sees:
            place = shown(os.path.abspath(self._folder.path))
            return f"it does not see {place}; the runs folder has to be where every worker sees and may change it"
        if found.drift and not self._allow_drift:
            return f"{'; '.join(found.drift)}: the result would not have the same bits; --allow-drift takes it"
        worker.process = found.process
        return None

    def _say_what_is_missing(self) -> None:
        """Raises InputError where there are workers, but none that could be given trials."""
        if not self._workers and not self._told_none:
            self._told_none = True
            self._tell(NO_WORKERS)
        if self._workers and all(worker.refused for worker in self._workers.values()):
            raise InputError("none of the Dask cluster's workers can be given trials (the notes say why)")

    def ask_to_leave(self) -> None:
        self._ask(signal.SIGTERM)

    def save(self) -> None:
        self._ask(signal.SIGUSR2)

    def _ask(self, number: int) -> None:
        """Each worker by itself, since one that just died answers nobody."""
        for one in self._attempts.values():
            given = {"workers": [one.worker], "on_error": "ignore"}
            ask = threading.Thread(target=self._run, args=(dask_worker.ask, one.name, int(number)), kwargs=given)
            ask.daemon = True
            ask.start()

    def _run(self, *arguments: Any, **given: Any) -> None:
        with suppress(Exception):  # the worker, or the scheduler, is gone
            self._client.run(*arguments, **given)

    def close(self) -> None:
        """The workers ask trials that are left to save, and kill them soon after."""
        with suppress(Exception):
            self._client.cancel([one.future for one in self._attempts.values()], force=True)
        self._attempts.clear()
        with suppress(Exception):
            self._client.close(timeout=ANSWER_SECONDS)


def connect(scheduler: str) -> Any:
    """A client of the scheduler at an address, or of the one that wrote a scheduler file. Raises InputError, also
    where Dask is not installed; ClusterGone (exit 74) where nobody answers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--executor dask needs Dask: pip install 'dltrain[cluster]'") from error
    import logging
    import warnings

    where, open_client = _where(scheduler), cast(Any, Client)  # typed where it is installed, in parts
    for name in [*logging.root.manager.loggerDict]:  # what there is to say is said in one line
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return open_client(**where, timeout=CONNECT_SECONDS, set_as_default=False, name="dltrain")
    except (OSError, TimeoutError) as error:
        raise ClusterGone(f"no Dask scheduler answers at {scheduler}: {_words(error)}") from error
    except ValueError as error:
        raise InputError(f"--scheduler {scheduler}: {_words(error)}") from error


def _where(scheduler: str) -> dict[str, str]:
    if os.path.isfile(scheduler):
        return {"scheduler_file": scheduler}
    host, _, port = scheduler.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(
            f"--scheduler {scheduler}: neither a file that a scheduler wrote nor an address; "
            "expected one like tcp://10.0.0.1:8786"
        )
    return {"address": scheduler}


def _words(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
