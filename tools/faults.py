"""Sweeps every fault that dltrain promises to survive, and prints one table: promise, passed/total, worst.

python tools/faults.py [P ...] [--short]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "faults")]

from faults_promises import PROMISES  # noqa: E402
from faults_world import close_server  # noqa: E402


def main() -> int:
    asked = [argument.removeprefix("P") for argument in sys.argv[1:] if argument != "--short"]
    if unknown := [name for name in asked if name not in PROMISES]:
        print(f"error: no promise {', '.join(unknown)}; there are {', '.join(PROMISES)}", file=sys.stderr)
        return 2
    print(f"{'promise':<58} {'passed/total':>13}   worst", flush=True)
    failed, began = 0, time.monotonic()
    for name in asked or PROMISES:
        result = PROMISES[name]("--short" not in sys.argv)
        print(result.line(), flush=True)
        for note in result.notes:
            print(f"    {note}", file=sys.stderr, flush=True)
        failed += not result.held
    close_server()
    print(f"{(time.monotonic() - began) / 60:.1f} minutes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
