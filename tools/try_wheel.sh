#!/usr/bin/env bash
# try_wheel.sh PYTHON BUILDER: builds the wheel with BUILDER, installs it in an empty environment made with
# PYTHON, and trains digits there, outside the checkout.
set -euo pipefail
python=$1 builder=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
config=$PWD/configs/digits.yaml
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$builder" -m build --wheel --outdir "$place/dist" . >"$place/log" 2>&1 || { tail -n 5 "$place/log" >&2; exit 1; }
"$python" -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$place"/dist/*.whl
cd "$place"
./venv/bin/dltrain train "$config" training.epochs=5
./venv/bin/dltrain report latest >/dev/null
echo "the wheel works"
