#!/bin/bash
# One training that outlives its time limit: sbatch slurm.sh CONFIG --run-id ID [KEY=VALUE ...]
#SBATCH --job-name=dltrain
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --time=01:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue

srun dltrain train "$@"
code=$?
[ "$code" -eq 75 ] && exec scontrol requeue "$SLURM_JOB_ID"
exit "$code"
