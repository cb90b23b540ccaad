/* What the two document targets share: the canonical text of what was accepted. */
#ifndef AIPIPE_TESTS_FUZZ_DOCUMENT_H
#define AIPIPE_TESTS_FUZZ_DOCUMENT_H

#include "base/document.h"
#include "fuzz.h"

typedef int32_t (*parse_fn)(aip_context *ctx, const char *text, size_t n, const char *source, aip__document **out,
                            aip_error **err);

/* NULL when refused, and then the error has a message and a place inside the text. Free with aip__free. */
static inline char *fuzz_canonical(aip_context *ctx, parse_fn parse, const char *text, size_t n, size_t *length) {
    aip__document *d = NULL;
    aip_error *err = NULL;
    char *out = NULL;
    int32_t status = parse(ctx, text, n, "input", &d, &err);
    if (status != AIP_OK) {
        if (d || aip_error_status(err) != status || aip_error_message(err)[0] == 0) abort();
        if (status != AIP_E_SYNTAX && status != AIP_E_MEMORY_LIMIT && status != AIP_E_NOMEM) abort();
        if (aip_error_offset(err) > (int64_t)n || aip_error_line(err) > (int64_t)n + 1) abort();
        aip_error_free(err);
        return NULL;
    }
    aip__text t;
    aip__text_init(&t, ctx);
    aip__node_write(aip__document_root(d), &t);
    aip__document_free(d);
    if (aip__text_take(&t, &out, length, NULL) != AIP_OK) return NULL; /* the memory limit */
    return out;
}

#endif
