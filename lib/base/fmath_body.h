/* The arithmetic of exp, log and the logistic sigmoid, written once for one double and for vectors of them. No include guard: whoever includes
 * it first defines
 *   FM(name)      the function's name            FM_T, FM_U      the real type; unsigned 64-bit integers of the same shape
 *   FM_BITS(x)    FM_T's bits as FM_U            FM_REAL(u)      the reverse
 *   FM_LT(a, b)   all ones where a < b, as FM_U  FM_EQ(a, b)     the same for a == b
 * Only +, -, *, / and integer operations are used, each rounded once (-ffp-contract=off), so every shape gives the same bits.
 *
 * exp: x = k ln2 + r, |r| <= ln2 / 2, with ln2 in two parts (Cody and Waite 1980); Taylor's series of degree 13 (error below 2^-57) and the
 * rounding error of r carried along. log: x = 2^k m, m in [sqrt(1/2), sqrt(2)); with f = m - 1 and s = f / (2 + f),
 * log m = f - f^2/2 + s (f^2/2 + R), R from the series of 2 atanh s. */

#define FM_SELECT(mask, a, b) FM_REAL(((mask)&FM_BITS(a)) | (~(mask)&FM_BITS(b)))
#define FM_CONST(c) (((FM_T){0}) + (c))
#define FM_INLINE static inline __attribute__((always_inline, unused))

FM_INLINE FM_T FM(exp)(FM_T given) {
    const FM_T low = FM_CONST(-746.0), high = FM_CONST(710.0); /* past them the result is 0, and infinity */
    FM_T x = FM_SELECT(FM_LT(given, low), low, given);
    x = FM_SELECT(FM_LT(high, x), high, x);
    const FM_T round = FM_CONST(0x1.8p52); /* adding it leaves the nearest integer in the low bits */
    FM_T shifted = x * 0x1.71547652b82fep+0 + round;
    FM_U k = FM_BITS(shifted) - FM_BITS(round); /* two's complement */
    FM_T n = shifted - round;
    FM_T hi = x - n * 0x1.62e42fee00000p-1, lo = n * 0x1.a39ef35793c76p-33; /* n times the first part is exact */
    FM_T r = hi - lo, rest = (hi - r) - lo;
    FM_T r2 = r * r, r4 = r2 * r2;
    FM_T a = r * (1.0 / 6) + 0.5, b = r * (1.0 / 120) + 1.0 / 24, c = r * (1.0 / 5040) + 1.0 / 720;
    FM_T d = r * (1.0 / 362880) + 1.0 / 40320, e = r * (1.0 / 39916800) + 1.0 / 3628800;
    FM_T f = r * (1.0 / 6227020800.0) + 1.0 / 479001600;
    FM_T q = (a + b * r2) + r4 * ((c + d * r2) + r4 * (e + f * r2));
    FM_T first = r + 1.0, lost = r - (first - 1.0); /* exactly what the sum dropped (Dekker 1971) */
    FM_T y = first + (r2 * q + (rest + lost));
    /* 2^k in two factors, so that results down to the smallest denormal round once. */
    FM_U k1 = ((k + 2048) >> 1) - 1024, k2 = k - k1;
    y = y * FM_REAL((k1 + 1023) << 52) * FM_REAL((k2 + 1023) << 52);
    return FM_SELECT(FM_EQ(given, given), y, given);
}

/* Of a negative number NaN, of zero minus infinity. */
FM_INLINE FM_T FM(log)(FM_T given) {
    const FM_T tiny = FM_CONST(0x1p-1022), big = FM_CONST(0x1p54), zero = FM_CONST(0.0), infinite = FM_CONST(__builtin_inf());
    FM_U small = FM_LT(given, tiny);
    FM_T x = FM_SELECT(small, given * big, given);
    FM_U bits = FM_BITS(x);
    /* Takes sqrt(1/2)'s leading bits off before the exponent is cut, so that m falls into [sqrt(1/2), sqrt(2)). */
    FM_U above = bits - UINT64_C(0x3fe6a09e00000000);
    FM_U k = ((above >> 52) ^ 0x800) - 0x800;
    FM_T m = FM_REAL(bits - (above & UINT64_C(0xfff0000000000000)));
    k = k - (small & 54);
    const FM_T round = FM_CONST(0x1.8p52);
    FM_T n = FM_REAL(FM_BITS(round) + k) - round;
    FM_T f = m - 1.0, s = f / (f + 2.0), z = s * s, half = f * 0.5 * f;
    FM_T z2 = z * z, z4 = z2 * z2;
    FM_T p = ((2.0 / 3 + z * (2.0 / 5)) + z2 * (2.0 / 7 + z * (2.0 / 9)))
             + z4 * (((2.0 / 11 + z * (2.0 / 13)) + z2 * (2.0 / 15 + z * (2.0 / 17))) + z4 * (2.0 / 19 + z * (2.0 / 21)));
    FM_T y = n * 0x1.62e42fee00000p-1 - ((half - (s * (half + z * p) + n * 0x1.a39ef35793c76p-33)) - f);
    y = FM_SELECT(FM_EQ(given, zero), -infinite, y);
    y = FM_SELECT(FM_LT(given, zero), FM_CONST(__builtin_nan("")), y);
    return FM_SELECT(FM_LT(given, infinite), y, given); /* infinity and NaN */
}

/* 1 / (1 + exp(-x)), without cancellation on either side. */
FM_INLINE FM_T FM(sigmoid)(FM_T x) {
    FM_T e = FM(exp)(FM_REAL(FM_BITS(x) | (UINT64_C(1) << 63)));
    FM_T top = FM_SELECT(FM_LT(x, FM_CONST(0.0)), e, FM_CONST(1.0));
    return FM_SELECT(FM_EQ(x, x), top / (e + 1.0), x);
}

#undef FM_SELECT
#undef FM_CONST
#undef FM_INLINE
