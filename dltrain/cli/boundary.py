"""The edge of the program: every error leaves here as one line a problem and the documented exit code."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from dltrain.errors import InputError

BUG, INTERRUPTED, USAGE = 70, 130, 2


def main() -> NoReturn:
    """The `dltrain` command. Never a traceback, unless `--debug` asks for it."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    code = run(arguments, debug)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_stdout()
        code = code or 1
    sys.exit(code)


def run(arguments: list[str], debug: bool = False) -> int:
    """Runs one command and returns its exit code."""
    from dltrain.cli.app import app

    try:
        returned = app(args=arguments, prog_name="dltrain", standalone_mode=False)
        return returned if isinstance(returned, int) else 0
    except InputError as error:
        for problem in error.problems:
            say(problem.line())
        return error.exit_code
    except BrokenPipeError:
        _leave_stdout()
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            return _usage(error)
        if type(error).__name__ == "Abort":
            return INTERRUPTED
        return _bug(error, debug)


def say(line: str) -> None:
    """One line on stderr."""
    print(f"error: {line}", file=sys.stderr)


def _usage(error: Exception) -> int:
    message = error.format_message()  # type: ignore[attr-defined]
    command = getattr(getattr(error, "ctx", None), "command_path", "dltrain")
    if message.strip():
        say(f"{message.rstrip('.')} ({command} --help)")
    return USAGE


def _bug(error: Exception, debug: bool) -> int:
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    say(f"a bug in dltrain: {type(error).__name__}: {' '.join(str(error).split())} ({where}); --debug shows more")
    if debug:
        traceback.print_exception(error)
    return BUG


def _leave_stdout() -> None:
    """Nobody reads on: what is still buffered goes nowhere, so that the interpreter's end stays quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
