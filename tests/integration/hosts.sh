#!/bin/sh
# hosts.sh BUILD: installs a build into an empty folder, compiles the programs of examples/hosts/ against it as a stranger would (pkg-config), runs
# them and checks what each prints. Also: embed.c, the program that the public interface was designed on, compiles and runs as it is.
set -eu
build=$(CDPATH='' cd -- "$1" && pwd)
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0
held() { passed=$((passed + 1)); echo "hosts: $*"; }
failed() { echo "hosts: $*" >&2; exit 1; }

DESTDIR=$folder/installed meson install -C "$build" --no-rebuild >"$folder/log" || { cat "$folder/log"; exit 1; }
pc=$(find "$folder/installed" -name aipipe.pc)
[ -n "$pc" ] || failed "no aipipe.pc was installed"
libdir=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
prefix=$folder/installed$(pkg-config --variable=prefix aipipe)
aipipe=$prefix/bin/aipipe
LD_LIBRARY_PATH=$libdir
export LD_LIBRARY_PATH
flags() { pkg-config --define-variable=prefix="$prefix" "$@" aipipe; }
for need in libuv glib-2.0; do
    pkg-config --exists $need || failed "$need is not there: scripts/setup check installs it"
done

cp -r "$root/examples/hosts" "$root/examples/flights" "$root/tests/integration/embed" "$folder"
cd "$folder/hosts"
warnings="-O2 -Wall -Wextra -Wpedantic -Werror -pthread"
compile() { # compile NAME PACKAGES...: shared
    name=$1
    shift
    # shellcheck disable=SC2046,SC2086 # flags are words
    cc -std=gnu11 $warnings $(flags --cflags) ${*:+$(pkg-config --cflags "$@")} "$name.c" -o "$name" $(flags --libs) ${*:+$(pkg-config --libs "$@")} ||
        failed "$name does not compile"
}
# shellcheck disable=SC2046,SC2086
compile_static() { # compile_static NAME: with the library in it, and none of its symbols exported
    cc -std=gnu11 $warnings $(flags --cflags) "$1.c" -o "$1_static" "$libdir/libaipipe.a" $(flags --static --libs | sed 's/-laipipe//') ||
        failed "$1 does not compile with the static library"
}
module() { # module NAME: linked with nothing
    # shellcheck disable=SC2046,SC2086
    cc -std=gnu11 $warnings $(flags --cflags) -shared -fPIC -fvisibility=hidden -Wl,-z,defs "$1.c" -o "$1.so" || failed "$1.so does not compile"
}
wanted=$folder/wanted
expect() { # expect NAME: the lines of $folder/out are those of $wanted, in any order
    sort "$wanted" >"$folder/expected"
    sort "$folder/out" >"$folder/got"
    diff -u "$folder/expected" "$folder/got" >"$folder/diff" || { cat "$folder/diff"; failed "$1 printed something else"; }
    held "$1"
}
tasks() { for task in flights hourly register weather planes table halves model score publish held_out; do echo "task $task success"; done; }

cd "$folder/flights"
hosts=$folder/hosts
reference() { "$aipipe" run flights.yaml --quiet --threads 0 >"$folder/metrics"; cp models/flights.aip "$folder/reference.aip"; cp models/held-out.csv "$folder/reference.csv"; rm -r models; }
reference
same_bits() { # whatever ran the jobs
    cmp models/flights.aip "$folder/reference.aip" && cmp models/held-out.csv "$folder/reference.csv" || failed "$1 made other bytes than the command"
    rm -r models
    held "$1: the same bytes as without threads"
}
(cd "$hosts" && compile uv_host libuv && compile glib_host glib-2.0 && compile pool_host && compile no_threads_host && compile custom_stage &&
    compile module_host && compile_static module_host && compile counting_allocator && module custom_connector_module) || exit 1

"$hosts/uv_host" flights.yaml models/flights.aip >"$folder/out" || failed "uv_host failed"
"$aipipe" predict models/flights.aip five-flights.csv | sed -n '2,4s/.*,//p' | while read -r p; do printf 'late %.12f\n' "$p"; done >"$folder/late"
{ tasks; echo "run OK"; cat "$folder/late"; } >"$wanted"
expect uv_host
same_bits uv_host
"$hosts/uv_host" flights.yaml models/flights.aip --close >"$folder/out" || failed "uv_host --close failed"
grep -q '^run E_CANCELLED$' "$folder/out" || { cat "$folder/out"; failed "a context that is closed from the loop did not cancel its run"; }
held "uv_host --close"
rm -rf models
"$hosts/glib_host" flights.yaml >"$folder/out" || failed "glib_host failed"
{ tasks; echo "run OK"; echo "the loop ticked: yes"; } >"$wanted"
expect glib_host
same_bits glib_host
for n in 1 4; do
    "$hosts/pool_host" flights.yaml $n >"$folder/out" || failed "pool_host failed"
    { tasks; echo "run OK"; echo "tickets: given back"; } >"$wanted"
    expect "pool_host $n"
    same_bits "pool_host $n"
done
"$hosts/no_threads_host" flights.yaml >"$folder/out" || failed "no_threads_host failed"
{ tasks; echo "run OK"; echo "frames: several"; echo "other threads: 0"; echo "woken: yes"; } >"$wanted"
expect no_threads_host
same_bits no_threads_host

"$hosts/custom_stage" >"$folder/out" || failed "custom_stage failed"
printf '%s\n' "1 0" "2 0.25" "3 7" "4 10" "5 10" "clip: unknown parameter 'uper'; did you mean 'upper'?" >"$wanted"
expect custom_stage
"$hosts/counting_allocator" five-flights.csv >"$folder/out" 2>"$folder/figures" || failed "counting_allocator failed"
printf '%s\n' "rows 5" "held with the rows in memory more than without" "the library's own peak is within the allocator's" \
    "left 0 bytes in 0 blocks" >"$wanted"
expect counting_allocator
echo "hosts: $(cat "$folder/figures")"

cd "$hosts"
for host in module_host module_host_static; do
    ./$host ./custom_connector_module.so readings.yaml >"$folder/out" || failed "$host failed"
    echo "rows 5, rejects 2" >"$wanted"
    expect "$host"
    printf '%s\n' "sensor,value" "greenhouse,24.5" "bench,21.0" >"$folder/warm"
    sed 's/,21$/,21.0/' warm.csv | cmp - "$folder/warm" || { cat warm.csv; failed "$host wrote other rows"; }
    [ "$(wc -l <bad.csv)" = 3 ] || failed "$host wrote other rejects"
    rm warm.csv bad.csv
done
"$aipipe" convert readings:garden.txt - --write format=csv --module ./custom_connector_module.so >"$folder/out" 2>"$folder/log" || failed "--module"
[ "$(wc -l <"$folder/out")" = 6 ] || failed "the command read other rows through the module"
AIPIPE_MODULE_PATH=$hosts "$aipipe" catalog readings --module custom_connector_module >"$folder/out" || failed "AIPIPE_MODULE_PATH"
held "the command with --module, by path and by name"
# A host that has the library to itself: nothing of it is visible to the module but the table.
python3 - "$libdir/libaipipe.so.0" "$hosts/custom_connector_module.so" <<'END' || failed "a module under RTLD_LOCAL"
import ctypes
import os
import sys

lib = ctypes.CDLL(sys.argv[1], mode=os.RTLD_LOCAL | os.RTLD_NOW)
lib.aip_error_text.restype = ctypes.c_char_p
ctx, error, dataset, rows = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int64()


def ok(status):
    if status:
        sys.exit(lib.aip_error_text(error).decode())


ok(lib.aip_context_create(None, ctypes.byref(ctx), ctypes.byref(error)))
ok(lib.aip_module_load(ctx, sys.argv[2].encode(), ctypes.byref(error)))
ok(lib.aip_dataset_read(ctx, b'{"path": "readings:garden.txt"}', ctypes.byref(dataset), ctypes.byref(error)))
ok(lib.aip_dataset_count(dataset, None, ctypes.byref(rows), ctypes.byref(error)))
lib.aip_dataset_free(dataset)
lib.aip_context_free(ctx)
sys.exit(0 if rows.value == 5 else f"{rows.value} rows")
END
held "a module in a host that loaded the library under RTLD_LOCAL"

cd "$folder/embed"
# shellcheck disable=SC2046
cc -std=gnu11 -O2 -Wall -Wextra -I. embed.c -o embed $(flags --cflags --libs) $(pkg-config --cflags --libs libuv) || failed "embed.c does not compile"
./embed >"$folder/out" || failed "embed failed"
printf 'distance,carrier\n2475,AA\n200,EV\n,\n' >rows.csv
"$aipipe" predict models/flights.aip rows.csv | sed -n '2,$s/.*,//p' | while read -r p; do printf 'late %.12f\n' "$p"; done >"$wanted"
expect "embed.c"
[ "$(wc -l <"$folder/out")" = 3 ] || failed "embed.c scored other rows"
echo "hosts: $passed rules held"
