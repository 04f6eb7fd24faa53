"""`python -m dltrain` is the `dltrain` command."""

from __future__ import annotations

import sys
from typing import NoReturn

from dltrain.signals import Stopped, current, deafen, hush, requeue_code_of


def main() -> NoReturn:
    """Listens to signals before anything slow is loaded, then runs the command."""
    try:
        hush()
        current.requeue_code = requeue_code_of(sys.argv[1:])
        current.install()
        from dltrain.cli import main as run

        run()
    except Stopped as stopped:
        deafen()
        sys.exit(stopped.code)


if __name__ == "__main__":
    main()
