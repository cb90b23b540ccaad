/* The records of an item as a block of cells, in one pass without a tree: each key is first compared with the one that is expected here
 * (json_keys.c), its value is checked and its place noted in the cell of its column. Strings and digits are looked through 8 to 64 bytes at a
 * time; the pass is compiled once per vector level (json_walk_body.h). Reading past a value is safe: at least AIP__JSON_SLACK bytes lie behind
 * the text, and no token goes past a line feed (in lines), the bracket or comma that ends the item (else), or a NUL (at the end of the data). */
#include "formats/json/json.h"

#include "base/cpu.h"
#include "base/memory.h"
#include "data/batch.h"
#include "data/utf8.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef struct walk_level {
    int32_t (*walk)(aip__json_walker *w, aip_error **err);
    const char *(*value)(aip__json_walker *w, const char *p, int32_t levels, uint32_t *kind);
} walk_level;

static uint64_t load8(const char *p) {
    uint64_t v = 0;
    memcpy(&v, p, 8);
    return v;
}

static inline bool is_space(char c, bool lines) { return c == ' ' || c == '\t' || c == '\r' || (c == '\n' && !lines); }

static inline const char *skip_space(const char *p, bool lines) {
    while (is_space(*p, lines)) p++;
    return p;
}

/* Does the key stand here as it stood last? */
static inline bool as_seen(const char *p, const aip__json_key *key) {
    uint64_t differs = ((load8(p) ^ key->word[0]) & key->mask[0]) | ((load8(p + 8) ^ key->word[1]) & key->mask[1]);
    if (differs != 0 || key->n_seen == 0) return false;
    return key->n_seen <= 16 || memcmp(p + 16, key->as_seen + 16, key->n_seen - 16) == 0;
}

/* Notes what is wrong, and where. */
static const char *wrong(aip__json_walker *w, const char *at, const char *why, bool excerpt) {
    w->why = why;
    w->syntax = true;
    w->why_at = at;
    w->excerpt = excerpt;
    return NULL;
}

/* JSON, but no record that can be taken. */
static const char *not_wanted(aip__json_walker *w, const char *at, const char *why, bool excerpt) {
    wrong(w, at, why, excerpt);
    w->syntax = false;
    return NULL;
}

/* A string from p that cannot go on at q: what is wrong with it first. */
static const char *bad_text(aip__json_walker *w, const char *p, const char *q) {
    size_t n = (size_t)(q - p), good = aip__utf8_prefix(p, n, n);
    if (good < n) return wrong(w, p + good, "bytes that are not UTF-8", false);
    if (q >= w->end || (*q == '\n' && w->layout == AIP__JSON_LINES)) return wrong(w, p - 1, "a string without its end", false);
    if (*q == '\\') return wrong(w, q, "an invalid escape", true);
    return wrong(w, q, "a control character in a string", false);
}

/* Where columns of an object's fields are wanted, something else than an object stands. False: the record is bad. */
static bool no_object(aip__json_walker *w, const aip__json_key *key, const char *value) {
    if (w->options->on_bad_row == AIP__JSON_NULL) {
        w->n_nulled++;
        return true;
    }
    w->why_path = key->node->path;
    not_wanted(w, value, "expected an object", true);
    return false;
}

static int32_t add_fault(aip__json_walker *w, const char *start, const char *end, aip_error **err) {
    if (aip__grow(w->ctx, &w->faults, &w->faults_capacity, w->n_faults + 1, sizeof *w->faults) != 0)
        return aip__error_memory(w->ctx, err);
    w->faults[w->n_faults++] = (aip__json_fault){.start = start,
                                                 .end = end,
                                                 .at = w->why_at,
                                                 .why = w->why,
                                                 .path = w->why_path,
                                                 .row = w->n_rows,
                                                 .column = -1,
                                                 .excerpt = w->excerpt,
                                                 .syntax = w->syntax,
                                                 .huge = w->huge};
    return AIP_OK;
}

typedef struct counts {
    int64_t n_nulled, n_unknown, n_duplicates;
} counts;

static counts counts_of(const aip__json_walker *w) { return (counts){w->n_nulled, w->n_unknown, w->n_duplicates}; }

/* The record that failed leaves nothing behind: no cells, and not what was counted in it. */
static void forget_row(aip__json_walker *w, const counts *before) {
    w->n_nulled = before->n_nulled;
    w->n_unknown = before->n_unknown;
    w->n_duplicates = before->n_duplicates;
    for (int32_t s = 0; s < w->n_slots; s++) {
        w->cells[s].bounds[2 * (size_t)w->n_rows] = UINT32_MAX;
        w->cells[s].bounds[2 * (size_t)w->n_rows + 1] = 0;
        w->cells[s].kinds[w->n_rows] = AIP__JSON_MISSING;
    }
}

typedef const char *(*record_function)(aip__json_walker *w, const char *p);

/* One record at p. *next: behind it, or NULL when it is bad (w->why says why). */
static int32_t one_record(aip__json_walker *w, const char *p, record_function record, const char **next, aip_error **err) {
    counts before = counts_of(w);
    w->why = w->why_path = w->scalar_end = NULL;
    *next = record(w, p);
    if (*next) return AIP_OK;
    if (!w->why) return aip__error_memory(w->ctx, err);
    forget_row(w, &before);
    return AIP_OK;
}

/* An error whatever the policy, found where the record is cut or here. */
static void too_long(aip__json_walker *w, const char *at) {
    not_wanted(w, at, NULL, false);
    w->huge = true;
}

/* Nor may what lies between the elements of a list, from the comma at p on. */
static bool check_commas(aip__json_walker *w, const char *p) {
    const char *q = p;
    if (p < w->commas_end) return true;
    while (q < w->end && (is_space(*q, false) || *q == ',')) q++;
    w->commas_end = q;
    if (q - p <= w->options->max_record_bytes) return true;
    too_long(w, p);
    return false;
}

/* A stretch of what is no record, up to the next place where one could be cut, must not be longer than a record. */
static void check_stretch(aip__json_walker *w, const char *start) {
    bool list = w->layout == AIP__JSON_LIST;
    if (start < w->stretch_end) return;
    while (start < w->end && (is_space(*start, false) || (list && *start == ','))) start++;
    w->stretch_end = aip__json_junk_end(start, w->end, false);
    if (w->stretch_end - start > w->options->max_record_bytes) too_long(w, start);
}

static int32_t walk_lines(aip__json_walker *w, record_function record, aip_error **err) {
    const char *p = w->at;
    while (w->n_rows < w->max_rows && !(w->stop && w->n_faults > 0)) {
        const char *next = NULL;
        while (p < w->end && is_space(*p, false)) p++;
        if (p >= w->end) break;
        counts before = counts_of(w);
        AIP__TRY(one_record(w, p, record, &next, err));
        if (next) {
            const char *end = skip_space(next, true);
            if (end >= w->end || *end == '\n') {
                w->starts[w->n_rows] = p;
                w->ends[w->n_rows++] = end;
                p = end;
                continue;
            }
            wrong(w, end, "the end of the line expected", true);
            forget_row(w, &before);
        }
        const char *nl = memchr(p, '\n', (size_t)(w->end - p)), *end = nl ? nl : w->end;
        if (end - p > w->options->max_record_bytes) too_long(w, p);
        AIP__TRY(add_fault(w, p, end > p && end[-1] == '\r' ? end - 1 : end, err));
        p = end;
    }
    w->at = p;
    return AIP_OK;
}

/* Elements of a list, or records of a sequence. A record is done where its bracket closes, and each thing between records that does not belong
 * there is a bad record of its own; so what is found does not depend on where the text was cut. */
static int32_t walk_elements(aip__json_walker *w, record_function record, aip_error **err) {
    const char *p = w->at, *next = NULL;
    bool list = w->layout == AIP__JSON_LIST;
    while (w->n_rows < w->max_rows && !(w->stop && w->n_faults > 0)) {
        p = skip_space(p, false);
        if (p >= w->end) break;
        if (list && *p == ',' && !check_commas(w, p)) {
            AIP__TRY(add_fault(w, p, w->commas_end, err));
            p = w->commas_end;
            continue;
        }
        if (list && !w->value_next && *p == ',') {
            w->value_next = true;
            w->comma = p++;
            continue;
        }
        next = NULL;
        w->why_path = w->scalar_end = NULL;
        if (list && !w->value_next)
            wrong(w, p, "',' or ']' expected", true);
        else
            AIP__TRY(one_record(w, p, record, &next, err));
        w->value_next = !list;
        w->comma = NULL;
        if (next) {
            w->starts[w->n_rows] = p;
            w->ends[w->n_rows++] = next;
            p = next;
            continue;
        }
        const char *start = p;
        check_stretch(w, start);
        if (*p == ',')
            p++, w->value_next = true;
        else
            p = w->scalar_end ? w->scalar_end : aip__json_junk_end(p, w->end, list);
        AIP__TRY(add_fault(w, start, p, err));
    }
    w->at = p;
    if (p >= w->end && w->list_last && w->comma) {
        wrong(w, w->end, "a value expected behind ','", false);
        AIP__TRY(add_fault(w, w->comma, w->end, err));
        w->comma = NULL;
    }
    return AIP_OK;
}

/* ---- scalar: the reference, eight bytes in a word -------------------------------------------------------------------------------------------- */

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define IN_ORDER(v) __builtin_bswap64(v)
#else
#define IN_ORDER(v) (v)
#endif

#define LEVEL(name) scalar_##name
#define STEP 8
#define SHIFT 3

/* Bits above the first zero byte may be wrong: a borrow goes on from it. */
static inline uint64_t zero_bytes(uint64_t v) { return (v - ONES) & ~v & HIGHS; }

static inline void scalar_text_masks(const char *p, uint64_t *stop, uint64_t *high) {
    uint64_t v = IN_ORDER(load8(p));
    *stop = zero_bytes(v ^ ONES * '"') | zero_bytes(v ^ ONES * '\\') | ((v - ONES * 0x20) & ~v & HIGHS);
    *high = v & HIGHS;
}

static inline uint64_t scalar_other_than_digits(const char *p) {
    uint64_t v = IN_ORDER(load8(p)) ^ ONES * '0';
    return ((v + ONES * 0x76) | v) & HIGHS;
}

#include "formats/json/json_walk_body.h"
#undef LEVEL
#undef STEP
#undef SHIFT

#if defined(__aarch64__)

#define LEVEL(name) neon_##name
#define STEP 16
#define SHIFT 2

/* Four bits a byte: AArch64 has no mask of one bit each. */
static inline uint64_t neon_bits(uint8x16_t m) {
    uint8x8_t n = vshrn_n_u16(vreinterpretq_u16_u8(m), 4);
    return vget_lane_u64(vreinterpret_u64_u8(n), 0) & UINT64_C(0x8888888888888888);
}

static inline void neon_text_masks(const char *p, uint64_t *stop, uint64_t *high) {
    uint8x16_t v = vld1q_u8((const uint8_t *)p);
    uint8x16_t s = vorrq_u8(vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')), vceqq_u8(v, vdupq_n_u8('\\'))), vcltq_u8(v, vdupq_n_u8(0x20)));
    *stop = neon_bits(s);
    *high = neon_bits(vcgeq_u8(v, vdupq_n_u8(0x80)));
}

static inline uint64_t neon_other_than_digits(const char *p) {
    uint8x16_t v = vsubq_u8(vld1q_u8((const uint8_t *)p), vdupq_n_u8('0'));
    return neon_bits(vcgtq_u8(v, vdupq_n_u8(9)));
}

#include "formats/json/json_walk_body.h"
#undef LEVEL
#undef STEP
#undef SHIFT

#endif

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt")
#endif
#define LEVEL(name) avx2_##name
#define STEP 32
#define SHIFT 0

static inline void avx2_text_masks(const char *p, uint64_t *stop, uint64_t *high) {
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
    __m256i s = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
    *stop = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(s, control));
    *high = (uint32_t)_mm256_movemask_epi8(v);
}

static inline uint64_t avx2_other_than_digits(const char *p) {
    __m256i v = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)(const void *)p), _mm256_set1_epi8('0'));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(9)), v));
}

#include "formats/json/json_walk_body.h"
#undef LEVEL
#undef STEP
#undef SHIFT

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,avx512f,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,avx512f,avx512bw,avx512vl")
#endif
#define LEVEL(name) avx512_##name
#define STEP 64
#define SHIFT 0

static inline void avx512_text_masks(const char *p, uint64_t *stop, uint64_t *high) {
    __m512i v = _mm512_loadu_si512(p);
    *stop = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'))
            | _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20));
    *high = _mm512_movepi8_mask(v);
}

static inline uint64_t avx512_other_than_digits(const char *p) {
    __m512i v = _mm512_sub_epi8(_mm512_loadu_si512(p), _mm512_set1_epi8('0'));
    return _mm512_cmpgt_epu8_mask(v, _mm512_set1_epi8(9));
}

#include "formats/json/json_walk_body.h"
#undef LEVEL
#undef STEP
#undef SHIFT

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

static const walk_level *level_now(void) {
    switch (aip__cpu()) {
#if defined(__x86_64__)
    case AIP__CPU_AVX512: return &avx512_table;
    case AIP__CPU_AVX2: return &avx2_table;
#elif defined(__aarch64__)
    case AIP__CPU_NEON: return &neon_table;
#endif
    default: return &scalar_table;
    }
}

const char *aip__json_value(aip__json_walker *w, const char *p, int32_t levels, uint32_t *kind) {
    return level_now()->value(w, p, levels, kind);
}

int32_t aip__json_walk_begin(aip__json_walker *w, const aip__json_options *o, const aip__json_tree *tree, int32_t n_slots,
                             const aip__json_piece *piece, aip_error **err) {
    *w = (aip__json_walker){.ctx = o->ctx,
                            .options = o,
                            .text = piece->text,
                            .at = piece->text,
                            .end = piece->text + piece->n,
                            .layout = piece->layout,
                            .value_next = piece->layout != AIP__JSON_LIST || piece->first,
                            .list_last = piece->last,
                            .stop = o->on_bad_row == AIP__JSON_ERROR,
                            .n_slots = n_slots};
    int64_t rows = AIP__JSON_BLOCK_CELLS / (n_slots > 0 ? n_slots : 1);
    if (rows > piece->max_rows) rows = piece->max_rows;
    w->max_rows = rows < 1 ? 1 : (int32_t)rows;
    size_t rows_n = (size_t)w->max_rows, n_cells = rows_n * (size_t)n_slots;
    size_t column_bytes = (size_t)n_slots * sizeof *w->cells, place_bytes = 2 * rows_n * sizeof *w->starts;
    w->memory = aip__buffer_new(o->ctx, column_bytes + place_bytes + n_cells * (2 * sizeof(uint32_t) + 1));
    if (!w->memory) return aip__error_memory(o->ctx, err);
    w->cells = (aip__json_cells *)(void *)w->memory->data;
    w->starts = (const char **)(void *)(w->memory->data + column_bytes);
    w->ends = w->starts + rows_n;
    w->bounds = (uint32_t *)(void *)(w->memory->data + column_bytes + place_bytes);
    w->kinds = (uint8_t *)(w->bounds + 2 * n_cells);
    for (int32_t s = 0; s < n_slots; s++)
        w->cells[s] = (aip__json_cells){w->bounds + 2 * rows_n * (size_t)s, w->kinds + rows_n * (size_t)s};
    return aip__json_keys_init(&w->keys, o->ctx, tree, w->cells, err);
}

int32_t aip__json_walk_next(aip__json_walker *w, aip_error **err) {
    size_t n = (size_t)w->max_rows * (size_t)w->n_slots;
    memset(w->kinds, AIP__JSON_MISSING, n);
    for (size_t i = 0; i < n; i++) {
        w->bounds[2 * i] = UINT32_MAX;
        w->bounds[2 * i + 1] = 0;
    }
    w->n_rows = 0;
    w->n_faults = 0;
    w->n_nulled = w->n_unknown = w->n_duplicates = 0;
    return level_now()->walk(w, err);
}

void aip__json_walk_end(aip__json_walker *w) {
    aip__json_keys_free(&w->keys);
    aip__buffer_free(w->memory);
    aip__free(w->ctx, w->faults);
    w->memory = NULL;
    w->faults = NULL;
}
