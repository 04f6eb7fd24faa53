"""HTCondor's contract: an evicted job gets kill_sig and starts again; on_exit_remove says whether one that left is
done; at checkpoint_exit_code the named files are kept, and the job starts again with them, on another machine too."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest
from batch_projects import RECIPES, Project, contents, ended, wait_for

AGAIN = 85


def submit(name: str, **macros: str) -> dict[str, str]:
    """The commands of a submit file, macros put in."""
    lines = [line for line in (RECIPES / name).read_text().splitlines() if "=" in line and line[:1] != "#"]
    commands = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return {key: re.sub(r"\$(?:ENV)?\((\w+)\)", lambda m: macros[m[1]], text) for key, text in commands.items()}


def is_removed(job: dict[str, str], code: int) -> bool:
    """Whether a job that was not killed by a signal and left with this code is done."""
    expression = job["on_exit_remove"].replace("&&", "and").replace("=!=", "!=").replace("false", "False")
    return bool(eval(expression, {"ExitBySignal": code < 0, "ExitCode": code}))


@pytest.mark.parametrize("code", [0, 2, 3, 73, 74])
def test_an_end_is_an_end(code: int) -> None:
    assert is_removed(submit("htcondor.sub", PWD="", config="", seed="1"), code)


def test_an_evicted_job_goes_on_where_it_left_off(project: Project) -> None:
    job = submit("htcondor.sub", PWD=str(project.folder), config="mine.yaml", seed="1")
    process = project.start(job["executable"], *job["arguments"].split())
    project.await_epochs("seed-1", 5)
    process.send_signal(signal.Signals[job["kill_sig"]])
    left = ended(process)
    assert left.returncode == AGAIN, left.stderr
    assert not is_removed(job, AGAIN)
    last = project.call(job["executable"], *job["arguments"].split())
    assert last.returncode == 0, last.stderr
    assert contents(project.run_of("seed-1")) == project.uninterrupted("mine.yaml")


def test_a_checkpoint_goes_on_on_another_machine(project: Project, tmp_path: Path) -> None:
    table = "\n".join(f"{n % 7},{n % 11},{'ab'[(n % 7 + n % 11) > 7]}" for n in range(400))
    (project.folder / "mine.csv").write_text(f"x,y,kind\n{table}\n")
    text = (
        (project.folder / "mine.yaml")
        .read_text()
        .replace("source: digits, target: label", "source: mine.csv, target: kind")
    )
    (project.folder / "mine.yaml").write_text(text.replace("epochs: 40", "epochs: 150"))
    job = submit("htcondor_transfer.sub", config="mine.yaml", data="mine.csv", id="mine")
    assert job["checkpoint_exit_code"] == str(AGAIN)
    kept = tmp_path / "spool"
    for machine in ("first", "second"):
        sandbox = tmp_path / machine
        sandbox.mkdir()
        for name in job["transfer_input_files"].split(", "):
            shutil.copy2(project.folder / name, sandbox)
        if kept.exists():
            shutil.copytree(kept, sandbox / job["transfer_checkpoint_files"])
        process = project.start(str(project.program), *job["arguments"].split(), cwd=sandbox)
        if machine == "first":
            await_epochs(sandbox, 20)
            process.send_signal(signal.Signals[job["kill_sig"]])
        left = ended(process)
        assert left.returncode == (AGAIN if machine == "first" else 0), left.stderr
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(sandbox / job["transfer_checkpoint_files"], kept)
        shutil.rmtree(sandbox)
    assert contents(kept / "mine") == project.uninterrupted("mine.yaml")


def await_epochs(sandbox: Path, n: int) -> None:
    lines = sandbox / "runs" / "mine" / "metrics.jsonl"
    wait_for(lambda: lines.exists() and lines.read_bytes().count(b"\n") >= n, f"{n} epochs")
