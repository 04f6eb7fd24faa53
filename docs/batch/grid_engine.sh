#!/bin/bash
# qsub grid_engine.sh CONFIG --run-id ID [KEY=VALUE ...]
#$ -S /bin/bash
#$ -N dltrain
#$ -cwd
#$ -V
#$ -j y
#$ -r y
#$ -notify
#$ -l s_rt=00:58:00,h_rt=01:00:00

export PATH="$SGE_O_PATH" # qsub's own; a login shell may have set another
exec dltrain train --requeue-code 99 "$@"
