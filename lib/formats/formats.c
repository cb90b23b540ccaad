/* The formats as a whole: how they are found, what their guesses mean, the parameters that all of them share. */
#include "formats/format.h"

#include "base/context.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/convert.h"
#include "data/schema.h"
#include "data/utf8.h"
#include "formats/arrow_ipc/arrow_ipc.h"
#include "formats/csv/csv.h"
#include "formats/json/json.h"
#include <string.h>

static const aip_param_spec common[] = {
    {sizeof(aip_param_spec), AIP_PARAM_ANY, "columns", "Columns to read: a list of names, or {name: new_name}; null: all", "null",
     NULL, 0, 0, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_OBJECT, "types",
     "Types by column name in the file, in place of the guessed ones: {age: int64, day: timestamp, at: \"timestamp[UTC]\", price: "
     "\"decimal64(2)\", carrier: dictionary}",
     "{}", NULL, 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "infer_rows",
     "First rows that types are guessed from (shared out among several files, at most 32 MiB); null: all rows", "10000", NULL, 1,
     1e15, 1, 0},
    {sizeof(aip_param_spec), AIP_PARAM_CHOICE, "on_bad_row",
     "A row that does not fit: error, null (the word or null itself: cells that do not parse become null, short rows are filled up with "
     "nulls, others are rejected), reject (into the rejects table), promote (types are settled over all rows before they are read, each "
     "that is more than infer_rows showed is reported; what fits no type of its column then is an error)",
     "\"error\"", "error|null|reject|promote", 0, 0, 0, 0},
    {sizeof(aip_param_spec), AIP_PARAM_FLOAT, "max_rejects",
     "More rejected rows are an error: a number of rows, or below 1 a fraction of them; null: no limit", "null", NULL, 0, 1e15, 1,
     0},
    {sizeof(aip_param_spec), AIP_PARAM_INT, "block_bytes",
     "Bytes of text that are read and cut into records at a time; a longer record takes a larger block. The rows are the same whatever it is. "
     "null: 1 MiB, and up to 4 MiB for CSV of more than 512 columns",
     "null", NULL, AIP__BLOCK_BYTES_MIN, AIP__BLOCK_BYTES_MAX, 1, 0},
};
#define N_COMMON (sizeof common / sizeof *common)
#define N_COMMON_TYPED 1 /* columns */

aip__guess aip__guess_join(aip__guess a, aip__guess b) {
    return (aip__guess){.type = aip__infer_join(a.type, b.type), .zoned = a.zoned || b.zoned, .unzoned = a.unzoned || b.unzoned};
}

void aip__guess_field(aip__guess g, aip_field *field) {
    bool mixed = g.type == AIP_TIMESTAMP && g.zoned && g.unzoned;
    field->type = g.type == 0 || mixed ? AIP_UTF8 : g.type;
    field->zone = field->type == AIP_TIMESTAMP && g.zoned ? "UTC" : NULL;
}

bool aip__guess_is_text(aip__guess g) { return g.type == AIP_UTF8 || (g.type == AIP_TIMESTAMP && g.zoned && g.unzoned); }

static bool same_field(aip__guess a, aip__guess b) {
    aip_field x = {0}, y = {0};
    aip__guess_field(a, &x);
    aip__guess_field(b, &y);
    return x.type == y.type && (x.zone == NULL) == (y.zone == NULL) && (a.type == 0) == (b.type == 0);
}

bool aip__guess_widen(aip__guess *running, aip__guess cell) {
    aip__guess before = *running;
    *running = aip__guess_join(before, cell);
    return !same_field(before, *running);
}

int32_t aip__type_steps_add(aip__type_steps *steps, const aip__type_step *step, aip_error **err) {
    if (aip__grow(steps->ctx, &steps->steps, &steps->capacity, steps->n + 1, sizeof *steps->steps) != 0)
        return aip__error_memory(steps->ctx, err);
    steps->steps[steps->n++] = *step;
    return AIP_OK;
}

void aip__type_steps_free(aip__type_steps *steps) {
    aip__free(steps->ctx, steps->steps);
    steps->steps = NULL;
    steps->n = steps->capacity = 0;
}

void aip__sample_free(aip_context *ctx, aip__sample *sample) {
    for (int32_t i = 0; sample->names && i < sample->n; i++) aip__free(ctx, sample->names[i]);
    for (int32_t i = 0; sample->fields && i < sample->n; i++) aip__free(ctx, (char *)(uintptr_t)sample->fields[i].zone);
    for (int32_t i = 0; sample->refused && i < sample->n; i++) aip__free(ctx, sample->refused[i]);
    aip__free(ctx, sample->names);
    aip__free(ctx, sample->guesses);
    aip__free(ctx, sample->fields);
    aip__free(ctx, sample->refused);
    *sample = (aip__sample){0};
}

void aip__bad_rows_free(aip_context *ctx, aip__bad_rows *bad) {
    if (!bad) return;
    aip__rejects_free(bad->rejects);
    aip__free(ctx, bad->first);
    aip__unknown_fields_free(ctx, &bad->unknown);
    aip__free(ctx, bad);
}

int32_t aip__unknown_fields_add(aip_context *ctx, aip__unknown_fields *u, const char *name, aip_error **err) {
    for (int32_t i = 0; i < u->n; i++)
        if (strcmp(u->names[i], name) == 0) return AIP_OK;
    if (u->n > AIP__FIELDS_NAMED) return AIP_OK;
    char *copy = aip__strdup(ctx, name);
    if (!copy) return aip__error_memory(ctx, err);
    u->names[u->n++] = copy;
    return AIP_OK;
}

void aip__unknown_fields_text(const aip__unknown_fields *u, aip__text *t) {
    for (int32_t i = 0; i < u->n && i < AIP__FIELDS_NAMED; i++) {
        char name[AIP__EXCERPT_BYTES];
        aip__excerpt(u->names[i], strlen(u->names[i]), name);
        aip__text_printf(t, "%s'%s'", i > 0 ? ", " : "", name);
        if (i == 0 && u->first) aip__text_printf(t, " (first in %s)", u->first);
    }
    if (u->n > AIP__FIELDS_NAMED) aip__text_str(t, ", ...");
}

void aip__unknown_fields_free(aip_context *ctx, aip__unknown_fields *u) {
    for (int32_t i = 0; i < u->n; i++) aip__free(ctx, u->names[i]);
    aip__free(ctx, u->first);
    *u = (aip__unknown_fields){0};
}

int32_t aip__format_find(aip_context *ctx, const char *name, const aip_descriptor **out, aip_error **err) {
    return aip__catalog_find(ctx, AIP_KIND_FORMAT, name, out, err);
}

void aip__excerpt(const char *s, size_t n, char out[AIP__EXCERPT_BYTES]) {
    size_t cut = n > 40 ? 40 : n, at = 0;
    while (cut < n && cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80) cut--;
    bool whole = aip__utf8_valid(s, cut);
    for (size_t i = 0; i < cut; i++) {
        unsigned char c = (unsigned char)s[i];
        out[at++] = c < 0x20 || c == 0x7f || (c >= 0x80 && !whole) ? '?' : (char)c;
    }
    memcpy(out + at, "...", cut < n ? 4 : 1);
    if (cut >= n) out[at] = 0;
}

static bool in_choices(const char *choices, const char *word) {
    size_t n = strlen(word);
    for (const char *c = choices; c && *c;) {
        size_t m = strcspn(c, "|");
        if (m == n && aip__same_word(c, word, n)) return true;
        c += m + (c[m] == '|');
    }
    return false;
}

const aip_descriptor *aip__format_by_extension(aip_context *ctx, const char *extension) {
    const aip_descriptor *d = NULL;
    for (int32_t i = 0; *extension && (d = aip__catalog_at(ctx, i)); i++)
        if (d->kind == AIP_KIND_FORMAT && in_choices(((const aip__format_ops *)d->ops)->extensions, extension)) return d;
    return NULL;
}

/* With the common parameters before its own. */
static int32_t register_format(aip_context *ctx, const aip_descriptor *format, aip_error **err) {
    size_t n_common = ((const aip__format_ops *)format->ops)->typed ? N_COMMON_TYPED : N_COMMON;
    size_t n = n_common + (size_t)format->n_params;
    aip_param_spec *params = aip__calloc(ctx, n, sizeof *params);
    if (!params) return aip__error_memory(ctx, err);
    memcpy(params, common, n_common * sizeof *params);
    if (format->n_params > 0) memcpy(params + n_common, format->params, (size_t)format->n_params * sizeof *params);
    aip_descriptor d = *format;
    d.params = params;
    d.n_params = (int32_t)n;
    int32_t status = aip_catalog_register(ctx, &d, err);
    aip__free(ctx, params);
    return status;
}

static void describe_format(const aip_descriptor *d, aip__text *t) {
    aip__catalog_add_names(t, "extensions", ((const aip__format_ops *)d->ops)->extensions);
}

int32_t aip__formats_register(aip_context *ctx, aip_error **err) {
    static const aip_descriptor *const formats[] = {&aip__csv_descriptor, &aip__arrow_ipc_descriptor, &aip__ndjson_descriptor,
                                                    &aip__json_descriptor};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) AIP__TRY(register_format(ctx, formats[i], err));
    aip__catalog_describe_kind(ctx, AIP_KIND_FORMAT, describe_format);
    return AIP_OK;
}

/* ---- pieces of what is written --------------------------------------------------------------------------------------------------------------- */

int32_t aip__pieces_add(aip__pieces *p, size_t at, const void *bytes, size_t n, aip_error **err) {
    if (n == 0) return AIP_OK;
    if (aip__grow(p->ctx, &p->items, &p->capacity, p->n + 1, sizeof *p->items) != 0) return aip__error_memory(p->ctx, err);
    p->items[p->n++] = (aip__piece){at, bytes, n};
    return AIP_OK;
}

void aip__pieces_free(aip__pieces *p) {
    aip__free(p->ctx, p->items);
    p->items = NULL;
    p->n = p->capacity = 0;
}
