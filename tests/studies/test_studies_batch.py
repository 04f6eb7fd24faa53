"""Rounds as jobs: which trials a round has, who may hold what, what closing writes, and the script that submits them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies_parts import finish, folder_in

from dltrain.errors import Damaged, InputError, RunHeld
from dltrain.runs.records import read_study
from dltrain.studies.batch import NotYet, close_round, hold_trial, job_of, open_round, sizes_after, standing
from dltrain.studies.search import Search
from dltrain.studies.seeds import Seeds
from dltrain.studies.slurm import LONGEST_ARRAY, Round, ranges, script

SPACE = {"optimizer.learning_rate": {"kind": "log_uniform", "low": 1e-4, "high": 1.0}}


def search(**changes: object) -> Search:
    fields = {"trials": 5, "rounds": 2, "points": 8, "seeds": 1, "seed": 1, "winner_seeds": 2, "space": SPACE}
    return Search(method="coarse_to_fine", **(fields | changes))  # type: ignore[arg-type]


def prepared(tmp_path: Path, study: Search) -> Path:
    with folder_in(tmp_path, study) as folder:
        open_round(folder, study)
        return folder.path


@pytest.mark.parametrize(
    ("study", "sizes"),
    [
        (search(), [3, 2, 2]),
        (search(seeds=2), [6, 4, 2]),
        (search(winner_seeds=0), [3, 2]),
        (search(trials=9, rounds=1, prune={"factor": 3, "min_epochs": 1, "rungs": [1, 3]}), [9, 3, 1, 2]),
        (Seeds(seeds=4, first=1), [4]),
    ],
)
def test_how_many_trials_rounds_will_have(study: Search, sizes: list[int], tmp_path: Path) -> None:
    with folder_in(tmp_path, study) as folder:
        assert sizes_after(study, standing(folder, study)) == sizes


def test_rounds_open_one_after_the_other_and_are_written_down_once(tmp_path: Path) -> None:
    study = search()
    path = prepared(tmp_path, study)
    first = read_study(path)["batch"]
    assert (first["round"], len(first["trials"]), first["sizes"]) == (1, 3, [3, 2, 2])
    before = (path / "study.json").read_bytes()
    finish(path, 0)
    with pytest.raises(NotYet, match=r"round 1 is not over: 1 \(index 1\), 2 \(index 2\) of its 3 trials are missing"):
        close_round(path, 1)
    assert (path / "study.json").read_bytes() == before
    assert (path / "results.csv").read_text().count("\n") == 2
    with pytest.raises(NotYet, match="round 2 is not open yet: round 1 is not closed"):
        close_round(path, 2)
    for trial in (1, 2):
        finish(path, trial)
    close_round(path, None)[0].close()
    second = read_study(path)["batch"]
    assert (second["round"], [one["trial"] for one in second["trials"]]) == (2, [3, 4])
    close_round(path, 1)[0].close()  # once more
    assert read_study(path)["batch"] == second
    for trial in range(3, 7):
        finish(path, trial)
    folder, found = close_round(path, 2)
    with folder:
        assert found.stage is None and len(found.done) == 7
    assert (path / "results.csv").read_text().count("\n") == 6
    assert (path / "winner.csv").read_text().count("\n") == 3


def test_which_trial_a_place_in_a_round_is(tmp_path: Path) -> None:
    path = prepared(tmp_path, search())
    record = read_study(path)
    job = job_of(record, 1, 2)
    assert job is not None and job.trial == 2
    planned = job.stage.trials[2]
    assert planned.overrides == record["batch"]["trials"][2]["overrides"] and planned.until is None
    with pytest.raises(NotYet, match="round 3 is not open yet: round 1 is not closed"):
        job_of(record, 3, 1)
    for round_, index, said in ((1, 3, "has trials 0 to 2"), (3, 2, "has trials 0 to 1"), (4, 0, "has rounds 1 to 3")):
        with pytest.raises(InputError, match=said):
            job_of(record, round_, index)
    record["batch"]["round"] = 2
    record["batch"]["trials"] = record["batch"]["trials"][:1]
    assert job_of(record, 1, 0) is None, "closed"
    assert job_of(record, 2, 1) is None, "it has fewer trials than it might have had"
    for key, wrong in (("trials", [{}]), ("trials", None), ("round", "one"), ("sizes", [0]), ("stage", None)):
        with pytest.raises(Damaged, match="its batch makes no sense"):
            job_of({**record, "batch": {**record["batch"], key: wrong}}, 1, 0)
    del record["batch"]
    with pytest.raises(InputError, match="is not run by jobs"):
        job_of(record, 1, 0)


def test_jobs_keep_out_of_each_others_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltrain.studies.batch.PATIENCE", 0.0)
    path = prepared(tmp_path, search())
    record = read_study(path)
    assert record["state"] == "interrupted"
    before = sorted(path.rglob("*"))
    with hold_trial(path, record, 0) as first, hold_trial(path, record, 1):
        assert read_study(path)["state"] == "running"
        with pytest.raises(RunHeld, match="trial 0 of study one is held"):
            hold_trial(path, record, 0)
        with pytest.raises(NotYet, match="trials of study one are still at work"):
            close_round(path, 1)
        first.state("failed")
        first.event("attempt")
        first.write("results.csv", b"mine")
    assert [file for file in sorted(path.rglob("*")) if file not in before] == [
        path / "attempts",
        path / "attempts" / ".0.lock",
        path / "attempts" / ".1.lock",
    ]
    assert (path / "results.csv").read_bytes() != b"mine" and (path / "events.jsonl").read_bytes() == b""
    with hold_trial(path, record, 0):
        pass
    with folder_of(path), pytest.raises(RunHeld, match="study one is held by another live process"):
        hold_trial(path, record, 0)


def folder_of(path: Path) -> object:
    from dltrain.studies.folder import reopen

    return reopen(path)


@given(st.sets(st.integers(0, 60)))
def test_ranges_are_those_numbers(numbers: set[int]) -> None:
    text = ranges(sorted(numbers))
    pairs = [part.partition("-") for part in text.split(",") if part]
    assert [n for first, _, last in pairs for n in range(int(first), int(last or first) + 1)] == sorted(numbers)


@pytest.mark.skipif(not os.path.exists("/bin/bash"), reason="no Bash")
def test_the_script_is_bash_whatever_the_folder_is_called(tmp_path: Path) -> None:
    runs = tmp_path / "a 'b' $HOME `c` \\d"
    runs.mkdir()
    text = script(runs / "one", "A study", [Round(1, range(LONGEST_ARRAY + 2)), Round(2, [0, 3])])
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sbatch").write_text('#!/bin/bash\nprintf "%s\\n" "$@" >> calls; cat >> jobs; echo 7\n')
    (tools / "srun").write_text('#!/bin/bash\nprintf "%s\\n" "$@" > words\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    env = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "5"}
    subprocess.run(["bash"], input=text, text=True, check=True, env=env, cwd=tmp_path)
    calls = (tmp_path / "calls").read_text().splitlines()
    arrays = [word.removeprefix("--array=") for word in calls if word.startswith("--array=")]
    assert arrays == ["0-999%100", "1000-1001%100", "0,3%100"]
    needs = [word.removeprefix("--dependency=") for word in calls if word.startswith("--dependency=")]
    assert needs == ["afterany:7:7", "afterok:7", "afterany:7,afterok:7"]
    job = (tmp_path / "jobs").read_text().split("#!/bin/bash\n")[1]
    subprocess.run(["bash"], input=job, text=True, check=True, env=env, cwd=tmp_path)
    words = (tmp_path / "words").read_text().splitlines()
    expected = ["--run-id", "one", "--runs-dir", str(runs), "--round", "1", "--array-index", "5"]
    assert words == ["dltrain", "search", *expected]
    assert "nothing is left" in script(runs / "one", "A study", [])


def test_study_json_stays_plain_json(tmp_path: Path) -> None:
    path = prepared(tmp_path, search(prune={"factor": 3, "min_epochs": 1, "rungs": [1, 3]}))
    batch = json.loads((path / "study.json").read_text())["batch"]
    assert [one["until"] for one in batch["trials"]] == [1] * 3
