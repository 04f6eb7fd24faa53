"""P16: all this is nearly free. Measured in benchmarks/surviving.py, so in the full form alone."""

from __future__ import annotations

import re
import subprocess
import sys

from faults_result import Result
from faults_world import ROOT, environment


def sweep(full: bool) -> Result:
    result = Result("P16 surviving costs less than 3 %, screening less than 2 %")
    if not full:
        result.skipped = "timed: benchmarks/surviving.py"
        return result
    argv = [sys.executable, str(ROOT / "benchmarks" / "surviving.py")]
    ended = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True)
    for name, limit in (("surviving", 3.0), ("screening", 2.0)):
        found = re.search(rf"{name}: (\S+) %, at most (\S+) %", ended.stdout)
        result.check(bool(found) and float(found[2]) < limit, f"{name}: {found[0] if found else ended.stderr}")  # type: ignore[index]
    result.worst = ", ".join(ended.stdout.splitlines())
    return result
