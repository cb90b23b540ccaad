/* Numbers eight at a time: two registers of four fields each, the even ones and the odd ones, so that the results of both pack into one register
 * in order. No include guard: convert_column.c includes it once, for AVX-512 (F, BW, DQ, VL). Masks of four fields are 64-bit words of four
 * 16-bit lanes. */

#define LANE_LOW UINT64_C(0x0001000100010001)
#define LANE_HIGH UINT64_C(0x8000800080008000)

typedef struct four { /* fields in the lanes of one register */
    __m512i digits;   /* as values, right-aligned, without sign and mark; zero before them */
    uint64_t minus;   /* at the sign's place */
    uint64_t bad;     /* at characters that do not belong there */
    uint64_t any;     /* at digits */
    uint64_t to_mark; /* the mark and what stands before it; all of the lane without a mark */
} four;

static inline __attribute__((always_inline)) __m512i load_four(const char *text, const uint32_t *end) {
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(text + end[0] - 16)));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(text + end[2] - 16)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(text + end[4] - 16)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(text + end[6] - 16)), 3);
}

/* v: the last 16 characters of four fields; from: in every byte of a lane, the place where its field starts. */
static inline __attribute__((always_inline)) four take_four(__m512i v, __m512i from, bool with_mark, char mark) {
    const __m512i place = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    four r;
    uint64_t within = _mm512_cmpge_epu8_mask(place, from);
    uint64_t minus = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('-')), plus = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('+'));
    uint64_t first = within & ~(within << 1 & ~LANE_LOW);
    r.minus = minus & first;
    within &= ~((minus | plus) & first);
    __m512i d = _mm512_sub_epi8(v, _mm512_set1_epi8('0'));
    r.any = _mm512_mask_cmple_epu8_mask(within, d, _mm512_set1_epi8(9));
    d = _mm512_maskz_mov_epi8(r.any, d);
    if (!with_mark) {
        r.digits = d;
        r.bad = within ^ r.any;
        r.to_mark = 0;
        return r;
    }
    uint64_t marks = _mm512_mask_cmpeq_epi8_mask(within, v, _mm512_set1_epi8(mark));
    uint64_t less_one = ((marks | LANE_HIGH) - LANE_LOW) ^ (~marks & LANE_HIGH); /* in each lane */
    r.to_mark = marks ^ less_one;
    r.bad = within ^ (r.any | (marks & r.to_mark)); /* of several marks only the first belongs */
    uint64_t has = (((marks & ~LANE_HIGH) + ~LANE_HIGH) | marks) & LANE_HIGH;
    has |= has - (has >> 15);
    r.digits = _mm512_mask_mov_epi8(d, r.to_mark & has, _mm512_bslli_epi128(d, 1)); /* closes the mark's gap from the left */
    return r;
}

/* The lanes of even and odd fields in order. */
static inline __attribute__((always_inline)) __m128i lanes(uint64_t even, uint64_t odd) {
    return _mm_unpacklo_epi16(_mm_cvtsi64_si128((int64_t)even), _mm_cvtsi64_si128((int64_t)odd));
}
static inline __attribute__((always_inline)) __mmask8 any_of_lanes(uint64_t even, uint64_t odd) {
    __m128i v = lanes(even, odd);
    return _mm_test_epi16_mask(v, v);
}

typedef struct eight {
    __m512i w;      /* the digits as numbers */
    __m512i behind; /* 15 less the number of digits behind the mark, in the low four bits */
    __mmask8 good, minus;
} eight;

static inline __attribute__((always_inline)) eight take_eight(const part *p, int32_t i, __m256i n, bool with_mark) {
    const __m512i even = _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
    __m256i from = _mm256_sub_epi32(_mm256_set1_epi32(16), _mm256_min_epu32(n, _mm256_set1_epi32(16)));
    __m512i wide = _mm512_shuffle_epi8(_mm512_castsi256_si512(from), /* the low byte of each to its four */
                                       _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12)));
    four a = take_four(load_four(p->text, p->end + i), _mm512_permutexvar_epi32(even, wide), with_mark, p->c->decimal);
    four b = take_four(load_four(p->text, p->end + i + 1),
                       _mm512_permutexvar_epi32(_mm512_add_epi32(even, _mm512_set1_epi32(1)), wide), with_mark, p->c->decimal);
    __m512i pairs = _mm512_set1_epi16(0x010a), fours = _mm512_set1_epi32(0x00010064), eights = _mm512_set1_epi32(0x00012710);
    __m512i x = _mm512_madd_epi16(_mm512_maddubs_epi16(a.digits, pairs), fours);
    __m512i y = _mm512_madd_epi16(_mm512_maddubs_epi16(b.digits, pairs), fours);
    __m512i halves = _mm512_madd_epi16(_mm512_packus_epi32(x, y), eights);
    eight r;
    r.w = _mm512_add_epi64(_mm512_mul_epu32(halves, _mm512_set1_epi64(100000000)), _mm512_srli_epi64(halves, 32));
    __mmask8 fits = _mm256_cmple_epu32_mask(n, _mm256_set1_epi32(16));
    r.good = (__mmask8)(~any_of_lanes(a.bad, b.bad) & any_of_lanes(a.any, b.any) & fits);
    r.minus = any_of_lanes(a.minus, b.minus);
    if (with_mark) { /* 2^(16 - digits behind the mark), whose exponent tells them */
        __m256i power = _mm256_add_epi32(_mm256_cvtepu16_epi32(lanes(a.to_mark, b.to_mark)), _mm256_set1_epi32(1));
        r.behind = _mm512_srli_epi64(_mm512_castpd_si512(_mm512_cvtepi32_pd(power)), 52);
    } else {
        r.behind = _mm512_setzero_si512();
    }
    return r;
}

static inline __attribute__((always_inline)) __m256i lengths(const part *p, int32_t i) {
    return _mm256_sub_epi32(_mm256_loadu_si256((const void *)(p->end + i)), _mm256_loadu_si256((const void *)(p->start + i)));
}

/* Fields that were not taken: those of no bytes go to their list; returns the others. */
static inline __attribute__((always_inline)) uint32_t without_empty(part *p, int32_t i, uint32_t of) {
    const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i n = lengths(p, i);
    __mmask8 empty = _mm256_mask_testn_epi32_mask((__mmask8)of, n, n);
    __m256i those = _mm256_maskz_compress_epi32(empty, _mm256_add_epi32(numbers, _mm256_set1_epi32(p->first + i)));
    _mm256_storeu_si256((void *)(p->empty + p->n_empty), those);
    p->n_empty += __builtin_popcount(empty);
    return of & ~(uint32_t)empty;
}

static inline __mmask8 those_of(const part *p, int32_t i) {
    return (__mmask8)(p->n - i >= GROUP ? 0xff : (1u << (p->n - i)) - 1);
}

/* Does every field of a group have more than 16 characters? Columns of such are common: floats in full. */
static inline __attribute__((always_inline)) bool all_long(__m256i n) {
    return _mm256_cmpgt_epu32_mask(n, _mm256_set1_epi32(16)) == 0xff;
}

/* Fields of a group that go the way of one field. Where some were not taken before, as in a column with nulls, they are taken to be in every group,
 * for the sake of a steady branch. */
#define REST(of, values, one)                                                                             \
    seen |= (of);                                                                                         \
    if (seen)                                                                                             \
        for (uint32_t rest = without_empty(p, i, of); __builtin_expect(rest != 0, 0); rest &= rest - 1) { \
            int32_t k = i + (int32_t)__builtin_ctz(rest);                                                 \
            (values)[k] = one(p, k);                                                                      \
        }

static void wide_i64(part *p, int64_t *values) {
    uint32_t seen = 0;
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i);
        __m256i n = lengths(p, i);
        if (all_long(n)) {
            for (int32_t k = i; k < i + GROUP; k++) values[k] = long_i64(p, k);
            continue;
        }
        eight r = take_eight(p, i, n, false);
        __m512i v = _mm512_mask_sub_epi64(r.w, r.minus, _mm512_setzero_si512(), r.w);
        _mm512_mask_storeu_epi64(values + i, here, v);
        REST((uint32_t)(here & ~r.good), values, long_i64)
    }
}

static void wide_i32(part *p, int32_t *values) {
    uint32_t seen = 0;
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i);
        __m256i n = lengths(p, i);
        eight r = take_eight(p, i, n, false);
        __mmask8 good = r.good & _mm512_cmple_epu64_mask(r.w, _mm512_set1_epi64(INT32_MAX));
        __m512i v = _mm512_mask_sub_epi64(r.w, r.minus, _mm512_setzero_si512(), r.w);
        _mm256_mask_storeu_epi32(values + i, here, _mm512_cvtepi64_epi32(v));
        REST((uint32_t)(here & ~good), values, one_i32)
    }
}

static inline __attribute__((always_inline)) __m512d reals(const eight *r, __mmask8 *good) {
    const __m512d low = _mm512_setr_pd(1e15, 1e14, 1e13, 1e12, 1e11, 1e10, 1e9, 1e8);
    const __m512d high = _mm512_setr_pd(1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1e0);
    *good = r->good & _mm512_cmple_epu64_mask(r->w, _mm512_set1_epi64(INT64_C(1) << 53));
    __m512i v = _mm512_castpd_si512(_mm512_div_pd(_mm512_cvtepu64_pd(r->w), _mm512_permutex2var_pd(low, r->behind, high)));
    return _mm512_castsi512_pd(_mm512_mask_or_epi64(v, r->minus, v, _mm512_set1_epi64(INT64_MIN)));
}

static void wide_f64(part *p, double *values) {
    uint32_t seen = 0;
    int32_t single = 0; /* groups that go one by one, since most of the last had exponents or were no numbers */
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i), good = 0;
        __m256i n = lengths(p, i);
        if (all_long(n) || single > 0) {
            for (int32_t k = i; k < i + GROUP && k < p->n; k++) values[k] = long_f64(p, k);
            single -= single > 0;
            continue;
        }
        eight r = take_eight(p, i, n, true);
        _mm512_mask_storeu_pd(values + i, here, reals(&r, &good));
        __mmask8 others = here & ~good;
        if (others && __builtin_popcount(_mm256_mask_test_epi32_mask(others, n, n)) > GROUP / 2) single = 8;
        REST((uint32_t)others, values, long_f64)
    }
}

static void wide_f32(part *p, float *values) {
    uint32_t seen = 0;
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i), good = 0;
        __m256i n = lengths(p, i);
        if (all_long(n)) {
            for (int32_t k = i; k < i + GROUP; k++) values[k] = (float)long_f64(p, k);
            continue;
        }
        eight r = take_eight(p, i, n, true);
        _mm256_mask_storeu_ps(values + i, here, _mm512_cvtpd_ps(reals(&r, &good)));
        REST((uint32_t)(here & ~good), values, (float)long_f64)
    }
}
