"""How much memory a table may take: of the machine, of the process's control group, of the limits set for it."""

from __future__ import annotations

import ctypes
import os
import re
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dltrain.errors import InputError

OVERRIDE = "DLTRAIN_MEMORY"
"""Bytes to count on, whatever the system says: 500M, 8G or a plain number."""
_READER = 200 * 2**20
"""What reading a table takes beside the table: the library that parses, and its blocks."""
_ADDRESSES = 450 * 2**20
"""The same in addresses, most of which are never used: `ulimit -v` counts them."""
_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def available() -> int:
    """Bytes: the least of what the machine has free and what each limit still leaves, without what reading takes.

    Raises InputError if DLTRAIN_MEMORY is no size.
    """
    if said := os.environ.get(OVERRIDE, "").strip():
        found = re.fullmatch(r"(\d+)([KMGT]?)B?", said.upper())
        if not found:
            raise InputError(f"{OVERRIDE} is {said!r}, expected a size such as 500M or 8G")
        return int(found[1]) * _UNITS[found[2]]
    resident = min([*_machine(), *_groups()], default=2**63) - _READER
    return max(0, min([resident, *_limits()]))


def spare_addresses() -> None:
    """Under `ulimit -v`: one heap for all threads, where glibc would reserve 64 MB of addresses for each. To be
    called before there are threads."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def _lines(path: str) -> dict[str, int]:
    """`name: number kB` lines of a file of /proc, in bytes."""
    with suppress(OSError, ValueError):
        cut = [line.split() for line in Path(path).read_text().splitlines()]
        return {words[0].rstrip(":"): int(words[1]) * 1024 for words in cut if len(words) == 3 and words[2] == "kB"}
    return {}


def _machine() -> Iterator[int]:
    free = _lines("/proc/meminfo").get("MemAvailable")
    if free is not None:
        yield free
    else:
        with suppress(ValueError, OSError):
            yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _groups() -> Iterator[int]:
    """What the control groups of this process leave beside its own memory. What the group has in caches the kernel
    takes back, so only the process's own pages count."""
    own = _lines("/proc/self/status").get("RssAnon", 0)
    for path in _limit_files():
        with suppress(OSError, ValueError):
            yield int(path.read_text()) - own


def _limit_files() -> Iterator[Path]:
    """Limits of the groups that the process is in, and of those above them; `max` where there is none."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, names, group = line.split(":", 2)
            if names == "":
                root, name = Path("/sys/fs/cgroup"), "memory.max"
            elif "memory" in names.split(","):
                root, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
            else:
                continue
            place = Path(group.lstrip("/"))
            yield from (root / above / name for above in (place, *place.parents))


def _limits() -> Iterator[int]:
    """What `ulimit -v` and `ulimit -d` leave."""
    status = _lines("/proc/self/status")
    for limit, used, reader in ((resource.RLIMIT_AS, "VmSize", _ADDRESSES), (resource.RLIMIT_DATA, "VmData", _READER)):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield most - status.get(used, 0) - reader
