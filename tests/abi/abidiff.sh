#!/bin/sh
# abidiff.sh LIBRARY BASELINE: the built library has the ABI of an earlier release (libaipipe.abi.xz in the folder BASELINE) and perhaps
# more. Judged are the exported functions and the types of include/aipipe/; what a handle points to is private. A struct that grew at its
# end is named in grown.ini, which scripts/api writes; tests/abi/layouts.c holds that its old fields stayed where they were.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
command -v abidiff >/dev/null || { echo "abidiff: not here: scripts/setup check installs it (abigail-tools)"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
xz -dc "$2/libaipipe.abi.xz" >"$folder/then.abi"
status=0
abidiff --no-added-syms --suppressions "$here/private.ini" --suppressions "$here/grown.ini" "$folder/then.abi" "$1" >"$folder/said" || status=$?
cat "$folder/said"
[ $status = 0 ] || { echo "abidiff: the ABI of $(basename "$2") does not hold (status $status)" >&2; exit 1; }
