"""`--executor` and `--scheduler`: where the trials of a study are run."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from dltrain.cli.streams import tell
from dltrain.errors import InputError

if TYPE_CHECKING:
    from dltrain.studies.executor_dask import DaskWorkers
    from dltrain.studies.executor_local import LocalProcesses
    from dltrain.studies.folder import StudyFolder

    Opening: TypeAlias = Callable[[StudyFolder], LocalProcesses | DaskWorkers]
    """From a study's held folder to what runs its trials."""


class Kind(StrEnum):
    """Where trials are run."""

    local = "local"
    dask = "dask"


Executor = Annotated[
    Kind, typer.Option("--executor", help="Where a study's trials run: processes of this machine, or a Dask cluster.")
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS|FILE", help="Of --executor dask: tcp://HOST:8786, or its file."),
]


def opening(kind: str, scheduler: str | None, workers: int | None, allow_drift: bool) -> Opening:
    """What opens the executor, once there is a folder. A scheduler is connected to at once, before anything is
    written. Raises InputError for options that do not go together, and as `executor_dask.connect`."""
    if kind == Kind.local:
        if scheduler is not None:
            raise InputError("--scheduler goes with --executor dask; add it")
        from dltrain.studies.executor_local import LocalProcesses, cores

        return lambda folder: LocalProcesses(workers or cores())
    if scheduler is None:
        raise InputError("--executor dask needs --scheduler ADDRESS, like tcp://10.0.0.1:8786, or the scheduler's FILE")
    if workers is not None:
        raise InputError("--workers goes with --executor local; a Dask cluster has as many as it has, leave it out")
    from dltrain.studies.executor_dask import DaskWorkers, connect

    client = connect(scheduler)
    return lambda folder: DaskWorkers(client, folder, tell, allow_drift)
