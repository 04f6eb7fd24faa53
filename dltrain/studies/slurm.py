"""The script that submits a study to Slurm: an array of jobs for each round, and a job that closes it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_ARRAY = 1000
"""Tasks of one array; Slurm's own limit is 1001 unless a site changes it. Longer rounds are several arrays."""


@dataclass(frozen=True, slots=True)
class Round:
    """What is left of a round."""

    number: int
    indices: Sequence[int]


HEAD = """\
#!/bin/bash
# {title}
# Submit it with `bash FILE`, with dltrain's environment active: Slurm carries PATH along.
# Every trial is a task of an array with one core. The job after an array closes its round, and trains what is
# missing of it; only then the next array starts. Its log says what went wrong if the chain stops there.
# Stop it with scancel; write this script again (--emit slurm) to go on with what is left. Each trial is trained once.
set -euo pipefail

# What a trial may use. Change it here, and add what your site asks for: --partition=, --account=, --mem=2G, or
# --constraint= for one kind of processor, which equal bits need. A trial that runs into its time limit is saved two
# minutes before, and goes on in the same task.
trial=(--ntasks=1 --cpus-per-task=1 --time=01:00:00)
# Trials at once, as far as Slurm lets them.
at_once={at_once}

logs={logs}
mkdir -p "$logs"
common=(--parsable --requeue --signal=USR1@120 --open-mode=append --kill-on-invalid-dep=yes)

# array ROUND INDICES DEPENDENCY: one task a trial
array() {{
    sbatch "${{common[@]}}" "${{trial[@]}}" --job-name={name}-"$1" --array="$2%$at_once" ${{3:+--dependency="$3"}} \\
        --output="$logs/round-$1-%a.log" <<JOB
#!/bin/bash
srun {command} --round $1 --array-index \\$SLURM_ARRAY_TASK_ID
code=\\$?
[ "\\$code" -eq 75 ] && exec scontrol requeue "\\$SLURM_JOB_ID"
exit "\\$code"
JOB
}}

# close ROUND DEPENDENCY: when all its tasks have ended, however they did
close() {{
    sbatch "${{common[@]}}" "${{trial[@]}}" --job-name={name}-"$1"-close ${{2:+--dependency="$2"}} \\
        --output="$logs/round-$1-close.log" <<JOB
#!/bin/bash
again() {{ [ "\\$1" -ne 75 ] || exec scontrol requeue "\\$SLURM_JOB_ID"; }}
missing=\\$(srun {command} --round $1 --collect)
code=\\$?
echo "\\$missing"
if [ "\\$code" -eq 75 ]; then
    for index in \\$missing; do
        srun {command} --round $1 --array-index "\\$index"
        again \\$?
    done
    srun {command} --round $1 --collect
    code=\\$?
fi
exit "\\$code"
JOB
}}

"""
DONE = """\
#!/bin/bash
# {title}
# It is finished: nothing is left to submit.
"""


def script(study: Path, title: str, rounds: Sequence[Round]) -> str:
    """A Bash script. study: the folder; rounds: what is left of it, in order."""
    path = os.path.abspath(study)
    if not rounds:
        return DONE.format(title=title)
    name, runs_dir = os.path.basename(path), os.path.dirname(path)
    command = f"dltrain search --run-id {name} --runs-dir {_quoted(runs_dir)}"
    values = {"title": title, "name": name, "command": command, "at_once": 100}
    return HEAD.format(**values, logs=shlex.quote(os.path.join(path, "slurm"))) + "\n".join(_chain(rounds)) + "\n"


def _quoted(path: str) -> str:
    """For a here-document that Bash expands."""
    return shlex.quote(path).replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`")


def _chain(rounds: Sequence[Round]) -> Iterator[str]:
    """An array waits for the round before to be closed (afterok: where it is not, the chain is cancelled); closing
    waits for its array to be over, whatever became of its tasks (afterany)."""
    before = ""
    for one in rounds:
        yield f"# round {one.number}: {len(one.indices)} trials"
        needed = f"afterok:{before}" if before else ""
        parts = [one.indices[i : i + LONGEST_ARRAY] for i in range(0, len(one.indices), LONGEST_ARRAY)]
        jobs = []
        for place, part in enumerate(parts):
            job = f"round{one.number}" + (f"_{place + 1}" if len(parts) > 1 else "")
            yield f'{job}=$(array {one.number} {ranges(part)} "{needed}")'
            jobs.append(f"${job}")
        closing = f"close{one.number}"
        needs = [f"afterany:{':'.join(jobs)}"] if jobs else []
        needs += [f"afterok:{before}"] if before else []
        yield f'{closing}=$(close {one.number} "{",".join(needs)}")'
        before = f"${closing}"
    yield f'echo "submitted; job {before} is the last one, logs are in $logs"'


def ranges(numbers: Sequence[int]) -> str:
    """`0-3,7` of 0, 1, 2, 3, 7."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
