/* Text to number. Integers by eight digits at a time (SWAR: the digits are the bytes of one word); floats by Clinger's exact case ("How to
 * read floating point numbers accurately", 1990), then Eisel-Lemire (Lemire, "Number parsing at a gigabyte per second", 2021) over 128-bit
 * powers of ten rounded down, and strtod for the few cases where 128 bits do not decide. */
#include "data/convert.h"
#include "data/powers_of_ten.h"
#include <math.h>
#include <string.h>

#define MAX_FALLBACK_DIGITS 800 /* no halfway point of binary64 has more than 767 significant digits */
#define EXPONENT_BOUND 1000000  /* exponents are held to this; past it every value is 0 or infinite */

static inline bool is_digit(char c) { return (unsigned)(c - '0') < 10u; }

/* Eight bytes as a word, first byte lowest. */
static inline uint64_t load8(const char *s) {
    uint64_t v = 0;
    memcpy(&v, s, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline bool eight_digits(uint64_t v) {
    uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
    return ((v & high) | ((v + UINT64_C(0x0606060606060606)) & high) >> 4) == UINT64_C(0x3333333333333333);
}

/* The value of eight digits: pairs, then fours, then all, each step one multiplication. */
static inline uint64_t eight_digits_value(uint64_t v) {
    v -= UINT64_C(0x3030303030303030);
    v = v * 10 + (v >> 8);
    uint64_t low = (v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064);
    uint64_t high = (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001);
    return (low + high) >> 32;
}

/* Reads a run of digits onto *value (which wraps past 19 digits); returns where it ends. */
static inline const char *read_digits(const char *p, const char *end, uint64_t *value) {
    uint64_t v = *value;
    while (end - p >= 8) {
        uint64_t w = load8(p);
        if (!eight_digits(w)) break;
        v = v * 100000000u + eight_digits_value(w);
        p += 8;
    }
    for (; p < end && is_digit(*p); p++) v = v * 10 + (uint64_t)(*p - '0');
    *value = v;
    return p;
}

bool aip__parse_i64(const char *s, size_t n, int64_t *out) {
    const char *p = s, *end = s + n;
    bool minus = n > 0 && *p == '-';
    if (n > 0 && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    const char *digits = p;
    uint64_t v = 0;
    p = read_digits(p, end, &v);
    if (p != end) return false;
    if (end - digits > 18) { /* 18 digits always fit; beyond that leading zeros and the last digits decide */
        while (end - digits > 19 && *digits == '0') digits++;
        if (end - digits > 19) return false;
        if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0)) return false;
    }
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool aip__parse_i32(const char *s, size_t n, int32_t *out) {
    int64_t v = 0;
    if (!aip__parse_i64(s, n, &v) || v < INT32_MIN || v > INT32_MAX) return false;
    *out = (int32_t)v;
    return true;
}

static double with_sign(double v, bool minus) { return minus ? -v : v; }

static const double exact_powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* w * 10^q to the nearest double, for w > 0 and q in the table. False when 128 bits of the power do not decide, or the result is subnormal
 * or overflows. */
static bool eisel_lemire(uint64_t w, int64_t q, double *out) {
    const uint64_t *power = aip__powers_of_ten[q - POWER_FIRST];
    int lead = __builtin_clzll(w);
    w <<= lead;
    u128 product = (u128)w * power[0];
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    /* The power is known to less than one unit of its high word: only when the 9 bits below the mantissa are all ones, and the low word is
     * close to carrying, can its low word matter. */
    if ((high & 0x1ff) == 0x1ff && low + w < low) {
        u128 second = (u128)w * power[1];
        uint64_t second_high = (uint64_t)(second >> 64), second_low = (uint64_t)second;
        low += second_high;
        if (low < second_high) high++;
        if ((high & 0x1ff) == 0x1ff && low == UINT64_MAX && second_low + w < second_low) return false;
    }
    unsigned top = (unsigned)(high >> 63);
    uint64_t mantissa = high >> (top + 9);                                    /* 54 bits: one more than a double has */
    if (low == 0 && (high & 0x1ff) == 0 && (mantissa & 3) == 1) return false; /* maybe exactly halfway */
    /* floor(q log2 10) by a fixed-point product that is exact over the table's range */
    int64_t exponent = (217706 * q >> 16) + 64 + 1023 - lead - (int64_t)(1 ^ top);
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >> 53) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent < 1 || exponent > 2046) return false;
    uint64_t bits = (uint64_t)exponent << 52 | (mantissa & ((UINT64_C(1) << 52) - 1));
    memcpy(out, &bits, sizeof bits);
    return true;
}

bool aip__decimal_f64(uint64_t w, int64_t exponent, double *out) { return w != 0 && eisel_lemire(w, exponent, out); }

/* What the scan of a number's text finds. */
typedef struct decimal {
    const char *digits, *digits_end; /* integer and fraction digits, with the decimal mark between them */
    char mark;
    uint64_t w;       /* the significant digits, at most 19 */
    int64_t exponent; /* of ten, of w's last digit */
    int64_t written;  /* the exponent as written after the e */
    bool truncated;   /* digits beyond the 19 were left out */
} decimal;

/* The 19 first significant digits and the exponent that goes with them, for a number with more than 19 digits. */
static void cut_to_19(decimal *d) {
    const char *p = d->digits, *first = NULL;
    int64_t kept = 0, after = 0, fraction = 0;
    bool in_fraction = false;
    d->w = 0;
    for (; p < d->digits_end; p++) {
        if (*p == d->mark) {
            in_fraction = true;
            continue;
        }
        if (!first && *p != '0') first = p;
        if (first && kept < 19) {
            d->w = d->w * 10 + (uint64_t)(*p - '0');
            kept++;
            fraction += in_fraction;
        } else if (first) {
            after += !in_fraction;
            d->truncated |= *p != '0';
        } else {
            fraction += in_fraction;
        }
    }
    d->exponent = d->written - fraction + after;
}

/* The C library on "digits e exponent"; a digit 1 stands for all that is cut off. */
static double by_strtod(const decimal *d) {
    char text[MAX_FALLBACK_DIGITS + 32];
    size_t n = 0;
    int64_t exponent = d->written;
    bool in_fraction = false, rest = false;
    for (const char *p = d->digits; p < d->digits_end; p++) {
        if (*p == d->mark) {
            in_fraction = true;
            continue;
        }
        if (n == 0 && *p == '0') {
            exponent -= in_fraction;
        } else if (n < MAX_FALLBACK_DIGITS) {
            text[n++] = *p;
            exponent -= in_fraction;
        } else {
            rest |= *p != '0';
            exponent += !in_fraction;
        }
    }
    if (rest) {
        text[n++] = '1';
        exponent--;
    }
    text[n++] = 'e';
    n += aip__format_i64(text + n, exponent);
    text[n] = 0;
    return aip__strtod(text, NULL);
}

static double decide(const decimal *d) {
    if (d->w == 0 || d->exponent < POWER_FIRST) return 0.0; /* 10^19 * 10^-343 rounds to 0 */
    if (d->exponent > 308) return INFINITY;
    double v = 0, next = 0;
    if (eisel_lemire(d->w, d->exponent, &v)) {
        if (!d->truncated) return v;
        if (eisel_lemire(d->w + 1, d->exponent, &next) && next == v) return v; /* the rest cannot change it */
    }
    return by_strtod(d);
}

static bool same_word(const char *s, size_t n, const char *word) {
    if (n != strlen(word)) return false;
    for (size_t i = 0; i < n; i++)
        if ((s[i] | 0x20) != word[i]) return false;
    return true;
}

static bool special(const char *s, size_t n, bool minus, double *out) {
    if (same_word(s, n, "nan")) {
        *out = copysign((double)NAN, minus ? -1.0 : 1.0);
        return true;
    }
    if (!same_word(s, n, "inf") && !same_word(s, n, "infinity")) return false;
    *out = with_sign(INFINITY, minus);
    return true;
}

/* The exponent after 'e', held to a bound. False when it is not one. */
static bool read_exponent(const char *p, const char *end, int64_t *out) {
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    int64_t e = 0;
    for (; p < end && is_digit(*p); p++)
        if (e < EXPONENT_BOUND * INT64_C(1000000)) e = e * 10 + (*p - '0');
    *out = minus ? -e : e;
    return p == end;
}

bool aip__parse_f64(const char *s, size_t n, char mark, double *out) {
    const char *p = s, *end = s + n;
    bool minus = n > 0 && *p == '-';
    if (n > 0 && (*p == '-' || *p == '+')) p++;
    decimal d = {.digits = p, .mark = mark};
    p = read_digits(p, end, &d.w);
    int64_t n_digits = p - d.digits;
    if (p < end && *p == mark) {
        const char *fraction = ++p;
        p = read_digits(p, end, &d.w);
        d.exponent = fraction - p;
        n_digits -= d.exponent;
    }
    if (n_digits == 0) return p == d.digits && special(p, (size_t)(end - p), minus, out);
    d.digits_end = p;
    if (p < end) {
        if ((*p | 0x20) != 'e' || !read_exponent(p + 1, end, &d.written)) return false;
        d.exponent += d.written;
    }
    if (n_digits > 19) cut_to_19(&d);
    if (!d.truncated && d.w <= UINT64_C(1) << 53 && d.exponent >= -22 && d.exponent <= 22) {
        double v = (double)d.w;
        v = d.exponent < 0 ? v / exact_powers[-d.exponent] : v * exact_powers[d.exponent];
        *out = with_sign(v, minus);
        return true;
    }
    *out = with_sign(decide(&d), minus);
    return true;
}
