#!/usr/bin/env python3
"""The trials of a search on the machines of a cluster: dask_jobs.py slurm|pbs JOBS CONFIG --run-id ID [KEY=VALUE ...]

Asks the batch system for so many workers, one core each, and for new ones when their time is over.
"""

import signal
import subprocess
import sys

from dask_jobqueue import PBSCluster, SLURMCluster

system, jobs, *words = sys.argv[1:]
kind = {"slurm": SLURMCluster, "pbs": PBSCluster}[system]
lifetime = ["--lifetime", "55m", "--lifetime-stagger", "2m"]  # leaves in time, so that its trial is saved
with kind(cores=1, processes=1, memory="1GB", walltime="01:00:00", worker_extra_args=lifetime) as cluster:
    cluster.adapt(minimum_jobs=int(jobs), maximum_jobs=int(jobs))
    command = ["dltrain", "search", *words, "--executor", "dask", "--scheduler", cluster.scheduler_address]
    search = subprocess.Popen(command)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches dltrain too, which saves all trials
    signal.signal(signal.SIGTERM, lambda *_: search.terminate())
    code = search.wait()
sys.exit(code)
