#!/bin/sh
# headers.sh INCLUDE: each public header alone compiles as every C and C++ that a host may use, with the host's warnings as errors.
set -eu
include=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for tool in gcc g++ clang-14 clang++-14; do
    command -v $tool >/dev/null || { echo "headers: $tool is not here: scripts/setup check installs it"; exit 77; }
done
for path in "$include"/aipipe/*.h; do
    header=$(basename "$path")
    for standard in c99 c11 c17 c2x; do
        for compiler in gcc clang-14; do echo "$compiler c $standard -Wstrict-prototypes $header"; done
    done
    for standard in c++11 c++14 c++17 c++20 c++2b; do
        for compiler in g++ clang++-14; do echo "$compiler c++ $standard -Wextra-semi $header"; done
    done
done >"$log"
# The C++ face is C++17; its parts stand alone too.
for path in "$include"/aipipe/*.hpp "$include"/aipipe/cpp/*.hpp; do
    [ -e "$path" ] || continue # a pattern that nothing fits: a folder of C headers alone
    header=${path#"$include"/aipipe/}
    for standard in c++17 c++20 c++2b; do
        case $header in cpp/*) compilers=g++ ;; *) compilers="g++ clang++-14" ;; esac
        [ "$standard" = c++17 ] || [ "$header" = aipipe.hpp ] || continue
        for compiler in $compilers; do echo "$compiler c++ $standard -Wextra-semi $header"; done
    done
done >>"$log"
# $0 is the include folder; the words of a line are $1 to $5
xargs -P "$(nproc)" -L 1 sh -c '
    echo "#include <aipipe/$5>" |
        $1 -x $2 -std=$3 $4 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Werror -I"$0" -fsyntax-only - ||
        { echo "headers: aipipe/$5 is not clean with $1 -std=$3" >&2; exit 1; }' "$include" <"$log"
echo "headers: $(wc -l <"$log") compilations are clean"
