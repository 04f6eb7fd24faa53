"""`python -m dltrain` is the `dltrain` command."""

from __future__ import annotations

import sys
from typing import NoReturn

from dltrain.signals import Stopped, current


def main() -> NoReturn:
    """Listens to signals before anything slow is loaded, then runs the command."""
    try:
        current.install()
        from dltrain.cli import main as run

        run()
    except Stopped as stopped:
        sys.exit(stopped.code)


if __name__ == "__main__":
    main()
