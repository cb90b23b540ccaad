/* Dates, timestamps and words of bool eight at a time. No include guard: convert_column.c includes it once, behind convert_column_512.h. The front 16
 * characters of four fields lie in a register; each character's distance from '0', or from its mark, has its own limit. Two multiplications of
 * neighbours leave three numbers of a field (year; month and day; minutes of the day), from which the calendar goes on, all eight fields in one
 * register. What is no whole date, no time with seconds and without a fraction, goes the way of one field. */

/* Even and odd fields, as lanes() puts them together. */
static inline __attribute__((always_inline)) __m512i four_fronts(const char *text, const uint32_t *start) {
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(text + start[0])));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(text + start[2])), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(text + start[4])), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(text + start[6])), 3);
}

/* x: distances. Of each lane the dwords year, 64 * month + day, minutes of the day, 0; what is no digit is in *bad. */
static inline __attribute__((always_inline)) __m512i four_dates(__m512i v, bool with_time, uint64_t *bad) {
    const __m512i from = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)"0000-00-00 00:00"));
    const __m512i most = _mm512_broadcast_i32x4(with_time ? _mm_setr_epi8(9, 9, 9, 9, 0, 1, 9, 0, 3, 9, -1, 2, 9, 0, 5, 9)
                                                          : _mm_setr_epi8(9, 9, 9, 9, 0, 1, 9, 0, 3, 9, -1, -1, -1, -1, -1, -1));
    const __m512i digits =
        _mm512_broadcast_i32x4(with_time ? _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, -1, -1, -1, -1)
                                         : _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m512i parts = _mm512_broadcast_i32x4(_mm_setr_epi16(100, 1, 64, 1, 60, 1, 0, 0));
    __m512i x = _mm512_xor_si512(v, from);
    *bad = _mm512_cmpgt_epu8_mask(x, most);
    if (with_time) {
        uint64_t no_mark = _mm512_test_epi8_mask(x, x) & ~_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('T'));
        *bad |= no_mark & LANE_LOW << 10;
    }
    return _mm512_madd_epi16(_mm512_maddubs_epi16(_mm512_shuffle_epi8(x, digits), _mm512_set1_epi16(0x010a)), parts);
}

typedef struct days {
    __m256i days, minutes; /* since 1970; of the day */
    __mmask8 good;
} days;

/* Years from March to March, so that the leap day is the last (Hinnant's days_from_civil). y / 100 is y * 5243 / 2^19 up to 43698. */
static inline __attribute__((always_inline)) days eight_dates(const part *p, int32_t i, bool with_time) {
    const __m512i from_march = _mm512_setr_epi32(0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 0, 0, 0);
    const __m512i in_month = _mm512_setr_epi32(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0);
    const __m512i first = _mm512_setr_epi32(0, 16, 4, 20, 8, 24, 12, 28, 1, 17, 5, 21, 9, 25, 13, 29);
    const __m512i last = _mm512_setr_epi32(2, 18, 6, 22, 10, 26, 14, 30, 3, 19, 7, 23, 11, 27, 15, 31);
    const __m256i hundredth = _mm256_set1_epi32(5243);
    uint64_t bad_even = 0, bad_odd = 0;
    __m512i even = four_dates(four_fronts(p->text, p->start + i), with_time, &bad_even);
    __m512i odd = four_dates(four_fronts(p->text, p->start + i + 1), with_time, &bad_odd);
    __m512i both = _mm512_permutex2var_epi32(even, first, odd);
    __m256i year = _mm512_castsi512_si256(both), of_year = _mm512_extracti64x4_epi64(both, 1);
    __m256i month = _mm256_srli_epi32(of_year, 6), day = _mm256_and_si256(of_year, _mm256_set1_epi32(63));
    __m512i wide = _mm512_castsi256_si512(month);
    __m256i longest = _mm512_castsi512_si256(_mm512_permutexvar_epi32(wide, in_month));
    __m256i before = _mm512_castsi512_si256(_mm512_permutexvar_epi32(wide, from_march));
    __m256i century = _mm256_srli_epi32(_mm256_mulhi_epu16(year, hundredth), 3);
    __m256i rest = _mm256_sub_epi32(year, _mm256_madd_epi16(century, _mm256_set1_epi32(100)));
    __mmask8 no_rest = _mm256_testn_epi32_mask(rest, rest);
    __mmask8 leap = _mm256_testn_epi32_mask(_mm256_mask_mov_epi32(rest, no_rest, century), _mm256_set1_epi32(3));
    leap &= _mm256_cmpeq_epi32_mask(month, _mm256_set1_epi32(2));
    longest = _mm256_mask_add_epi32(longest, leap, longest, _mm256_set1_epi32(1));
    day = _mm256_sub_epi32(day, _mm256_set1_epi32(1));
    days r;
    r.good = _mm256_cmplt_epu32_mask(day, longest) & _mm256_cmplt_epu32_mask(month, _mm256_set1_epi32(13));
    r.good &= (__mmask8)(_mm256_test_epi32_mask(year, year) & ~any_of_lanes(bad_even, bad_odd));
    __m256i y = _mm256_mask_sub_epi32(year, _mm256_cmplt_epu32_mask(month, _mm256_set1_epi32(3)), year, _mm256_set1_epi32(1));
    century = _mm256_srli_epi32(_mm256_mulhi_epu16(y, hundredth), 3);
    __m256i d = _mm256_add_epi32(_mm256_madd_epi16(y, _mm256_set1_epi32(365)), _mm256_srli_epi32(y, 2));
    d = _mm256_add_epi32(_mm256_sub_epi32(d, century), _mm256_srli_epi32(century, 2));
    r.days = _mm256_sub_epi32(_mm256_add_epi32(d, _mm256_add_epi32(before, day)), _mm256_set1_epi32(719468));
    r.minutes = _mm512_castsi512_si256(_mm512_permutex2var_epi32(even, last, odd));
    if (with_time) r.good &= _mm256_cmplt_epu32_mask(r.minutes, _mm256_set1_epi32(1440));
    return r;
}

static void wide_date(part *p, int32_t *values) {
    uint32_t seen = 0;
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i);
        __m256i n = lengths(p, i);
        days r = eight_dates(p, i, false);
        r.good &= _mm256_cmpeq_epi32_mask(n, _mm256_set1_epi32(10));
        _mm256_mask_storeu_epi32(values + i, here, _mm256_maskz_mov_epi32(r.good, r.days));
        REST((uint32_t)(here & ~r.good), values, one_date)
    }
}

static inline int four_bytes(const char *s) {
    int v = 0;
    memcpy(&v, s, sizeof v);
    return v;
}

static void wide_timestamp(part *p, int64_t *values) {
    uint32_t seen = 0;
    const __m256i usual = _mm256_set1_epi32(p->c->zoned ? 20 : 19);
    const __m256i from = _mm256_set1_epi32(0x0030303a), most = _mm256_set1_epi32((int)0xff090500); /* ":00" and what follows */
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i);
        __mmask8 good = here & _mm256_cmpeq_epi32_mask(lengths(p, i), usual);
        __m512i v = _mm512_setzero_si512();
        if (good) {
            const uint32_t *s = p->start + i;
            const char *t = p->text + 16;
            __m256i x = _mm256_setr_epi32(four_bytes(t + s[0]), four_bytes(t + s[1]), four_bytes(t + s[2]), four_bytes(t + s[3]),
                                          four_bytes(t + s[4]), four_bytes(t + s[5]), four_bytes(t + s[6]), four_bytes(t + s[7]));
            days r = eight_dates(p, i, true);
            __m256i behind = _mm256_or_si256(_mm256_srli_epi32(x, 24), _mm256_set1_epi32(0x20));
            if (p->c->zoned) good &= _mm256_cmpeq_epi32_mask(behind, _mm256_set1_epi32('z'));
            x = _mm256_xor_si256(x, from);
            __m256i past = _mm256_subs_epu8(x, most);
            good &= r.good & _mm256_testn_epi32_mask(past, past);
            __m256i seconds = _mm256_madd_epi16(_mm256_maddubs_epi16(x, _mm256_set1_epi32(0x00010a00)), _mm256_set1_epi16(1));
            seconds = _mm256_add_epi32(seconds, _mm256_madd_epi16(r.minutes, _mm256_set1_epi32(60)));
            v = _mm512_mul_epi32(_mm512_cvtepi32_epi64(r.days), _mm512_set1_epi64(86400));
            v = _mm512_mullo_epi64(_mm512_add_epi64(v, _mm512_cvtepu32_epi64(seconds)), _mm512_set1_epi64(1000000));
        }
        _mm512_mask_storeu_epi64(values + i, here, _mm512_maskz_mov_epi64(good, v));
        REST((uint32_t)(here & ~good), values, short_time)
    }
}

/* ---- words of bool ------------------------------------------------------------------------------------------------------------------------------ */

static inline long long eight_bytes(const char *s) {
    long long v = 0;
    memcpy(&v, s, sizeof v);
    return v;
}

static inline __m512i word_at(int k, int shift) {
    uint64_t word = bool_words[k] << shift;
    return _mm512_set1_epi64((long long)word);
}

/* Each field's bytes are moved up to the end of their word, so that no others are left. */
static void wide_boolean(part *p, uint8_t *values, int64_t row) {
    uint8_t bits[PART / 8];
    uint32_t seen = 0;
    const __m512i word = _mm512_set1_epi64(64);
    for (int32_t i = 0; i < p->n; i += GROUP) {
        __mmask8 here = those_of(p, i);
        __m256i n = lengths(p, i);
        const uint32_t *s = p->start + i;
        const char *t = p->text;
        __m512i w = _mm512_setr_epi64(eight_bytes(t + s[0]), eight_bytes(t + s[1]), eight_bytes(t + s[2]), eight_bytes(t + s[3]),
                                      eight_bytes(t + s[4]), eight_bytes(t + s[5]), eight_bytes(t + s[6]), eight_bytes(t + s[7]));
        w = _mm512_sllv_epi64(w, _mm512_sub_epi64(word, _mm512_slli_epi64(_mm512_cvtepu32_epi64(n), 3)));
        __mmask8 yes = _mm512_cmpeq_epi64_mask(w, word_at(0, 32));
        yes |= _mm512_cmpeq_epi64_mask(w, word_at(1, 32));
        yes |= _mm512_cmpeq_epi64_mask(w, word_at(2, 32));
        __mmask8 no = _mm512_cmpeq_epi64_mask(w, word_at(3, 24));
        no |= _mm512_cmpeq_epi64_mask(w, word_at(4, 24));
        no |= _mm512_cmpeq_epi64_mask(w, word_at(5, 24));
        yes &= here & _mm256_cmpeq_epi32_mask(n, _mm256_set1_epi32(4));
        no &= _mm256_cmpeq_epi32_mask(n, _mm256_set1_epi32(5));
        bits[i / 8] = yes;
        uint32_t others = here & ~(uint32_t)(yes | no);
        seen |= others;
        if (seen)
            for (uint32_t rest = without_empty(p, i, others); __builtin_expect(rest != 0, 0); rest &= rest - 1) {
                uint32_t k = (uint32_t)__builtin_ctz(rest);
                bits[i / 8] = (uint8_t)(bits[i / 8] | (uint32_t)one_bool(p, i + (int32_t)k) << k);
            }
    }
    put_bits(values, row, bits, p->n);
}
