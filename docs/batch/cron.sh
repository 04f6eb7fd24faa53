#!/bin/sh
# A line of `crontab -e`; the folder is the one that holds .venv, the config and runs:
# */10 * * * * $HOME/digits/cron.sh configs/digits.yaml --run-id digits
cd "$(dirname "$0")" || exit
PATH=$PWD/.venv/bin:$PATH

dltrain train --quiet --max-time 9m "$@" >> cron.log 2>&1
code=$?
case $code in
0 | 69 | 75) ;; # finished; the last one still runs; the next one goes on
*)
    echo "dltrain left with $code: see $PWD/cron.log" >&2 # cron mails what is printed
    exit "$code"
    ;;
esac
