/* Little-endian bytes in memory: what fitted states and packages are written as and read from. */
#include "base/bytes.h"

#include "base/error.h"
#include "base/memory.h"
#include <string.h>

static void put_u64(uint8_t bytes[8], uint64_t v) {
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_u64(const uint8_t *bytes) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

/* ---- writer -------------------------------------------------------------------------------------------------------------------- */

void aip__writer_init(aip_writer *w, aip_context *ctx) { aip__text_init(&w->text, ctx); }
void aip__writer_free(aip_writer *w) { aip__text_free(&w->text); }

int32_t aip_writer_bytes(aip_writer *w, const void *bytes, size_t n, aip_error **err) {
    AIP__BEGIN(err);
    if (!w || (!bytes && n > 0)) return aip__error_set(err, AIP_E_MISUSE, "aip_writer_bytes: writer or bytes is NULL");
    aip__text_add(&w->text, bytes, n);
    return w->text.failed ? aip__error_memory(w->text.ctx, err) : AIP_OK;
}

int32_t aip_writer_i64(aip_writer *w, int64_t v, aip_error **err) {
    uint8_t bytes[8];
    put_u64(bytes, (uint64_t)v);
    return aip_writer_bytes(w, bytes, sizeof bytes, err);
}

int32_t aip_writer_f64(aip_writer *w, double v, aip_error **err) {
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    return aip_writer_i64(w, (int64_t)bits, err);
}

int32_t aip_writer_text(aip_writer *w, const char *text, aip_error **err) {
    AIP__BEGIN(err);
    if (!text) return aip__error_set(err, AIP_E_MISUSE, "aip_writer_text: text is NULL");
    size_t n = strlen(text);
    AIP__TRY(aip_writer_i64(w, (int64_t)n, err));
    return aip_writer_bytes(w, text, n, err);
}

/* ---- reader -------------------------------------------------------------------------------------------------------------------- */

void aip__reader_init(aip_reader *r, aip_context *ctx, const void *bytes, size_t n, const char *source) {
    *r = (aip_reader){.ctx = ctx, .bytes = bytes, .n = n, .source = source};
}

static int32_t corrupt(const aip_reader *r, int32_t status, aip_error **err) {
    aip__error_at_source(err, r->source);
    aip__error_at_offset(err, (int64_t)r->at);
    return status;
}

int32_t aip__reader_view(aip_reader *r, size_t n, const uint8_t **bytes, aip_error **err) {
    size_t left = r->n - r->at;
    if (n > left)
        return corrupt(r,
                       aip__error_set(err, AIP_E_CORRUPT, "ends too early: expected %zu more bytes at offset %zu, found %zu", n,
                                      r->at, left),
                       err);
    *bytes = r->bytes + r->at;
    r->at += n;
    return AIP_OK;
}

int32_t aip_reader_bytes(aip_reader *r, void *bytes, size_t n, aip_error **err) {
    AIP__BEGIN(err);
    if (!r || (!bytes && n > 0)) return aip__error_set(err, AIP_E_MISUSE, "aip_reader_bytes: reader or bytes is NULL");
    const uint8_t *view = NULL;
    AIP__TRY(aip__reader_view(r, n, &view, err));
    if (n > 0) memcpy(bytes, r->bytes + (r->at - n), n);
    return AIP_OK;
}

int32_t aip_reader_i64(aip_reader *r, int64_t *v, aip_error **err) {
    AIP__BEGIN(err);
    uint8_t bytes[8];
    if (!v) return aip__error_set(err, AIP_E_MISUSE, "aip_reader_i64: v is NULL");
    AIP__TRY(aip_reader_bytes(r, bytes, sizeof bytes, err));
    *v = (int64_t)get_u64(bytes);
    return AIP_OK;
}

int32_t aip_reader_f64(aip_reader *r, double *v, aip_error **err) {
    AIP__BEGIN(err);
    int64_t bits = 0;
    if (!v) return aip__error_set(err, AIP_E_MISUSE, "aip_reader_f64: v is NULL");
    AIP__TRY(aip_reader_i64(r, &bits, err));
    memcpy(v, &bits, sizeof *v);
    return AIP_OK;
}

int32_t aip_reader_text(aip_reader *r, const char **text, size_t *n, aip_error **err) {
    AIP__BEGIN(err);
    if (!r || !text || !n) return aip__error_set(err, AIP_E_MISUSE, "aip_reader_text: reader, text or n is NULL");
    int64_t length = 0;
    size_t start = r->at;
    AIP__TRY(aip_reader_i64(r, &length, err));
    if (length < 0 || (uint64_t)length > r->n - r->at) {
        r->at = start;
        return corrupt(r,
                       aip__error_set(err, AIP_E_CORRUPT, "a text of %lld bytes is announced at offset %zu: expected at most %zu",
                                      (long long)length, start, r->n - start - 8),
                       err);
    }
    const uint8_t *view = NULL;
    AIP__TRY(aip__reader_view(r, (size_t)length, &view, err));
    *text = (const char *)view;
    *n = (size_t)length;
    return AIP_OK;
}

size_t aip_reader_left(const aip_reader *r) { return r ? r->n - r->at : 0; }
