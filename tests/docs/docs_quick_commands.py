"""Runs commands read from stdin, one JSON list of words a line, each in a forked process.

It answers each with a line of JSON, {code, out, err}. Starting Python and importing everything once saves
most of the time of short commands.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile


def warm_up() -> None:
    """What nearly every command imports; no threads are started."""
    import numpy  # noqa: F401

    import dltrain.cli.app
    import dltrain.experiment
    import dltrain.report.gather
    import dltrain.report.progress
    import dltrain.report.tables
    import dltrain.report.verdicts
    import dltrain.trained  # noqa: F401
    from dltrain.config import explain

    explain("seed")  # builds the config's validator


def run_forked(words: list[str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            from dltrain.cli import main

            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["dltrain", *words]
            code = 70
            try:
                main()
            except SystemExit as left:
                code = int(left.code or 0)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return {"code": code, "out": texts[0], "err": texts[1]}


if __name__ == "__main__":
    warm_up()
    for line in sys.stdin:
        print(json.dumps(run_forked(json.loads(line))), flush=True)
