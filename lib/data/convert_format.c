/* Number to text. Floats by Schubfach (Giulietti, "The Schubfach way to render doubles", 2021): the shortest decimal in the rounding
 * interval, the nearest to the value among those, found with three 64x128-bit products. Layout as Python's repr. */
#include "data/convert.h"
#include "data/powers_of_ten.h"
#include <string.h>

/* Eight digits of v < 10^8, a byte each, the first one lowest: halves, quarters, then single digits, each step by multiplications in the lanes of
 * one word. */
static inline uint64_t digits_of(uint32_t v) {
    uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (x * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
    x = hundreds | (x - hundreds * 100) << 16;
    uint64_t tens = (x * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return tens | (x - tens * 10) << 8;
}

static inline void put8(char *out, uint64_t digits) {
    digits += UINT64_C(0x3030303030303030);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    digits = __builtin_bswap64(digits);
#endif
    memcpy(out, &digits, 8);
}

/* v < 10^8 without leading zeros; writes eight bytes. The digits are shifted in their register: to store them and read them back elsewhere would
 * wait for the store. */
static inline size_t put_short(char *out, uint32_t v) {
    uint64_t digits = digits_of(v);
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
    put8(out, digits >> (8 * zeros));
    return 8 - zeros;
}

#define TEXT_ROOM 24 /* bytes that are written at most, and copied at once: no number has more digits */

static inline size_t put_digits(char *out, uint64_t v) {
    const uint64_t unit = 100000000;
    if (v < unit) return put_short(out, (uint32_t)v);
    size_t n = v < unit * unit ? put_short(out, (uint32_t)(v / unit)) : put_short(out, (uint32_t)(v / (unit * unit)));
    if (v >= unit * unit) {
        put8(out + n, digits_of((uint32_t)(v / unit % unit)));
        n += 8;
    }
    put8(out + n, digits_of((uint32_t)(v % unit)));
    return n + 8;
}

size_t aip__format_i64(char *out, int64_t v) {
    *out = '-';
    return (size_t)(v < 0) + put_digits(out + (v < 0), v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* floor(log10(2^e)), floor(log10(3/4 2^e)), floor(log2(10^e)): fixed-point products, exact for |e| < 1700. */
static int32_t floor_log10_pow2(int32_t e) { return (int32_t)((int64_t)e * INT64_C(661971961083) >> 41); }
static int32_t floor_log10_three_quarters_pow2(int32_t e) {
    return (int32_t)(((int64_t)e * INT64_C(661971961083) - INT64_C(274743187321)) >> 41);
}
static int32_t floor_log2_pow10(int32_t e) { return (int32_t)((int64_t)e * INT64_C(913124641741) >> 38); }

/* The top 64 bits of g * c, with the last bit set when anything lies below ("round to odd"). */
static uint64_t round_to_odd(uint64_t g_high, uint64_t g_low, uint64_t c) {
    u128 x = (u128)g_low * c, y = (u128)g_high * c;
    y += (uint64_t)(x >> 64);
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

/* The shortest decimal digits * 10^exponent of a positive finite double. */
static uint64_t shortest(uint64_t bits, int32_t *exponent) {
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int32_t biased = (int32_t)(bits >> 52);
    uint64_t c = biased > 0 ? fraction | UINT64_C(1) << 52 : fraction;
    int32_t q = (biased > 0 ? biased : 1) - 1075;
    bool even = (c & 1) == 0, lower_is_closer = fraction == 0 && biased > 1;
    int32_t k = lower_is_closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
    int32_t h = q + floor_log2_pow10(-k) + 1;
    const uint64_t *power = aip__powers_of_ten[-k - POWER_FIRST];
    uint64_t g_low = power[1] + (-k < 0 || -k > POWER_EXACT_LAST); /* rounded up; the table's low words are never all ones */
    uint64_t left = round_to_odd(power[0], g_low, (4 * c - (lower_is_closer ? 1 : 2)) << h);
    uint64_t middle = round_to_odd(power[0], g_low, (4 * c) << h);
    uint64_t right = round_to_odd(power[0], g_low, (4 * c + 2) << h);
    uint64_t lower = left + !even, upper = right - !even; /* the ends belong to the interval of an even value */
    uint64_t s = middle / 4;
    if (s >= 10) { /* one digit fewer? */
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above) {
            *exponent = k + 1;
            return tens + above;
        }
    }
    *exponent = k;
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above) return s + above;
    uint64_t half = 4 * s + 2;
    return s + (middle > half || (middle == half && (s & 1)));
}

static size_t put(char *out, const char *text) {
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

/* Decimals of up to 15 digits are all different doubles: one that gives v is the shortest there is. Most values of people's tables have two
 * places or none. 0 when v has more than six, or is small or large; else the length of its text. */
static inline size_t put_few_places(char *out, double v) {
    uint64_t whole = 0, eight = 0; /* places of the fraction */
    if (!(v >= 1e-4 && v < 1e15)) return 0;
    uint64_t m = (uint64_t)v, m2 = (uint64_t)(v * 100 + 0.5);
    if ((double)m == v) {
        whole = m;
    } else if (v < 1e12 && (double)m2 / 100 == v) {
        whole = m2 / 100;
        eight = m2 % 100 * 1000000;
    } else {
        if (v >= 1e8) return 0; /* before it is multiplied to more than m6 holds */
        uint64_t m6 = (uint64_t)(v * 1e6 + 0.5);
        if ((double)m6 / 1e6 != v) return 0;
        whole = m6 / 1000000;
        eight = m6 % 1000000 * 100;
    }
    size_t n = put_digits(out, whole);
    uint64_t digits = digits_of((uint32_t)eight);
    out[n] = '.';
    put8(out + n + 1, digits);
    return n + 9 - (size_t)__builtin_clzll(digits | 1) / 8; /* without zeros at the end, but for one */
}

size_t aip__format_f64(char *out, double v) {
    char text[2 * TEXT_ROOM] = {0};
    uint64_t bits = 0;
    int32_t exponent = 0;
    memcpy(&bits, &v, sizeof bits);
    size_t at = 0;
    if (v != v) return put(out, "nan");
    if (bits >> 63) out[at++] = '-';
    bits &= UINT64_MAX >> 1;
    if (bits == 0) return at + put(out + at, "0.0");
    if (bits >> 52 == 0x7ff) return at + put(out + at, "inf");
    memcpy(&v, &bits, sizeof v);
    size_t few = put_few_places(out + at, v);
    if (few > 0) return at + few;
    uint64_t digits = shortest(bits, &exponent);
    while (exponent != 0 && digits % 10 == 0) { /* of a whole number they stay: it is written in full */
        digits /= 10;
        exponent++;
    }
    int32_t n = (int32_t)put_digits(text, digits), point = n + exponent; /* 0.text * 10^point */
    if (point > 16 || point < -3) {
        while (n > 1 && text[n - 1] == '0') n--;
        out[at++] = text[0];
        out[at] = '.';
        at += n > 1;
        memcpy(out + at, text + 1, TEXT_ROOM - 1);
        at += (size_t)n - 1;
        out[at++] = 'e';
        int32_t e = point - 1;
        out[at++] = e < 0 ? '-' : '+';
        if (e < 0) e = -e;
        if (e < 10) out[at++] = '0';
        return at + aip__format_i64(out + at, e);
    }
    if (point <= 0) {
        memcpy(out + at, "0.000", 5);
        at += (size_t)(2 - point);
        memcpy(out + at, text, TEXT_ROOM);
        return at + (size_t)n;
    }
    memcpy(out + at, text, TEXT_ROOM);
    if (point >= n) {
        memset(out + at + n, '0', 16);
        return at + (size_t)point + put(out + at + point, ".0");
    }
    memcpy(out + at + point + 1, text + point, TEXT_ROOM);
    out[at + (size_t)point] = '.';
    return at + (size_t)n + 1;
}

size_t aip__format_decimal(char *out, int64_t v, int32_t scale) {
    char text[24];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int32_t n = 0;
    size_t at = 0;
    do text[n++] = (char)('0' + u % 10);
    while ((u /= 10) != 0 || n <= scale); /* last digit first; at least one before the point */
    if (v < 0) out[at++] = '-';
    while (n > 0) {
        out[at++] = text[--n];
        if (n == scale && scale > 0) out[at++] = '.';
    }
    return at;
}
