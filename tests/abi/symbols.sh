#!/bin/sh
# symbols.sh LIBRARY GOLDEN: the library exports these names, all of them and no other.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
nm -D --defined-only "$1" | awk '{ print $3 }' | LC_ALL=C sort >"$folder/exported"
LC_ALL=C sort "$2" >"$folder/golden"
diff "$folder/golden" "$folder/exported" && exit 0
echo "symbols: the exported names (>) are not the golden ones (<)" >&2
exit 1
