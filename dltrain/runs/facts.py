"""What a run ran on: recorded in run.json, since equal bytes are promised for equal of these."""

from __future__ import annotations

import os
import platform
from functools import cache
from typing import Any

_NUMPYS_OWN = ("numpy.libs", os.path.join("numpy", ".dylibs"))


@cache
def machine_facts() -> dict[str, Any]:
    """{versions, blas, cpu} of this process. Loads NumPy."""
    return {"versions": _versions(), "blas": _blas(), "cpu": _cpu()}


def _versions() -> dict[str, str]:
    import numpy

    from dltrain import __version__

    return {"dltrain": __version__, "python": platform.python_version(), "numpy": numpy.__version__}


def _blas() -> list[dict[str, Any]]:
    import numpy  # noqa: F401  the library must be loaded to be found
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped, unused-ignore]

    keys = ("internal_api", "version", "architecture", "threading_layer")
    pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    # a wheel of NumPy brings its own; another package's, loaded beside it, computes nothing here
    own = [pool for pool in pools if os.path.dirname(str(pool.get("filepath"))).endswith(_NUMPYS_OWN)]
    return [{key: pool.get(key) for key in keys} for pool in own or pools]


def _cpu() -> dict[str, Any]:
    import numpy

    shown: Any = numpy.show_config(mode="dicts")  # type: ignore[no-untyped-call, unused-ignore]
    features = shown.get("SIMD Extensions", {}) if isinstance(shown, dict) else {}
    return {
        "model": _cpu_model(),
        "machine": platform.machine(),
        "cores": usable_cores(),
        "features": [*features.get("baseline", []), *features.get("found", [])],
        "system": platform.system(),
    }


def usable_cores() -> int:
    """The cores that this process may use; a batch system may give fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
