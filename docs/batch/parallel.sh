#!/bin/sh
# One run a seed, as many at once as there are cores: parallel.sh CONFIG SEED...
config=$1
shift
name=$(basename "$config" .yaml)
parallel --joblog "$name.joblog" --resume-failed \
    dltrain train --quiet "$config" seed={} training.threads=1 --run-id "$name-{}" ::: "$@"
