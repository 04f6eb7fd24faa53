#!/bin/sh
# A real Slurm of two nodes on this machine, for tests: nothing is installed, everything lies under DIR.
# usage: slurm_loopback.sh start DIR PORT     three ports from PORT on; then: . DIR/env
#        slurm_loopback.sh stop DIR           ends jobs and daemons, removes DIR
# Needs root. What is not installed is fetched with apt.
set -eu
action=$1 dir=$2
run=$dir/run root=$dir/root

ended() { # waits 10 s for the process of a pid file, then kills it
    for _ in $(seq 100); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$1" 2>/dev/null || true
}

if [ "$action" = stop ]; then
    [ -d "$dir" ] || exit 0
    if [ -e "$dir/env" ]; then
        . "$dir/env"
        squeue --noheader --format=%A 2>/dev/null | xargs -r timeout 10 scancel --signal=KILL 2>/dev/null || true
        sleep 1
    fi
    for name in slurmd-n1 slurmd-n2 slurmctld munged; do
        pid=$(cat "$run/$name.pid" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null || continue
        ended "$pid"
    done
    rm -rf "$dir"
    exit 0
fi

port=$3
mkdir -p "$run/state" "$run/log" "$run/n1" "$run/n2" "$run/munge"
chmod 700 "$run/munge"
"$(dirname "$0")/unpack_debs.sh" "$dir" slurmctld slurmd slurm-client munge >"$run/log/apt" 2>&1

libraries=$root/usr/lib/$(uname -m)-linux-gnu
cat >"$dir/env" <<ENV
export SLURM_CONF='$dir/slurm.conf' PATH='$root/usr/bin:$root/usr/sbin':"\$PATH"
export LD_LIBRARY_PATH='$libraries:$libraries/slurm-wlm'"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
ENV
. "$dir/env"

host=$(hostname -s)
cat >"$dir/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$run/munge/socket
CredType=cred/munge
StateSaveLocation=$run/state
SlurmdSpoolDir=$run/%n
SlurmctldPidFile=$run/slurmctld.pid
SlurmdPidFile=$run/slurmd-%n.pid
SlurmctldLogFile=$run/log/slurmctld
SlurmdLogFile=$run/log/slurmd-%n
SlurmctldPort=$port
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=5
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1 RealMemory=500 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
[ ! -d "$libraries/slurm-wlm" ] || echo "PluginDir=$libraries/slurm-wlm" >>"$dir/slurm.conf"

daemon() { # by Debian's name or by Slurm's own
    program=$(command -v "$1-wlm" || command -v "$1")
    shift
    "$program" -f "$dir/slurm.conf" "$@" >>"$run/log/start" 2>&1 </dev/null
}
(umask 077 && head -c 1024 /dev/urandom >"$run/munge/key")
munged --force --key-file="$run/munge/key" --socket="$run/munge/socket" --seed-file="$run/munge/seed" \
    --log-file="$run/log/munged" --pid-file="$run/munged.pid" >>"$run/log/start" 2>&1 </dev/null
daemon slurmctld
stepd=$(command -v slurmstepd-wlm || command -v slurmstepd || find /usr/lib /usr/sbin -name slurmstepd | head -n 1)
for node in n1 n2; do
    daemon slurmd -N $node -d "$stepd"
done
for _ in $(seq 30); do
    [ "$(sinfo --noheader --Node --format=%T 2>/dev/null | grep -c '^idle')" = 2 ] && exit 0
    sleep 1
done
echo "the two nodes are not ready:" >&2
tail -n 5 "$run"/log/* >&2
exit 1
