"""P1 and P8 where training batches are augmented: what is drawn depends on seed, epoch and place alone."""

from __future__ import annotations

import signal
import subprocess
from functools import cache

from faults_result import Result, every
from faults_world import CONFIG, World, command, digest, environment, expected, world

AUGMENTED = CONFIG.replace(
    "target: kind}",
    "target: kind, image_shape: [1, 3], augment: [{kind: shift, share: 0.4}, {kind: flip, probability: 0.1}, noise]}",
)
"""Rows are taken for pictures of three pixels, which are moved and blurred at every visit."""
THREADS = ("1", "8")


@cache
def whole() -> str:
    """The digest of a run that nothing happened to."""
    with world(AUGMENTED) as fresh:
        ended = fresh.call()
        assert ended.code == 0, ended.err
        return digest(fresh.run)


def augmented(full: bool) -> Result:
    """Before operations all over the run: most checkpoints, one every five steps, lie in the midst of an epoch of six."""
    result = Result("in the midst of augmented epochs")
    result.check(whole() != expected(), "augmentation changed nothing")
    with world(AUGMENTED) as fresh:
        for k in every(range(30, 200), full, 4):
            fresh.clear()
            ended = fresh.call(plan={"kill": k})
            if ended.code == 0:  # there are no more
                break
            wrong = _again(fresh, k)
            result.check(ended.code == -signal.SIGKILL and not wrong, f"kill {k}: {ended.code} {wrong}")
        for threads in THREADS if full else THREADS[1:]:
            fresh.clear()
            asked = environment(OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
            subprocess.run(command(fresh.train()), cwd=fresh.folder, env=asked, check=True, capture_output=True)
            result.check(digest(fresh.run) == whole(), f"{threads} threads in the environment: not identical")
    return result


def _again(fresh: World, k: int) -> str:
    resumes = k % 2 and (fresh.run / "run.json").exists()
    return fresh.goes_on(whole(), fresh.resume() if resumes else None)
