#!/bin/sh
# The tests that need scikit-learn, with the pinned packages of .venv (scripts/setup oracle). Nothing may be skipped there.
set -eu
cd "$(dirname "$0")"
python="${AIPIPE_SOURCE:?}/.venv/bin/python"
[ -x "$python" ] || { echo "no $python: run scripts/setup oracle"; exit 1; }
AIPIPE_NEED_PACKAGES=1 exec "$python" -m unittest -v test_sklearn test_flights
