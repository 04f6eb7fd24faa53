#!/bin/bash
# One task a config: sbatch --array=1-3 slurm_configs.sh a.yaml b.yaml c.yaml
#SBATCH --job-name=configs
#SBATCH --output=%x-%A-%a.log
#SBATCH --open-mode=append
#SBATCH --time=01:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue

config=${!SLURM_ARRAY_TASK_ID}
srun dltrain train "$config" --run-id "$(basename "$config" .yaml)"
code=$?
[ "$code" -eq 75 ] && exec scontrol requeue "$SLURM_JOB_ID"
exit "$code"
