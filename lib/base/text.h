/* A growing byte string, for building messages, JSON and files in memory. Once a growth was refused it stays failed, and the caller looks
 * once at the end. */
#ifndef AIPIPE_LIB_BASE_TEXT_H
#define AIPIPE_LIB_BASE_TEXT_H

#include <aipipe/base.h>
#include <stdbool.h>

typedef struct aip__text {
    aip_context *ctx;
    char *bytes; /* NUL-terminated once anything was added */
    size_t n, capacity;
    bool failed;
} aip__text;

void aip__text_init(aip__text *t, aip_context *ctx);
void aip__text_add(aip__text *t, const char *bytes, size_t n);
void aip__text_str(aip__text *t, const char *text);
void aip__text_char(aip__text *t, char c);
/* Where at least n bytes may be written behind the text; the caller then adds what it wrote to t->n. NULL when a growth was refused. What is
 * there has no NUL behind it until the next aip__text_add. */
char *aip__text_reserve(aip__text *t, size_t n);
void aip__text_printf(aip__text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void aip__text_json(aip__text *t, const char *bytes, size_t n); /* quoted and escaped; invalid UTF-8 becomes U+FFFD */
/* Shortest decimal that reads back to the same double, in the C locale: 0.1, 1, -0 (in JSON -0.0, else
 * it reads back as an integer), 1e-05, 1e+16; "NaN", "Infinity", "-Infinity" (quoted when json). */
void aip__text_f64(aip__text *t, double v, bool json);
/* strtod that always reads in the C locale, whatever the host set. */
double aip__strtod(const char *text, char **end);
/* What is put behind a word that is counted: "" of one, "s" of any other number. */
static inline const char *aip__plural(int64_t n) { return n == 1 ? "" : "s"; }
/* Whether the n bytes are equal but for the case of ASCII letters, whatever the locale. */
bool aip__same_word(const char *a, const char *b, size_t n);
/* Hands the bytes over (free with aip__free); AIP_E_NOMEM or AIP_E_MEMORY_LIMIT when a growth was refused. */
int32_t aip__text_take(aip__text *t, char **out, size_t *n, aip_error **err);
void aip__text_free(aip__text *t);

#endif
