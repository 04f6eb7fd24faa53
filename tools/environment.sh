#!/usr/bin/env bash
# environment.sh PYTHON VENV WHAT: creates the virtual environment if there is none, and installs WHAT in it.
# If something of the machine is missing, one line says what.
set -euo pipefail
python=$1 venv=$2 what=$3

fail() { echo "error: $*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "no $python on this machine; install Python 3.11 or newer, or: make PYTHON=/path/to/python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old; dltrain needs Python 3.11 or newer: make PYTHON=/path/to/python"
if [ ! -x "$venv/bin/python" ]; then
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module; on Debian or Ubuntu: apt-get install python3-venv"
  echo "creating $venv" >&2
  "$python" -m venv "$venv" || fail "could not create a virtual environment in $venv"
fi
echo "installing $what" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$what" >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  fail "pip could not install $what; is the network there?"
fi
