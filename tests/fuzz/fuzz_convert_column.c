/* Columns of fields, one to a line of the input, which begins with what they are. Whatever the bytes: no read past the 64 bytes around the text; each
 * vector level gives the values and lists of the scalar one; texts and dictionary are the same column; UTF-8 is the same at every level. */
#include "data/convert_column.h"
#include "data/utf8.h"
#include "fuzz.h"

#define AROUND 64
#define MOST 4096

typedef struct result {
    uint64_t values[MOST];
    int32_t odd[MOST], empty[MOST], n_odd, n_empty;
} result;

static void hold(bool rule) {
    if (!rule) abort();
}

static void numbers(const aip__conversion *c, const aip__fields *f) {
    static result scalar, other;
    size_t looked_at = ((size_t)f->n + 64 < MOST ? (size_t)f->n + 64 : MOST) * sizeof(uint64_t);
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
        result *r = level == AIP__CPU_SCALAR ? &scalar : &other;
        if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
        memset(r->values, 0, looked_at);
        r->n_odd = aip__convert_fields(c, f, r->values, 0, r->odd, r->empty, &r->n_empty);
        hold(r->n_odd == scalar.n_odd && r->n_empty == scalar.n_empty && r->n_odd + r->n_empty <= f->n);
        hold(memcmp(r->odd, scalar.odd, (size_t)r->n_odd * sizeof(int32_t)) == 0);
        hold(memcmp(r->empty, scalar.empty, (size_t)r->n_empty * sizeof(int32_t)) == 0);
        hold(memcmp(r->values, scalar.values, looked_at) == 0);
    }
}

static bool is_null(const void *user, const char *s, size_t n) {
    (void)user;
    return n == 2 && s[1] == 'A';
}

static void texts(aip_context *ctx, const aip__fields *f, bool empty_is_null, bool quoted_null) {
    bool starts[256] = {['N'] = true};
    aip__text_rules rules = {.quote = '"',
                             .empty_is_null = empty_is_null,
                             .quoted_null = quoted_null,
                             .longest_null = 2,
                             .null_starts = starts,
                             .is_null = is_null};
    aip__utf8_builder b;
    aip__code_builder codes;
    aip__column *text = NULL, *coded = NULL;
    hold(aip__utf8_begin(&b, ctx, AIP_UTF8, 0, 0, NULL) == AIP_OK && aip__codes_begin(&codes, ctx, f->n, NULL) == AIP_OK);
    hold(aip__utf8_add_fields(&b, &rules, f, NULL) == AIP_OK && aip__codes_add_fields(&codes, &rules, f, NULL) == AIP_OK);
    hold(aip__utf8_end(&b, &text, NULL) == AIP_OK && aip__codes_end(&codes, &coded, NULL) == AIP_OK);
    hold(text->length == f->n && aip__column_equal(text, coded));
    aip__column_free(text);
    aip__column_free(coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int32_t types[8] = {AIP_BOOL,    AIP_INT32,  AIP_INT64,     AIP_FLOAT32,
                                     AIP_FLOAT64, AIP_DATE32, AIP_TIMESTAMP, AIP_DECIMAL64};
    static fuzz_host host;
    static uint32_t ends[MOST + 1];
    if (size < 2) return 0;
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)256 << 20);
    fuzz_begin(&host);
    aip__conversion c = {
        .type = types[data[0] & 7], .scale = data[1] % 19, .zoned = data[0] & 8, .decimal = data[0] & 16 ? ',' : '.'};
    bool last = data[0] & 32, empty_is_null = data[0] & 64, quoted_null = data[0] & 128;
    data += 2;
    size -= 2;
    char *bytes = malloc(size + 2 * AROUND); /* what lies outside is poisoned by the sanitizer */
    if (!bytes) abort();
    memset(bytes, '5', AROUND);
    memset(bytes + AROUND + size, '"', AROUND);
    if (size > 0) memcpy(bytes + AROUND, data, size);
    aip__fields f = {.text = bytes + AROUND, .ends = ends + 1, .stride = 1, .last = last};
    ends[0] = UINT32_MAX;
    for (size_t i = 0; i < size && f.n < MOST; i++)
        if (data[i] == '\n') ends[++f.n] = (uint32_t)i;
    if (f.n < MOST) ends[++f.n] = (uint32_t)size;
    numbers(&c, &f);
    texts(host.ctx, &f, empty_is_null, quoted_null);
    bool well = false;
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
        if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
        bool valid = aip__utf8_valid(bytes + AROUND, size);
        if (level == AIP__CPU_SCALAR) well = valid;
        hold(valid == well);
    }
    free(bytes);
    fuzz_end(&host);
    return 0;
}
