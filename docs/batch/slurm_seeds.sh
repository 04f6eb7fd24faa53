#!/bin/bash
# One task a seed: sbatch --array=1-4 --job-name=digits slurm_seeds.sh CONFIG [KEY=VALUE ...]
#SBATCH --array=1-4
#SBATCH --output=%x-%A-%a.log
#SBATCH --open-mode=append
#SBATCH --time=01:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue

n=$SLURM_ARRAY_TASK_ID
srun dltrain train "$@" --run-id "$SLURM_JOB_NAME-$n" "seed=$n"
code=$?
[ "$code" -eq 75 ] && exec scontrol requeue "$SLURM_JOB_ID"
exit "$code"
