"""A trial's process: `dltrain train ...` that ends when the process that started it does, however that ends.

    python -c "from dltrain.studies.child import main; main()" PARENT train ...

A coordinator that is killed can stop nobody; without this its trials would go on, and hold their folders.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 0.5


def main() -> None:
    """Becomes `dltrain` with the arguments after the first, which is the number of the process to live with."""
    parent = int(sys.argv[1])
    end_with(parent)
    sys.argv = ["dltrain", *sys.argv[2:]]
    runpy.run_module("dltrain", run_name="__main__", alter_sys=True)


def end_with(parent: int) -> None:
    """From here on this process is killed when its parent ends. What a run has saved is safe from that."""
    if not _ask_kernel():
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def _ask_kernel() -> bool:
    """Linux sends the signal itself, also to a process that hangs."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0)
    except (OSError, AttributeError):
        return False


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
