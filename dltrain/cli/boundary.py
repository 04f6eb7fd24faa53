"""The edge of the program: every error leaves here as one line a problem and the documented exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

from dltrain.cli.streams import fill_closed, leave, tell
from dltrain.errors import InputError
from dltrain.signals import Stopped, current, deafen

BUG, IO, INTERRUPTED, USAGE, CLOSED = 70, 74, 130, 2, 1
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def main() -> NoReturn:
    """The `dltrain` command. Never a traceback, unless `--debug` asks for it."""
    fill_closed()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        code = run([argument for argument in arguments if argument != "--debug"], debug)
        deafen()
    except Stopped as stopped:  # between the end of the command and here
        code = stopped.code
        deafen()
    sys.exit(code)


def run(arguments: list[str], debug: bool = False) -> int:
    """Runs one command and returns its exit code."""
    try:
        code = _called(arguments)
        sys.stdout.flush()
        return code
    except InputError as error:
        for problem in error.problems:
            say(problem.line())
        return error.exit_code
    except BrokenPipeError:
        return _unread()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Stopped as stopped:
        current.asked = None  # answered
        return stopped.code
    except MemoryError as error:
        say(
            f"not enough memory ({error}); try a smaller network, batch or data set"
            if str(error)
            else "not enough memory"
        )
        return USAGE
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            return _usage(error)
        if isinstance(error, OSError) and error.errno in _DISK:
            leave(sys.stdout)
            say(f"cannot write: {error.strerror}")
            return IO
        if current.asked is not None:  # what the handler raised became another error in foreign code
            return current.answered()
        return _bug(error, debug)


def _called(arguments: list[str]) -> int:
    from dltrain.cli.app import app

    try:
        returned = app(args=arguments, prog_name="dltrain", standalone_mode=False)
    except SystemExit:  # how typer ends when nobody reads on
        return _unread()
    if returned == INTERRUPTED:
        say("interrupted")
    return returned if isinstance(returned, int) else 0


def say(line: str) -> None:
    """One problem on stderr."""
    tell(f"error: {line}")


def _usage(error: Exception) -> int:
    message = error.format_message().replace("Value error, ", "")  # type: ignore[attr-defined]
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


def _unread() -> int:
    """Nobody reads on: what is still buffered goes nowhere, so that the interpreter's end stays quiet."""
    leave(sys.stdout)
    return CLOSED
