/* Fields one at a time, each in a register of 16 bytes. No include guard: convert_column.c includes it once, for AVX2 or for NEON. What does
 * not fit (more than 16 characters, more than 2^53, a long exponent) goes the way of one field. */

static const uint8_t first_16[48] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
static const uint8_t last_16[48] = {0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
                                    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
static const uint8_t place_16[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t date_digits[16] = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 255, 255, 255, 255};

#if defined(__x86_64__)
typedef __m128i bytes16;
static inline bytes16 load16(const void *p) { return _mm_loadu_si128(p); }
static inline bytes16 splat16(char c) { return _mm_set1_epi8(c); }
static inline bytes16 and16(bytes16 a, bytes16 b) { return _mm_and_si128(a, b); }
static inline bytes16 or16(bytes16 a, bytes16 b) { return _mm_or_si128(a, b); }
static inline bytes16 add16(bytes16 a, bytes16 b) { return _mm_add_epi8(a, b); }
static inline bytes16 sub16(bytes16 a, bytes16 b) { return _mm_sub_epi8(a, b); }
static inline bytes16 pick16(bytes16 a, bytes16 places) { return _mm_shuffle_epi8(a, places); }
static inline bool all_digits16(bytes16 d) { /* as values */
    bytes16 over = _mm_subs_epu8(d, _mm_set1_epi8(9));
    return _mm_testz_si128(over, over);
}
/* How many bytes stand behind the last that equals b; 16 when none does. */
static inline uint32_t behind_last16(bytes16 a, bytes16 b, bytes16 within) {
    uint32_t at = (uint32_t)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, b), within));
    return (uint32_t)__builtin_clz(at << 16 | 0x8000);
}
/* Sixteen digits as one number. */
static inline uint64_t number16(bytes16 d) {
    d = _mm_maddubs_epi16(d, _mm_set1_epi16(0x010a));
    d = _mm_madd_epi16(d, _mm_set1_epi32(0x00010064));
    d = _mm_packus_epi32(d, d);
    d = _mm_madd_epi16(d, _mm_set1_epi32(0x00012710));
    uint64_t halves = (uint64_t)_mm_cvtsi128_si64(d);
    return (halves & UINT32_MAX) * 100000000u + (halves >> 32);
}
/* Neighbours as numbers of two digits: the first four of them, and the next four. */
static inline void pairs16(bytes16 d, uint64_t *first, uint64_t *second) {
    d = _mm_maddubs_epi16(d, _mm_set1_epi16(0x010a));
    *first = (uint64_t)_mm_cvtsi128_si64(d);
    *second = (uint64_t)_mm_extract_epi64(d, 1);
}
#else
typedef uint8x16_t bytes16;
static inline bytes16 load16(const void *p) { return vld1q_u8(p); }
static inline bytes16 splat16(char c) { return vdupq_n_u8((uint8_t)c); }
static inline bytes16 and16(bytes16 a, bytes16 b) { return vandq_u8(a, b); }
static inline bytes16 or16(bytes16 a, bytes16 b) { return vorrq_u8(a, b); }
static inline bytes16 add16(bytes16 a, bytes16 b) { return vaddq_u8(a, b); }
static inline bytes16 sub16(bytes16 a, bytes16 b) { return vsubq_u8(a, b); }
static inline bytes16 pick16(bytes16 a, bytes16 places) { return vqtbl1q_u8(a, places); }
static inline bool all_digits16(bytes16 d) { return vmaxvq_u8(d) <= 9; }
static inline uint32_t behind_last16(bytes16 a, bytes16 b, bytes16 within) {
    uint8x16_t at = vandq_u8(vceqq_u8(a, b), within);
    uint64_t nibbles = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(at), 4)), 0);
    return nibbles ? (uint32_t)__builtin_clzll(nibbles) / 4 : 16;
}
static inline uint16x8_t pair_sums(bytes16 d) {
    const uint8x16_t weights = {10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1};
    return vpaddlq_u8(vmulq_u8(d, weights));
}
static inline uint64_t number16(bytes16 d) {
    const uint16x8_t by_100 = {100, 1, 100, 1, 100, 1, 100, 1};
    const uint32x4_t by_10000 = {10000, 1, 10000, 1};
    uint32x4_t fours = vpaddlq_u16(vmulq_u16(pair_sums(d), by_100));
    uint64x2_t eights = vpaddlq_u32(vmulq_u32(fours, by_10000));
    return vgetq_lane_u64(eights, 0) * 100000000u + vgetq_lane_u64(eights, 1);
}
static inline void pairs16(bytes16 d, uint64_t *first, uint64_t *second) {
    uint64x2_t pairs = vreinterpretq_u64_u16(pair_sums(d));
    *first = vgetq_lane_u64(pairs, 0);
    *second = vgetq_lane_u64(pairs, 1);
}
#endif

/* The digits of text ..end) behind its sign, without the decimal mark: their number; *behind is how many follow the mark, 16 without one.
 * False when they are not one to sixteen characters, digits but for one mark. */
static inline __attribute__((always_inline)) bool take_digits(const char *s, const char *end, bool with_mark, char mark,
                                                              uint64_t *w, uint32_t *behind) {
    size_t n = (size_t)(end - s);
    if (n - 1 >= 16) return false;
    bytes16 v = load16(end - 16), within = load16(last_16 + n), d = and16(sub16(v, splat16('0')), within);
    if (with_mark) {
        uint32_t f = behind_last16(v, splat16(mark), within);
        d = pick16(d, add16(load16(place_16), load16(first_16 + f)));
        *behind = f;
        if (n == 1 && f == 0) return false; /* the mark alone */
    }
    *w = number16(d);
    return all_digits16(d);
}

/* The same for 17 to 32 characters of at most 19 digits or so: two registers, of which the first may hold few digits. */
static inline bool take_long_digits(const char *s, const char *end, bool with_mark, char mark, uint64_t *w, uint32_t *behind) {
    size_t n = (size_t)(end - s);
    if (n - 17 >= 16) return false;
    bytes16 high = load16(end - 32), low = load16(end - 16), within = load16(last_16 + n - 16);
    bytes16 h = and16(sub16(high, splat16('0')), within), l = sub16(low, splat16('0'));
    uint64_t unit = UINT64_C(10000000000000000), few = 999;
    uint32_t f = 16;
    if (with_mark) f = behind_last16(low, splat16(mark), load16(first_16));
    if (with_mark && f < 16) { /* what the second loses, the first one's last digit fills */
        l = pick16(l, add16(load16(place_16), load16(first_16 + f)));
        unit /= 10;
        few = 9999;
    } else if (with_mark) {
        f = behind_last16(high, splat16(mark), within);
        h = pick16(h, add16(load16(place_16), load16(first_16 + f)));
        f = f < 16 ? f + 16 : 0;
    }
    uint64_t first = number16(h);
    *w = first * unit + number16(l);
    *behind = f;
    return first <= few && all_digits16(h) && all_digits16(l);
}

static inline bool is_sign(char c) { return c == '-' || c == '+'; }

static int64_t long_i64(part *p, int32_t i) {
    const char *s = p->text + p->start[i], *end = p->text + p->end[i];
    uint64_t w = 0;
    uint32_t behind = 0;
    if (!take_long_digits(s + is_sign(*s), end, false, 0, &w, &behind) || w > INT64_MAX) return one_i64(p, i);
    return *s == '-' ? -(int64_t)w : (int64_t)w;
}

/* A number with an exponent of at most three digits. False for none, and for what it does not know. */
static bool with_exponent(const part *p, int32_t i, double *out) {
    static const double powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *s = p->text + p->start[i], *end = p->text + p->end[i];
    const uint32_t n = p->end[i] - p->start[i];
    uint32_t after = behind_last16(or16(load16(end - 16), splat16(0x20)), splat16('e'), load16(last_16 + (n < 16 ? n : 16)));
    if (after == 0 || after > 4) return false;
    const char *mantissa_end = end - after - 1, *x = end - after;
    bool minus = *x == '-';
    x += is_sign(*x);
    if (x == end || end - x > 3) return false;
    int64_t q = 0;
    for (; x < end; x++) {
        if ((uint32_t)(*x - '0') > 9) return false;
        q = q * 10 + (*x - '0');
    }
    uint64_t w = 0;
    uint32_t behind = 0;
    bool negative = *s == '-';
    s += is_sign(*s);
    if (take_digits(s, mantissa_end, true, p->c->decimal, &w, &behind))
        behind = behind == 16 ? 0 : behind;
    else if (!take_long_digits(s, mantissa_end, true, p->c->decimal, &w, &behind))
        return false;
    q = (minus ? -q : q) - (int64_t)behind;
    double v = (double)w;
    if (w <= UINT64_C(1) << 53 && q >= -22 && q <= 22)
        v = q < 0 ? v / powers[-q] : v * powers[q];
    else if (q < -342 || q > 308 || !aip__decimal_f64(w, q, &v))
        return false;
    *out = negative ? -v : v;
    return true;
}

static double long_f64(part *p, int32_t i) {
    const char *s = p->text + p->start[i], *end = p->text + p->end[i];
    uint64_t w = 0;
    uint32_t behind = 0;
    double v = 0;
    if (take_long_digits(s + is_sign(*s), end, true, p->c->decimal, &w, &behind) && aip__decimal_f64(w, -(int64_t)behind, &v))
        return *s == '-' ? -v : v;
    return with_exponent(p, i, &v) ? v : one_f64(p, i);
}

static void short_i64(part *p, int64_t *values) {
    for (int32_t i = 0; i < p->n; i++) {
        const char *s = p->text + p->start[i], *end = p->text + p->end[i];
        bool minus = *s == '-';
        uint64_t w = 0;
        uint32_t behind = 0;
        if (take_digits(s + is_sign(*s), end, false, 0, &w, &behind))
            values[i] = minus ? -(int64_t)w : (int64_t)w;
        else
            values[i] = long_i64(p, i);
    }
}

static void short_i32(part *p, int32_t *values) {
    for (int32_t i = 0; i < p->n; i++) {
        const char *s = p->text + p->start[i], *end = p->text + p->end[i];
        bool minus = *s == '-';
        uint64_t w = 0;
        uint32_t behind = 0;
        if (take_digits(s + is_sign(*s), end, false, 0, &w, &behind) && w <= INT32_MAX)
            values[i] = minus ? -(int32_t)w : (int32_t)w;
        else
            values[i] = one_i32(p, i);
    }
}

static inline __attribute__((always_inline)) double short_real(part *p, int32_t i) {
    const char *s = p->text + p->start[i], *end = p->text + p->end[i];
    uint64_t sign = (uint64_t)(*s == '-') << 63, w = 0, bits = 0;
    uint32_t behind = 0;
    if (!take_digits(s + is_sign(*s), end, true, p->c->decimal, &w, &behind) || w > UINT64_C(1) << 53) return long_f64(p, i);
    double v = (double)(int64_t)w / field_powers[behind];
    memcpy(&bits, &v, sizeof bits);
    bits |= sign;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void short_f64(part *p, double *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = short_real(p, i);
}

static void short_f32(part *p, float *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = (float)short_real(p, i);
}

static void short_decimal(part *p, int64_t *values) {
    static const int64_t powers[19] = {1,
                                       10,
                                       100,
                                       1000,
                                       10000,
                                       100000,
                                       1000000,
                                       10000000,
                                       100000000,
                                       1000000000,
                                       10000000000,
                                       100000000000,
                                       1000000000000,
                                       10000000000000,
                                       100000000000000,
                                       1000000000000000,
                                       10000000000000000,
                                       100000000000000000,
                                       1000000000000000000};
    uint32_t scale = (uint32_t)p->c->scale;
    for (int32_t i = 0; i < p->n; i++) {
        const char *s = p->text + p->start[i], *end = p->text + p->end[i];
        bool minus = *s == '-';
        uint64_t w = 0;
        uint32_t behind = 0;
        int64_t v = 0;
        bool taken = take_digits(s + is_sign(*s), end, true, p->c->decimal, &w, &behind) && scale <= 18;
        if (behind == 16) behind = 0;
        if (taken && behind <= scale && !__builtin_mul_overflow((int64_t)w, powers[scale - behind], &v))
            values[i] = minus ? -v : v;
        else
            values[i] = one_decimal(p, i);
    }
}

/* ---- times ----------------------------------------------------------------------------------------------------------------------------------- */

/* Days of a date whose digits are pairs: century, year of the century, month, day. False for none in the years 1 to 9999. */
static inline __attribute__((always_inline)) bool days_of_pairs(uint64_t pairs, int32_t *days) {
    static const uint16_t from_march[16] = {0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
    static const uint8_t in_month[16] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t century = pairs & 0xffff, of_century = pairs >> 16 & 0xffff, month = pairs >> 32 & 0xffff,
             day = (uint32_t)(pairs >> 48);
    uint32_t year = century * 100 + of_century;
    bool leap = ((of_century ? of_century : century) & 3) == 0;
    uint32_t longest = in_month[month & 15] + (uint32_t)(month == 2 && leap);
    uint32_t y = year - (month <= 2); /* of a year that starts in March */
    *days = (int32_t)(365 * y + y / 4 - y / 100 + y / 400 + from_march[month & 15] + day - 1) - 719468;
    return year > 0 && month <= 12 && day - 1 < longest;
}

static inline bool date_marks(const char *s) { return (s[4] == '-') & (s[7] == '-'); }

static void short_date(part *p, int32_t *values) {
    for (int32_t i = 0; i < p->n; i++) {
        const char *s = p->text + p->start[i];
        bytes16 d = sub16(load16(s), splat16('0'));
        d = pick16(d, load16(date_digits));
        /* Only the first eight are the date's. */
        d = and16(d, load16(first_16 + 8));
        uint64_t pairs = 0, rest = 0;
        int32_t days = 0;
        pairs16(d, &pairs, &rest);
        if (p->end[i] - p->start[i] == 10 && all_digits16(d) && date_marks(s) && days_of_pairs(pairs, &days))
            values[i] = days;
        else
            values[i] = one_date(p, i);
    }
}

/* The fraction and the offset Z from s on. False for what else may stand there. */
static inline bool short_rest(const char *s, const char *end, bool *zoned, int64_t *micros) {
    static const int32_t unit[7] = {0, 100000, 10000, 1000, 100, 10, 1};
    if (s < end && *s == '.') {
        int32_t v = 0;
        const char *first = ++s;
        for (; s < end && (unsigned)(*s - '0') < 10 && s - first < 6; s++) v = v * 10 + (*s - '0');
        if (s == first) return false;
        *micros = (int64_t)v * unit[s - first];
    }
    *zoned = s < end && (*s | 0x20) == 'z';
    return s + *zoned == end;
}

static inline __attribute__((always_inline)) int64_t short_time(part *p, int32_t i) {
    const char *s = p->text + p->start[i], *end = p->text + p->end[i];
    bytes16 d = pick16(sub16(load16(s), splat16('0')), load16(date_digits));
    uint64_t date = 0, time = 0;
    pairs16(d, &date, &time);
    uint32_t hour = time & 0xffff, minute = time >> 16 & 0xffff;
    uint32_t tens = (uint32_t)(uint8_t)s[17] - '0', ones = (uint32_t)(uint8_t)s[18] - '0';
    bool marks = date_marks(s) & ((s[10] == 'T') | (s[10] == ' ')) & (s[13] == ':') & (s[16] == ':');
    bool zoned = false;
    int32_t days = 0;
    int64_t fraction = 0;
    if (end - s >= 19 && all_digits16(d) && marks && hour < 24 && minute < 60 && tens < 6 && ones < 10
        && days_of_pairs(date, &days) && short_rest(s + 19, end, &zoned, &fraction) && zoned == p->c->zoned)
        return (days * INT64_C(86400) + hour * 3600 + minute * 60 + tens * 10 + ones) * 1000000 + fraction;
    return one_timestamp(p, i);
}

static void short_timestamp(part *p, int64_t *values) {
    for (int32_t i = 0; i < p->n; i++) values[i] = short_time(p, i);
}

/* ---- words of bool ------------------------------------------------------------------------------------------------------------------------------ */

/* Of each text the first bytes, as a word. */
#define WORD_4(a, b, c, d) ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24)
static const uint64_t bool_words[6] = {WORD_4('t', 'r', 'u', 'e'),
                                       WORD_4('T', 'r', 'u', 'e'),
                                       WORD_4('T', 'R', 'U', 'E'),
                                       WORD_4('f', 'a', 'l', 's') | (uint64_t)'e' << 32,
                                       WORD_4('F', 'a', 'l', 's') | (uint64_t)'e' << 32,
                                       WORD_4('F', 'A', 'L', 'S') | (uint64_t)'E' << 32};

/* Which texts there are is as good as random: no branch asks for it. */
static void short_boolean(part *p, uint8_t *values, int64_t row) {
    uint8_t bits[PART / 8 + 1] = {0};
    for (int32_t i = 0; i < p->n; i++) {
        uint32_t n = p->end[i] - p->start[i];
        uint64_t w = 0;
        memcpy(&w, p->text + p->start[i], 8);
        w &= (UINT64_C(1) << (8 * (n & 7))) - 1;
        bool yes = ((w == bool_words[0]) | (w == bool_words[1]) | (w == bool_words[2])) & (n == 4);
        bool no = ((w == bool_words[3]) | (w == bool_words[4]) | (w == bool_words[5])) & (n == 5);
        p->empty[p->n_empty] = p->first + i;
        p->n_empty += n == 0;
        if (!(yes | no | (n == 0))) yes = one_bool(p, i);
        bits[i / 8] = (uint8_t)(bits[i / 8] | (uint32_t)yes << (i & 7));
    }
    put_bits(values, row, bits, p->n);
}

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-const-variable"
#endif
static const kernels short_kernels = {short_i32,  short_i64,       short_f32,     short_f64,
                                      short_date, short_timestamp, short_decimal, short_boolean};
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
