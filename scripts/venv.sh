#!/usr/bin/env bash
# Makes .venv with $PYTHON, or says what is missing. One that works is kept.
set -euo pipefail
PYTHON="${PYTHON:-python3}"

if ! command -v "$PYTHON" >/dev/null; then
    echo "There is no $PYTHON here. Install Python 3.11 or later, or name it: make run PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$PYTHON is $("$PYTHON" -V 2>&1), and 3.11 or later is needed. Name another: make run PYTHON=python3.11" >&2
    exit 1
fi
if .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    exit 0
fi
if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "$PYTHON cannot make virtual environments: venv or ensurepip is missing. On Debian: apt-get install python3-venv" >&2
    exit 1
fi
echo "Making .venv with $("$PYTHON" -V) …"
"$PYTHON" -m venv --clear .venv
