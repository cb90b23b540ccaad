/* Expressions from text to values: parse, bind to a schema of every type, evaluate over a small batch with nulls. Bytes after a NUL are a TZif
 * file. Whatever comes in, there is a result or an error, and nothing is left of either. */
#include "base/io.h"
#include "expr/expr.h"
#include "expr/zone.h"
#include "fuzz.h"

#define N_COLUMNS 11

static fuzz_host host;
static aip_schema *schema;
static aip_batch *batch;

static aip__column *column(aip_context *ctx, int32_t type) {
    aip__column *c = NULL;
    if (type == AIP_UTF8 || type == AIP_BINARY || type == AIP_DICTIONARY) {
        static const char *const words[] = {"abc", "\xff", "2013-01-01", "7"};
        aip__utf8_builder b;
        if (aip__utf8_begin(&b, ctx, type == AIP_DICTIONARY ? AIP_UTF8 : type, 4, 0, NULL) != AIP_OK) abort();
        for (int i = 0; i < 4; i++)
            if (aip__utf8_add(&b, words[i], strlen(words[i]), NULL) != AIP_OK) abort();
        if (aip__utf8_end(&b, &c, NULL) != AIP_OK) abort();
        if (type != AIP_DICTIONARY) return c;
        aip__column *texts = c;
        if (aip__column_dictionary(ctx, (const int32_t[]){0, 1, -1, 3}, 4, texts, &c, NULL) != AIP_OK) abort();
        aip__column_free(texts);
        return c;
    }
    if (aip__column_new(ctx, type, 4, true, &c, NULL) != AIP_OK) abort();
    uint8_t *v = aip__column_values_mut(c), *validity = aip__column_validity_mut(c);
    size_t width = aip__type_width(type);
    memset(v, 0x7f, width ? width : 1); /* a large value, 0, null, all bits */
    if (width) memset(v + 3 * width, 0xff, width);
    aip__bit_clear(validity, 2);
    aip__column_publish(c);
    return c;
}

static void set_up(void) {
    static const char *const names[N_COLUMNS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    aip_field fields[N_COLUMNS];
    aip__column *columns[N_COLUMNS];
    host.ctx = fuzz_make((uint64_t)256 << 20);
    for (int32_t i = 0; i < N_COLUMNS; i++) {
        fields[i] = aip__field(names[i], i + 1); /* every type */
        columns[i] = column(host.ctx, i + 1);
    }
    fields[10].scale = 2;
    must(aip_schema_create(host.ctx, fields, N_COLUMNS, &schema, NULL) == AIP_OK, "schema");
    must(aip__batch_new(schema, 4, columns, &batch, NULL) == AIP_OK, "batch");
}

static void evaluate(aip_context *ctx, const char *text, size_t n) {
    aip__expr *e = NULL;
    aip__bound_expr *b = NULL;
    if (aip__expr_parse(ctx, text, n, &e, NULL) != AIP_OK) return;
    if (aip__expr_bind(e, schema, &b, NULL) == AIP_OK) {
        aip__column *out = NULL;
        if (aip__expr_eval(b, batch, &out, NULL) == AIP_OK && (out->length != 4 || out->type != aip__expr_field(b)->type))
            abort();
        aip__column_free(out);
    }
    aip__expr_unbind(b);
    aip__expr_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (!host.ctx) set_up();
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    const uint8_t *zero = n ? memchr(bytes, 0, n) : NULL;
    size_t text = zero ? (size_t)(zero - bytes) : n;
    evaluate(ctx, (const char *)bytes, text);
    if (zero) {
        aip__zone *z = NULL;
        if (aip__zone_parse(ctx, "fuzz", zero + 1, n - text - 1, &z, NULL) == AIP_OK) {
            static const int64_t times[] = {-(INT64_C(1) << 40), -1, 0, 1357014615, 4102444800, INT64_C(1) << 40};
            aip__zone_span span = {.from = 1};
            for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                int32_t offset = aip__zone_offset(z, times[i], &span);
                if (offset <= -100000 || offset >= 100000) abort();
                if (llabs(aip__zone_to_utc(z, times[i]) - times[i]) > 100000) abort();
            }
            aip__zone_free(z);
        }
    }
    fuzz_end(&host);
    return 0;
}
