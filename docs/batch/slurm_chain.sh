#!/bin/bash
# Where jobs may not be requeued: submit it a few times; each goes on where the one before left off.
# for n in 1 2 3; do sbatch --job-name=ID slurm_chain.sh CONFIG --run-id ID; done
#SBATCH --output=%x.log
#SBATCH --open-mode=append
#SBATCH --time=01:00:00
#SBATCH --dependency=singleton

srun dltrain train --max-time 55m "$@"
