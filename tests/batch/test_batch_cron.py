"""cron's contract: /bin/sh -c LINE, almost no environment, from the home folder; it mails what is printed."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

from batch_projects import Project, contents, ended, signal_run

LINE = '"$HOME/my project/cron.sh" mine.yaml --run-id mine'


def tick(project: Project, line: str = LINE) -> subprocess.Popen[str]:
    home = project.folder.parent
    bare = [f"HOME={home}", "LOGNAME=me", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    options: dict[str, Any] = {"env": {}, "stdin": subprocess.DEVNULL}
    return project.start("/usr/bin/env", "-i", *bare, "/bin/sh", "-c", f"cd; {line}", **options)


def test_each_tick_goes_on_in_silence_until_the_run_is_finished(project: Project) -> None:
    first = tick(project)
    project.await_epochs("mine", 5)
    signal_run(project.run_of("mine"), signal.SIGUSR1)
    assert first.communicate() == ("", "")
    assert first.returncode == 0
    assert 5 <= project.epochs("mine") < 40
    for _ in ("the rest", "nothing"):
        again = tick(project)
        assert again.communicate() == ("", "")
        assert again.returncode == 0
    assert contents(project.run_of("mine")) == project.uninterrupted("mine.yaml")


def test_a_tick_leaves_the_one_before_alone(project: Project) -> None:
    project.write("mine.yaml", 400)
    first = tick(project)
    project.await_epochs("mine", 3)
    second = tick(project)
    assert second.communicate() == ("", "")
    assert second.returncode == 0
    assert first.poll() is None
    assert "run mine in runs is held by another live process" in (project.folder / "cron.log").read_text()
    signal_run(project.run_of("mine"), signal.SIGUSR1)
    assert ended(first).returncode == 0


def test_the_time_is_up_before_the_next_tick(project: Project) -> None:
    done = tick(project, f"{LINE} --max-time 0.1s")
    assert done.communicate() == ("", "")
    assert done.returncode == 0
    assert "--max-time is over" in (project.folder / "cron.log").read_text()


def test_cron_mails_what_went_wrong(project: Project) -> None:
    done = tick(project, f"{LINE} optimizer.learning_rate=fast")
    assert done.communicate() == ("", f"dltrain left with 2: see {project.folder}/cron.log\n")
    assert done.returncode == 2
    assert "optimizer.learning_rate" in (project.folder / "cron.log").read_text()
