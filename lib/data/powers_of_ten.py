#!/usr/bin/env python3
"""Writes powers_of_ten.c: for each q in [-342, 324] the first 128 bits of 10^q, rounded down.

Run in this folder when the range must change (then powers_of_ten.h changes too): ./powers_of_ten.py > powers_of_ten.c
"""

FIRST, LAST = -342, 324


def first_128_bits(q: int) -> int:
    if q >= 0:
        value = 10**q
        shift = value.bit_length() - 128
        return value >> shift if shift >= 0 else value << -shift
    divisor = 10**-q
    return (1 << (divisor.bit_length() + 127)) // divisor  # a power of ten below 1 is never a power of two


def main() -> None:
    print("/* Written by powers_of_ten.py: see powers_of_ten.h. */")
    print('#include "data/powers_of_ten.h"')
    print()
    print("/* clang-format off */")
    print("const uint64_t aip__powers_of_ten[POWER_LAST - POWER_FIRST + 1][2] = {")
    line = []
    for q in range(FIRST, LAST + 1):
        bits = first_128_bits(q)
        assert bits.bit_length() == 128 and bits & (2**64 - 1) != 2**64 - 1
        line.append("{0x%016x, 0x%016x}," % (bits >> 64, bits & (2**64 - 1)))
        if len(line) == 3 or q == LAST:
            print("    " + " ".join(line))
            line = []
    print("};")
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
